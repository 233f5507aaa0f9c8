"""The official Python client on the sandbox, unchanged."""

from __future__ import annotations

import json
import threading
from typing import Any

import kubernetes
import pytest
from kubernetes.client import ApiException

from apps.sandbox.kubeapi.builtin import CONFIGMAPS, CRDS, DEPLOYMENTS, PDBS, PODS
from apps.sandbox.kubeapi.errors import AlreadyExists, Obj
from apps.sandbox.kubeapi.store import WriteOptions
from tests.sandbox.kubeapi.live import Live
from tests.sandbox.kubeapi.objects import make_config_map, make_deployment, make_pod, make_policy


@pytest.fixture
def core(client: kubernetes.client.ApiClient) -> Any:
    return kubernetes.client.CoreV1Api(client)


@pytest.fixture
def apps(client: kubernetes.client.ApiClient) -> Any:
    return kubernetes.client.AppsV1Api(client)


@pytest.fixture
def custom(client: kubernetes.client.ApiClient, live: Live, policy_definition: Obj) -> Any:
    try:
        live.cluster.store.create(CRDS, obj=policy_definition)
    except AlreadyExists:
        pass
    return kubernetes.client.CustomObjectsApi(client)


def test_objects_come_and_go(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, make_config_map("a", namespace=space))
    assert made.data == {"a": "1"}
    made.data["b"] = "2"
    assert core.replace_namespaced_config_map("a", space, made).data == {"a": "1", "b": "2"}
    core.delete_namespaced_config_map("a", space)
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_config_map("a", space)
    assert caught.value.status == 404
    assert json.loads(caught.value.body)["details"] == {"name": "a", "kind": "configmaps"}


def test_a_stale_replace_is_a_409(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, make_config_map("a", namespace=space))
    core.patch_namespaced_config_map("a", space, {"data": {"a": "2"}})
    with pytest.raises(ApiException) as caught:
        core.replace_namespaced_config_map("a", space, made)
    assert caught.value.status == 409
    assert json.loads(caught.value.body)["reason"] == "Conflict"


def test_a_patch_with_a_version_is_a_precondition(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, make_config_map("a", namespace=space))
    version = made.metadata.resource_version
    first = {"metadata": {"resourceVersion": version, "annotations": {"plimsoll.dev/slept": "{}"}}}
    done = core.patch_namespaced_config_map("a", space, first)
    assert done.metadata.annotations == {"plimsoll.dev/slept": "{}"}
    with pytest.raises(ApiException) as caught:
        core.patch_namespaced_config_map("a", space, {**first, "data": {"x": "y"}})
    assert caught.value.status == 409


def test_the_scale_subresource_obeys_the_version(apps: Any, live: Live, space: str) -> None:
    live.cluster.store.create(DEPLOYMENTS, obj=make_deployment("web", namespace=space, replicas=3))
    scale = apps.read_namespaced_deployment_scale("web", space)
    assert scale.spec.replicas == 3
    assert scale.status.selector == "app=web"
    scale.spec.replicas = 0
    done = apps.replace_namespaced_deployment_scale("web", space, scale)
    assert done.spec.replicas in (None, 0)  # Go leaves a zero out
    assert apps.read_namespaced_deployment("web", space).spec.replicas == 0
    scale.spec.replicas = 3
    with pytest.raises(ApiException) as caught:
        apps.replace_namespaced_deployment_scale("web", space, scale)
    assert caught.value.status == 409
    body = {"metadata": {"resourceVersion": done.metadata.resource_version}, "spec": {"replicas": 2}}
    assert apps.patch_namespaced_deployment_scale("web", space, body).spec.replicas == 2


def test_the_selector_of_a_deployment_is_immutable(apps: Any, live: Live, space: str) -> None:
    live.cluster.store.create(DEPLOYMENTS, obj=make_deployment("web", namespace=space))
    with pytest.raises(ApiException) as caught:
        apps.patch_namespaced_deployment("web", space, {"spec": {"selector": {"matchLabels": {"app": "x"}}}})
    body = json.loads(caught.value.body)
    assert caught.value.status == 422
    assert {cause["field"] for cause in body["details"]["causes"]} >= {"spec.selector"}
    assert "field is immutable" in body["message"]


def test_custom_objects_and_their_status(custom: Any, space: str) -> None:
    of = ("plimsoll.dev", "v1alpha1", space, "resourcepolicies")
    made = custom.create_namespaced_custom_object(*of, {"apiVersion": "plimsoll.dev/v1alpha1", "kind": "ResourcePolicy",
                                                        **make_policy(namespace=space)})  # fmt: skip
    assert made["spec"]["mode"] == "DryRun"
    change = {"status": {"matched": 2}, "spec": {"priority": 1}}
    done = custom.patch_namespaced_custom_object_status(*of, "nights", change)
    assert (done["status"], done["spec"]["priority"]) == ({"matched": 2}, 100)
    again = custom.patch_namespaced_custom_object_status(*of, "nights", {"status": {"matched": 2}})
    assert again["metadata"]["resourceVersion"] == done["metadata"]["resourceVersion"]


def test_a_refused_custom_object_lists_its_causes(custom: Any, space: str) -> None:
    body = {"apiVersion": "plimsoll.dev/v1alpha1", "kind": "ResourcePolicy",
            **make_policy(namespace=space, scaleToZero={"idleAfter": "1m"})}  # fmt: skip
    with pytest.raises(ApiException) as caught:
        custom.create_namespaced_custom_object("plimsoll.dev", "v1alpha1", space, "resourcepolicies", body)
    status = json.loads(caught.value.body)
    assert (caught.value.status, status["reason"]) == (422, "Invalid")
    want = {"reason": "FieldValueInvalid", "message": "Invalid value: idleAfter must be at least 5m",
            "field": "spec.scaleToZero.idleAfter"}  # fmt: skip
    assert status["details"]["causes"] == [want]


def test_lists_come_in_pages(core: Any, live: Live, space: str) -> None:
    for number in range(7):
        live.cluster.store.create(CONFIGMAPS, obj=make_config_map(f"c{number}", namespace=space))
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(space, limit=3, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"c{number}" for number in range(7)] + ["kube-root-ca.crt"]


def test_a_watch_goes_on_from_a_version(core: Any, live: Live, space: str) -> None:
    store = live.cluster.store
    start = core.list_namespaced_config_map(space).metadata.resource_version
    store.create(CONFIGMAPS, obj=make_config_map("a", namespace=space))
    store.modify(CONFIGMAPS, namespace=space, name="a", change=lambda obj: obj["data"].update(a="2"))
    store.delete(CONFIGMAPS, namespace=space, name="a")
    watch = kubernetes.watch.Watch()
    seen = [
        event["type"]
        for event in watch.stream(core.list_namespaced_config_map, space, resource_version=start, timeout_seconds=1)
    ]
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_by_label_sees_objects_come_and_leave(core: Any, live: Live, space: str) -> None:
    store = live.cluster.store
    start = core.list_namespaced_config_map(space).metadata.resource_version
    store.create(CONFIGMAPS, obj=make_config_map("a", namespace=space))
    for labels in ({"on": "1"}, {"on": "1", "x": "y"}, {}):
        store.modify(
            CONFIGMAPS, namespace=space, name="a", change=lambda obj, now=labels: obj["metadata"].update(labels=now)
        )
    stream = kubernetes.watch.Watch().stream(
        core.list_namespaced_config_map, space, label_selector="on=1", resource_version=start, timeout_seconds=1
    )
    assert [event["type"] for event in stream] == ["ADDED", "MODIFIED", "DELETED"]


def raw_events(client: Any, path: str, **query: str) -> list[Obj]:
    """The raw events of a watch that ends by itself."""
    answer = client.call_api(
        *client.param_serialize(
            "GET", path, query_params=[*query.items(), ("watch", "1")], auth_settings=["BearerToken"]
        )
    )
    return [json.loads(line) for line in answer.read().splitlines()]


def test_a_watch_from_a_forgotten_version_is_told_410(client: Any, live: Live, space: str) -> None:
    live.cluster.store.compact()
    path = f"/api/v1/namespaces/{space}/configmaps"
    (event,) = raw_events(client, path, resourceVersion="1", timeoutSeconds="1")
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 1 (")


def test_a_watch_list_ends_its_beginning_with_a_bookmark(client: Any, live: Live, space: str) -> None:
    live.cluster.store.create(CONFIGMAPS, obj=make_config_map("a", namespace=space))
    events = raw_events(
        client,
        f"/api/v1/namespaces/{space}/configmaps",
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        timeoutSeconds="1",
    )
    assert [event["type"] for event in events[:3]] == ["ADDED", "ADDED", "BOOKMARK"]
    metadata = events[2]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(metadata["resourceVersion"]) >= int(events[0]["object"]["metadata"]["resourceVersion"])


def test_a_watch_list_without_its_match_is_refused(client: Any, space: str) -> None:
    answer = raw_events(client, f"/api/v1/namespaces/{space}/configmaps", sendInitialEvents="true")
    assert answer[0]["code"] == 422
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in answer[0]["message"]


def test_a_pod_is_evicted_only_within_its_budget(core: Any, live: Live, space: str) -> None:
    store = live.cluster.store
    for name in ("p1", "p2"):
        pod = store.create(PODS, obj=make_pod(name, namespace=space, labels={"app": "web"}))
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        store.update_status(PODS, obj={**pod, "status": status})
    budget = store.create(
        PDBS,
        obj={"metadata": {"name": "web", "namespace": space},
             "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}},
    )  # fmt: skip
    status = {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1,
              "expectedPods": 2}  # fmt: skip
    store.update_status(PDBS, obj={**budget, "status": status})
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p1", "namespace": space}}
    core.create_namespaced_pod_eviction("p1", space, body)
    assert store.find(PODS, namespace=space, name="p1") is None
    store.modify(
        PDBS, namespace=space, name="web", options=WriteOptions(subresource="status"),
        change=lambda obj: obj["status"].update(currentHealthy=1),
    )  # fmt: skip
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod_eviction("p2", space, {**body, "metadata": {"name": "p2", "namespace": space}})
    answer = json.loads(caught.value.body)
    assert caught.value.status == 429
    assert answer["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert answer["details"]["causes"][0] == {
        "reason": "DisruptionBudget",
        "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
    }


def test_a_token_of_an_account_has_its_rights_and_dies_with_it(core: Any, live: Live, space: str) -> None:
    core.create_namespaced_service_account(space, {"metadata": {"name": "robot"}})
    live.ok("create", "role", "reader", "-n", space, "--verb=list", "--resource=pods")
    live.ok("create", "rolebinding", "reader", "-n", space, "--role=reader", f"--serviceaccount={space}:robot")
    request = {"spec": {"expirationSeconds": 3600}}
    token = core.create_namespaced_service_account_token("robot", space, request).status.token
    settings = kubernetes.client.Configuration.get_default_copy()
    settings.host, settings.ssl_ca_cert = core.api_client.configuration.host, core.api_client.configuration.ssl_ca_cert
    settings.api_key = {"authorization": f"Bearer {token}"}
    with kubernetes.client.ApiClient(settings) as api:
        mine = kubernetes.client.CoreV1Api(api)
        assert mine.list_namespaced_pod(space).items == []
        with pytest.raises(ApiException) as caught:
            mine.list_namespaced_secret(space)
        assert caught.value.status == 403
        said = json.loads(caught.value.body)["message"]
        assert f'User "system:serviceaccount:{space}:robot" cannot list resource "secrets"' in said
        core.delete_namespaced_service_account("robot", space)
        with pytest.raises(ApiException) as caught:
            mine.list_namespaced_pod(space)
        assert caught.value.status == 401


def test_reviews_tell_the_rights_of_others(client: Any, space: str) -> None:
    api = kubernetes.client.AuthorizationV1Api(client)
    asked = {"user": "jane", "resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": space}}
    assert api.create_subject_access_review({"spec": asked}).status.allowed is False
    mine = {"resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": space}}
    assert api.create_self_subject_access_review({"spec": mine}).status.allowed is True


def test_a_watch_that_the_server_closes_ends_in_order(core: Any, live: Live, space: str) -> None:
    got: list[str] = []

    def follow() -> None:
        stream = kubernetes.watch.Watch().stream(core.list_namespaced_config_map, space, timeout_seconds=60)
        for event in stream:
            got.append(event["object"].metadata.name)
            if event["object"].metadata.name == "last":
                live.app.close_watches()
                break

    thread = threading.Thread(target=follow)
    thread.start()
    live.cluster.store.create(CONFIGMAPS, obj=make_config_map("last", namespace=space))
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert got[-1] == "last"
