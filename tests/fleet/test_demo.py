"""The demo fleet is connected once, and again when the sandbox comes back elsewhere."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import yaml

from apps.fleet.connections import open_kube, seal
from apps.fleet.demo import DemoCluster, DemoPrice, connect_demo
from apps.fleet.models import Cluster, NodePrice
from apps.fleet.prices import price_book
from apps.kernel.ports import KubeConnection
from apps.ledger.models import Record
from tests.fleet.test_rows import make_cluster
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)
CLUSTERS = [DemoCluster("eu-dev", environment="development", region="eu-central-1")]


@pytest.fixture
def kubeconfig(sandbox_api: SandboxServer) -> str:
    """One context, named like the demo's cluster."""
    config = yaml.safe_load(sandbox_api.kubeconfig("admin"))
    config["contexts"][0]["name"] = config["current-context"] = "eu-dev"
    return yaml.safe_dump(config)


def _records() -> int:
    return Record.objects.filter(kind="Setting").count()


def test_it_is_connected_like_any_cluster(kubeconfig: str) -> None:
    (row,) = connect_demo(CLUSTERS, kubeconfig=kubeconfig, today=TODAY)
    assert (row.is_demo, row.environment, row.region) == (True, "development", "eu-central-1")
    assert row.account.startswith("system:serviceaccount:")
    assert _records() == 1


def test_a_second_start_changes_nothing(kubeconfig: str) -> None:
    (first,) = connect_demo(CLUSTERS, kubeconfig=kubeconfig, today=TODAY)
    (second,) = connect_demo(CLUSTERS, kubeconfig=kubeconfig, today=TODAY)
    assert second.pk == first.pk
    assert second.sealed_credentials == first.sealed_credentials
    assert _records() == 1


@pytest.mark.parametrize("change", [{"server": "https://127.0.0.1:1"}, {"token": "stale"}, {"ca_pem": ""}])
def test_a_sandbox_that_came_back_elsewhere_is_connected_again(kubeconfig: str, change: dict[str, str]) -> None:
    (row,) = connect_demo(CLUSTERS, kubeconfig=kubeconfig, today=TODAY)
    good = open_kube(row.sealed_credentials)
    known = {"server": good.server, "token": good.token, "ca_pem": good.ca_pem, **change}
    Cluster.objects.update(sealed_credentials=seal(KubeConnection(**known)))
    (again,) = connect_demo(CLUSTERS, kubeconfig=kubeconfig, today=TODAY)
    assert again.pk == row.pk
    found = open_kube(Cluster.objects.get().sealed_credentials)
    assert (found.server, found.ca_pem) == (good.server, good.ca_pem)
    assert found.token != "stale"
    assert _records() == 2


def test_a_cluster_that_is_not_the_demos_is_left_alone(kubeconfig: str) -> None:
    mine = make_cluster("eu-dev")
    assert connect_demo(CLUSTERS, kubeconfig=kubeconfig, today=TODAY) == []
    mine.refresh_from_db()
    assert mine.sealed_credentials == "-"


def test_the_demos_prices_are_in_the_book() -> None:
    for price in ("0.0805", "0.0900"):
        connect_demo(
            [], kubeconfig="", prices=[DemoPrice("m5.xlarge", spot=True, price_per_hour=Decimal(price))], today=TODAY
        )
    assert NodePrice.objects.get().source == "sandbox"
    assert price_book().rows == {("m5.xlarge", "", True): Decimal("0.0900")}


def test_rows_in_another_currency_are_left_aside() -> None:
    NodePrice.objects.create(instance_type="x", price_per_hour=Decimal(1), currency="EUR", as_of=TODAY)
    assert price_book().rows == {}
