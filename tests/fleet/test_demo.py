"""The demo fleet is connected once, and again when the sandbox comes back elsewhere."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from apps.fleet.connections import open_kube, seal
from apps.fleet.demo import DemoPrice, connect_demo, keep_prices
from apps.fleet.models import Cluster, NodePrice
from apps.fleet.prices import price_book
from apps.fleet.services import NewCluster
from apps.kernel.ports import KubeConnection
from apps.ledger.models import Record
from tests.fleet.test_rows import make_cluster
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)


@pytest.fixture
def given(sandbox_api: SandboxServer) -> NewCluster:
    return NewCluster("eu-dev", sandbox_api.kubeconfig("admin"), environment="development", region="eu-central-1")


def _connected(given: NewCluster) -> Cluster:
    row, _ = connect_demo(given)
    assert row is not None
    return row


def _records() -> int:
    return Record.objects.filter(kind="Setting").count()


def test_it_is_connected_like_any_cluster(given: NewCluster) -> None:
    row = _connected(given)
    assert (row.is_demo, row.environment, row.region) == (True, "development", "eu-central-1")
    assert row.account.startswith("system:serviceaccount:")
    assert _records() == 1


def test_a_second_start_changes_nothing(given: NewCluster) -> None:
    first, new = connect_demo(given)
    assert new
    second, new = connect_demo(given)
    assert not new
    assert first is not None
    assert second is not None
    assert second.pk == first.pk
    assert second.sealed_credentials == first.sealed_credentials
    assert _records() == 1


@pytest.mark.parametrize("change", [{"server": "https://127.0.0.1:1"}, {"token": "stale"}, {"ca_pem": ""}])
def test_a_sandbox_that_came_back_elsewhere_is_connected_again(given: NewCluster, change: dict[str, str]) -> None:
    row = _connected(given)
    good = open_kube(row.sealed_credentials)
    known = {"server": good.server, "token": good.token, "ca_pem": good.ca_pem, **change}
    Cluster.objects.update(sealed_credentials=seal(KubeConnection(**known)))
    again = _connected(given)
    assert again.pk == row.pk
    found = open_kube(Cluster.objects.get().sealed_credentials)
    assert (found.server, found.ca_pem) == (good.server, good.ca_pem)
    assert found.token != "stale"
    assert _records() == 2


def test_a_cluster_that_is_not_the_demos_is_left_alone(given: NewCluster) -> None:
    mine = make_cluster("eu-dev")
    assert connect_demo(given) == (None, False)
    mine.refresh_from_db()
    assert mine.sealed_credentials == "-"


def test_the_demos_prices_are_in_the_book_and_yours_stay() -> None:
    spot = DemoPrice("m5.xlarge", spot=True, price_per_hour=Decimal("0.0805"))
    keep_prices([spot], today=TODAY)
    assert NodePrice.objects.get().source == "sandbox"
    NodePrice.objects.update(price_per_hour=Decimal("0.09"))
    keep_prices([spot], today=TODAY)
    assert price_book().rows == {("m5.xlarge", "", True): Decimal("0.0900")}


def test_rows_in_another_currency_are_left_aside() -> None:
    NodePrice.objects.create(instance_type="x", price_per_hour=Decimal(1), currency="EUR", as_of=TODAY)
    assert price_book().rows == {}
