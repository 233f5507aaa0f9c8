"""Connecting a cluster, on the sandbox and on a real control plane.

- from an administrator's kubeconfig to an account of least privilege
- read only; an account that cannot apply; another connection for a cluster that is there
- what is refused, and with which mend
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from apps.adapters.kubernetes import connect as connect_adapter
from apps.adapters.kubernetes import parse_kubeconfig
from apps.fleet import services
from apps.fleet.connections import open_kube
from apps.fleet.domain.manifests import ACCOUNT_NAME, WRITE_ROLE
from apps.fleet.models import Cluster
from apps.fleet.services import NewCluster
from apps.kernel import kinds
from apps.kernel.errors import (
    AlreadyExists,
    Forbidden,
    InvalidInput,
    NotFound,
    PlimsollError,
    Unauthenticated,
    Unavailable,
)
from apps.kernel.ports import MetricsConnection
from apps.kernel.vocab import ObjectRef
from apps.ledger.models import Record
from tests.adapters.servers import answer, serve
from tests.contract.conftest import KubeServer, kube_server  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def given(kube_server: KubeServer) -> NewCluster:  # noqa: F811  the fixture
    return NewCluster("prod-1", kube_server.kubeconfig("admin"), environment="production", region="eu-1")


def test_an_administrators_kubeconfig_becomes_an_account_of_least_privilege(given: NewCluster) -> None:
    steps: list[str] = []
    report = services.add_cluster(given, actor="tests", request_id="r1", progress=steps.append)
    assert report.connection.ok, report.connection
    assert report.account == ACCOUNT_NAME
    assert "ClusterRole/plimsoll-write" in report.applied
    assert any("resourcepolicies" in step for step in steps)
    row = Cluster.objects.get()
    assert (row.name, row.environment, row.account, row.state) == ("prod-1", "production", ACCOUNT_NAME, "Syncing")
    assert row.kube_version.startswith("v1.")
    administrator = parse_kubeconfig(given.kubeconfig)
    stored = open_kube(row.sealed_credentials)
    assert stored.token
    assert stored.token != administrator.token
    assert stored.client_key_pem == ""


def test_the_account_may_scale_and_may_not_read_secrets(given: NewCluster) -> None:
    services.add_cluster(given, actor="tests")
    kube = services.connect(Cluster.objects.get())
    try:
        assert kube.can("patch", kinds.DEPLOYMENT, subresource="scale")
        assert not kube.can("list", kinds.SECRET)
        with pytest.raises(Forbidden):
            kube.list(kinds.SECRET)
    finally:
        kube.close()


def test_connecting_is_on_the_record_without_a_secret(given: NewCluster) -> None:
    services.add_cluster(given, actor="tests", request_id="r1")
    record = Record.objects.get(kind="Setting")
    assert (record.actor, record.request_id, record.subject) == ("tests", "r1", "Cluster/prod-1")
    assert "ClusterAdded" in record.content
    stored = open_kube(Cluster.objects.get().sealed_credentials)
    assert stored.token not in record.content
    assert stored.token not in Cluster.objects.get().sealed_credentials


def test_a_read_only_cluster_has_no_role_that_writes(given: NewCluster) -> None:
    services.add_cluster(given, actor="tests")
    report = services.update_connection(Cluster.objects.get(), replace(given, read_only=True), actor="tests")
    assert report.connection.ok
    assert not any(WRITE_ROLE in name for name in report.applied)
    row = Cluster.objects.get()
    assert row.read_only
    kube = services.connect(row)
    admin = connect_adapter(parse_kubeconfig(given.kubeconfig), cluster="admin")
    try:
        with pytest.raises(NotFound):
            admin.get(ObjectRef("admin", "rbac.authorization.k8s.io", "ClusterRole", "", WRITE_ROLE))
        assert not kube.can("patch", kinds.DEPLOYMENT)
        assert kube.can("watch", kinds.POD)
    finally:
        kube.close()
        admin.close()


def test_the_same_cluster_can_be_connected_again_after_it_was_removed(given: NewCluster) -> None:
    services.add_cluster(given, actor="tests")
    services.remove_cluster(Cluster.objects.get(), actor="tests")
    assert not Cluster.objects.exists()
    assert services.add_cluster(given, actor="tests").connection.ok
    events = [record.content for record in Record.objects.filter(kind="Setting").order_by("seq")]
    assert ["ClusterAdded" in text for text in events] == [True, False, True]
    assert "ClusterRemoved" in events[1]


def test_an_account_that_may_nothing_is_told_what_to_do(given: NewCluster, kube_server: KubeServer) -> None:  # noqa: F811
    nobody = replace(given, kubeconfig=kube_server.kubeconfig("nobody"))
    with pytest.raises(Forbidden, match="may not apply") as caught:
        services.add_cluster(nobody, actor="tests")
    assert "--print" in str(caught.value.mend)
    assert not Cluster.objects.exists()


def test_an_account_that_is_kept_names_every_verb_it_lacks(given: NewCluster, kube_server: KubeServer) -> None:  # noqa: F811
    nobody = replace(given, kubeconfig=kube_server.kubeconfig("nobody"), keep_account=True)
    report = services.add_cluster(nobody, actor="tests")
    missing = {f"{verb.verb} {verb.resource}" for verb in report.connection.missing}
    assert {"list pods", "watch deployments.apps", "patch deployments.apps/scale", "create events"} <= missing
    assert report.account == "kubeconfig"


def test_a_test_of_a_stored_connection_repeats_the_findings(given: NewCluster) -> None:
    services.add_cluster(given, actor="tests")
    report = services.test_cluster(Cluster.objects.get())
    assert report.ok
    assert report.account == ACCOUNT_NAME


def test_a_metrics_source_that_does_not_answer_is_reported_and_the_cluster_kept(given: NewCluster) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        report = services.add_cluster(replace(given, metrics=MetricsConnection(url=url)), actor="tests")
    assert "cannot be reached" in report.connection.metrics_error
    assert not report.connection.ok
    row = Cluster.objects.get()
    assert (row.metrics_url, row.metrics_kind) == (url, "prometheus")


ANSWER = b'{"status":"success","data":{"resultType":"vector","result":%s}}'


@pytest.mark.parametrize(
    ("result", "targets", "error"),
    [(b'[{"metric":{},"value":[1,"12"]}]', 12, ""), (b"[]", 0, "scrapes nothing")],
)
def test_the_metrics_source_is_asked_for_its_targets(
    given: NewCluster, result: bytes, targets: int, error: str
) -> None:
    with serve(answer(200, ANSWER % result, content_type="application/json")) as server:
        found = services.add_cluster(replace(given, metrics=MetricsConnection(url=server.url)), actor="tests")
    assert found.connection.metrics_targets == targets
    assert error in found.connection.metrics_error


def _changed(text: str, change: Callable[[dict[str, Any]], None]) -> str:
    config = yaml.safe_load(text)
    change(config)
    return yaml.safe_dump(config)


def _expired(config: dict[str, Any]) -> None:
    config["users"][0]["user"] = {"token": "long-expired"}


def _runs_code(config: dict[str, Any]) -> None:
    config["users"][0]["user"] = {"exec": {"command": "sh"}}


def _another_authority(config: dict[str, Any]) -> None:
    del config["clusters"][0]["cluster"]["certificate-authority-data"]


def _nobody_there(config: dict[str, Any]) -> None:
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        (_expired, Unauthenticated, "token"),
        (_runs_code, InvalidInput, "exec"),
        (_another_authority, InvalidInput, "ca_pem"),
        (_nobody_there, Unavailable, None),
    ],
)
def test_a_kubeconfig_that_does_not_work_is_refused_and_nothing_kept(
    given: NewCluster, change: Callable[[dict[str, Any]], None], error: type[PlimsollError], field: str | None
) -> None:
    with pytest.raises(error) as caught:
        services.add_cluster(replace(given, kubeconfig=_changed(given.kubeconfig, change)), actor="tests")
    assert field is None or field in str(caught.value.field)
    assert caught.value.mend
    assert not Cluster.objects.exists()
    assert not Record.objects.filter(kind="Setting").exists()


@pytest.mark.parametrize("name", ["", "Prod", "-a", "a-", "a b", "a/b", "ä", "x" * 64])
def test_a_name_that_cannot_be_one_is_refused(given: NewCluster, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.add_cluster(replace(given, name=name), actor="tests")
    assert caught.value.field == "name"


def test_a_name_that_is_taken_is_refused_before_anything_is_touched(given: NewCluster) -> None:
    services.add_cluster(given, actor="tests")
    with pytest.raises(AlreadyExists):
        services.add_cluster(replace(given, kubeconfig="nonsense"), actor="tests")


@pytest.fixture
def html_server() -> Iterator[str]:
    with serve(answer(200, "<html><title>Sign in</title></html>", content_type="text/html")) as server:
        yield server.url


def test_a_login_page_in_the_servers_place_is_named(given: NewCluster, html_server: str) -> None:
    def change(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"] = {"server": html_server}
        config["users"][0]["user"] = {"token": "t"}

    with pytest.raises(Unavailable, match="text/html") as caught:
        services.add_cluster(replace(given, kubeconfig=_changed(given.kubeconfig, change)), actor="tests")
    assert "login page" in str(caught.value.mend)


def test_what_is_printed_is_what_is_applied(given: NewCluster) -> None:
    whole = [f"{found['kind']}/{found['metadata']['name']}" for found in services.manifests()]
    assert list(services.add_cluster(given, actor="tests").applied) == whole
    read_only = [found["metadata"]["name"] for found in services.manifests(read_only=True)]
    assert WRITE_ROLE not in read_only
    assert set(read_only) < {found["metadata"]["name"] for found in services.manifests()}
