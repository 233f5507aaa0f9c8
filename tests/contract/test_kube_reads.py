"""KubeReader: what every implementation does alike. Lists, watches, access, and what is not there."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from apps.adapters.kubernetes import cluster as cluster_module
from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.kernel import kinds
from apps.kernel.errors import Forbidden, Gone, InvalidInput, NotFound, Unauthenticated
from apps.kernel.kinds import Kind
from apps.kernel.ports import Kube, WatchEvent
from apps.kernel.vocab import ObjectRef
from tests.contract.conftest import KubeServer
from tests.contract.objects import config_map, deployment, ref

CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")


def test_version_is_the_servers_git_version(kube: Kube) -> None:
    assert kube.version().startswith("v1.")


def test_get_gives_the_object_as_it_was_created(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a", colour="red"))
    found = kube.get(ref(made))
    assert found["data"] == {"colour": "red"}
    assert found["metadata"]["uid"] == made["metadata"]["uid"]


def test_get_of_nothing_is_not_found(kube: Kube, namespace: str) -> None:
    with pytest.raises(NotFound):
        kube.get(ObjectRef("contract", "", "ConfigMap", namespace, "nothing"))


def test_get_of_another_incarnation_is_not_found(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a"))
    with pytest.raises(NotFound, match="another object has its name"):
        kube.get(ref(made, uid="00000000-0000-0000-0000-000000000000"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a%2fb", "a\n"])
def test_a_name_that_would_lead_elsewhere_is_refused(kube: Kube, namespace: str, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        kube.get(ObjectRef("contract", "", "ConfigMap", namespace, name))
    assert caught.value.field == "name"


def test_a_namespaced_kind_without_namespace_is_refused(kube: Kube) -> None:
    with pytest.raises(InvalidInput) as caught:
        kube.get(ObjectRef("contract", "apps", "Deployment", "", "web"))
    assert caught.value.field == "namespace"


def test_a_kind_the_server_does_not_serve_is_not_found(kube: Kube) -> None:
    with pytest.raises(NotFound):
        kube.list(Kind("nowhere.example", "v1", "things", "Thing"))
    with pytest.raises(NotFound):
        kube.get(ObjectRef("contract", "apps", "Thing", "default", "x"))


def test_a_list_of_many_pages_is_whole(kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        kube.create(config_map(namespace, f"page-{number}"))
    monkeypatch.setattr(cluster_module, "PAGE", 3)
    listing = kube.list(CONFIG_MAP, namespace=namespace)
    names = sorted(found["metadata"]["name"] for found in listing.items)
    assert [name for name in names if name.startswith("page-")] == [f"page-{number}" for number in range(7)]
    assert len(names) == len(set(names))


def test_pages_bring_the_whole_in_parts_of_one_version(kube: Kube, namespace: str) -> None:
    for number in range(5):
        kube.create(config_map(namespace, f"page-{number}"))
    pages = list(kube.pages(CONFIG_MAP, page=2))
    assert all(len(page.items) <= 2 for page in pages)
    assert len({page.resource_version for page in pages}) == 1
    found = {(item["metadata"]["namespace"], item["metadata"]["name"]) for page in pages for item in page.items}
    assert {(namespace, f"page-{number}") for number in range(5)} <= found
    assert all(item["kind"] == "ConfigMap" for page in pages for item in page.items)


def test_list_items_say_what_they_are(kube: Kube, namespace: str) -> None:
    kube.create(deployment(namespace, "web", replicas=0))
    (found,) = kube.list(kinds.DEPLOYMENT, namespace=namespace).items
    assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")


def test_a_label_selector_narrows_the_list(kube: Kube, namespace: str) -> None:
    kube.create(deployment(namespace, "one", replicas=0, labels={"tier": "front"}))
    kube.create(deployment(namespace, "two", replicas=0, labels={"tier": "back"}))
    found = kube.list(kinds.DEPLOYMENT, label_selector="tier in (front)").items
    assert [item["metadata"]["name"] for item in found if item["metadata"]["namespace"] == namespace] == ["one"]


def test_a_broken_label_selector_is_invalid_input(kube: Kube) -> None:
    with pytest.raises(InvalidInput):
        kube.list(kinds.DEPLOYMENT, label_selector="tier in front")


def test_a_watch_tells_each_change_after_the_list(kube: Kube, namespace: str) -> None:
    kube.create(config_map(namespace, "before"))
    listing = kube.list(CONFIG_MAP)
    made = kube.create(config_map(namespace, "w", n="1"))
    kube.patch(ref(made), body={"data": {"n": "2"}})
    kube.delete(ref(made))
    stop = threading.Event()
    seen: list[WatchEvent] = []
    for event in kube.watch(CONFIG_MAP, resource_version=listing.resource_version, stop=stop):
        if event.object["metadata"].get("name") == "w" and event.object["metadata"].get("namespace") == namespace:
            seen.append(event)
        if len(seen) == 3:
            stop.set()
    assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event.object["data"]["n"] for event in seen] == ["1", "2", "2"]
    assert seen[0].object["kind"] == "ConfigMap"


def test_a_watch_resumes_from_the_last_event_seen(kube: Kube, namespace: str) -> None:
    first = kube.create(config_map(namespace, "w1"))
    kube.create(config_map(namespace, "w2"))
    stop = threading.Event()
    version = first["metadata"]["resourceVersion"]
    for event in kube.watch(CONFIG_MAP, resource_version=version, stop=stop):
        if event.type == "BOOKMARK":
            continue
        assert event.object["metadata"]["name"] == "w2"
        stop.set()


def test_a_quiet_watch_ends_soon_after_stop_is_set(kube: Kube) -> None:
    version = kube.list(kinds.STATEFUL_SET).resource_version
    stop, opened, ended = threading.Event(), threading.Event(), threading.Event()

    def follow() -> None:
        for _ in kube.watch(kinds.STATEFUL_SET, resource_version=version, stop=stop, opened=opened.set):
            pass
        ended.set()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert opened.wait(5), "the server did not accept the watch, although nothing has to change for that"
    assert not ended.wait(0.7)
    started = time.monotonic()
    stop.set()
    assert ended.wait(3)
    assert time.monotonic() - started < 2
    thread.join()


def test_a_watch_from_a_forgotten_version_is_gone(kube: Kube, kube_server: KubeServer) -> None:
    kube_server.forget_history()
    with pytest.raises(Gone):
        next(iter(kube.watch(kinds.DEPLOYMENT, resource_version="1", stop=threading.Event())))


def test_a_watch_of_a_kind_not_served_is_not_found(kube: Kube) -> None:
    with pytest.raises(NotFound):
        next(
            iter(kube.watch(Kind("nowhere.example", "v1", "things", "T"), resource_version="1", stop=threading.Event()))
        )


def test_an_administrator_can(kube: Kube) -> None:
    assert kube.can("patch", kinds.DEPLOYMENT, subresource="scale")


def test_nobody_cannot_and_is_told_what_is_missing(kube_server: KubeServer) -> None:
    nobody = connect(parse_kubeconfig(kube_server.kubeconfig("nobody")), cluster="contract")
    assert not nobody.can("list", kinds.POD)
    with pytest.raises(Forbidden, match=r"list deployments\.apps") as caught:
        nobody.list(kinds.DEPLOYMENT)
    assert caught.value.mend == "grant the account `list` on `deployments.apps`"
    nobody.close()


def test_a_wrong_token_is_unauthenticated_and_says_what_to_renew(kube_server: KubeServer) -> None:
    connection = replace(parse_kubeconfig(kube_server.kubeconfig("admin")), token="wrong")
    stranger = connect(connection, cluster="contract")
    for ask in (stranger.version, lambda: stranger.list(kinds.POD)):
        with pytest.raises(Unauthenticated) as caught:
            ask()
        assert caught.value.field == "token"
        assert "kubeconfig" in (caught.value.mend or "")
    stranger.close()


def test_an_authority_that_did_not_sign_is_invalid_input(kube_server: KubeServer) -> None:
    connection = replace(parse_kubeconfig(kube_server.kubeconfig("admin")), ca_pem="")
    stranger = connect(connection, cluster="contract")
    with pytest.raises(InvalidInput) as caught:
        stranger.version()
    assert caught.value.field == "ca_pem"
    stranger.close()
