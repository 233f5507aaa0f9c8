"""Rows follow the cache, and only what changed is written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError

from apps.fleet.cache import ClusterCache
from apps.fleet.domain.pricing import PriceBook
from apps.fleet.domain.row_values import workload_state
from apps.fleet.models import Cluster, Namespace, Node, Volume, Workload
from apps.fleet.rows import RowKeeper
from apps.identity.models import Team
from apps.kernel import kinds
from apps.kernel.marks import SLEPT, mark_text
from apps.kernel.vocab import SleptMark
from tests.fleet.build import (
    NOW,
    Raw,
    feed,
    kernel_cluster,
    look,
    make_cache,
    make_deployment,
    make_deployment_pod,
    make_namespace,
    make_node,
    make_volume,
)

pytestmark = pytest.mark.django_db

BOOK = PriceBook(listed={("m5.xlarge", "", False): Decimal("0.192")})
Queries = Callable[..., AbstractContextManager[Any]]


def make_cluster(name: str = "demo", **more: Any) -> Cluster:
    return Cluster.objects.create(name=name, server="https://127.0.0.1:1", sealed_credentials="-", **more)


def _objects() -> dict[Any, list[Raw]]:
    return {
        kinds.NAMESPACE: [make_namespace()],
        kinds.NODE: [make_node()],
        kinds.DEPLOYMENT: [make_deployment(), make_deployment("api")],
        kinds.POD: [make_deployment_pod("web", 1)],
        kinds.PERSISTENT_VOLUME_CLAIM: [make_volume()],
    }


MARKED = {"annotations": {SLEPT: mark_text(SleptMark(2, "p", "a", slept_at=NOW))}}


def _slept() -> Raw:
    return make_deployment(replicas=0, metadata=MARKED)


def test_the_first_time_every_row_is_made() -> None:
    cluster = make_cluster()
    assert RowKeeper(cluster, cache=make_cache(_objects(), book=BOOK)).sync(now=NOW) == 5
    web = Workload.objects.get(name="web")
    assert (web.kind, web.namespace, web.replicas, web.state) == ("Deployment", "shop", 2, "Awake")
    assert web.price_per_hour == look(make_cache(_objects(), book=BOOK)).prices["Deployment/shop/web"]
    assert Node.objects.get().price_per_hour == Decimal("0.192")
    assert (Namespace.objects.get().name, Volume.objects.get().capacity_bytes) == ("shop", 10 * 2**30)


def test_nothing_is_written_when_nothing_changed(django_assert_num_queries: Queries) -> None:
    cluster, cache = make_cluster(), make_cache(_objects())
    keeper = RowKeeper(cluster, cache=cache)
    keeper.sync(now=NOW)
    with django_assert_num_queries(0):
        assert keeper.sync(now=NOW) == 0


def test_another_watcher_that_starts_writes_nothing_either() -> None:
    cluster, cache = make_cluster(), make_cache(_objects(), book=BOOK)
    RowKeeper(cluster, cache=cache).sync(now=NOW)
    before = dict(Workload.objects.values_list("pk", "updated_at"))
    assert RowKeeper(cluster, cache=make_cache(_objects(), book=BOOK)).sync(now=NOW + timedelta(hours=1)) == 0
    assert dict(Workload.objects.values_list("pk", "updated_at")) == before


def test_a_change_writes_its_row_and_keeps_the_columns_of_others() -> None:
    cluster, cache = make_cluster(), make_cache(_objects())
    keeper = RowKeeper(cluster, cache=cache)
    keeper.sync(now=NOW)
    Workload.objects.filter(name="web").update(reason_code="IdleTooShort", policy="p")
    feed(cache, kinds.DEPLOYMENT, make_deployment(replicas=7, ready=1))
    later = NOW + timedelta(minutes=1)
    assert keeper.sync(now=later) == 1
    web, api = Workload.objects.get(name="web"), Workload.objects.get(name="api")
    assert (web.replicas, web.reason_code, web.policy, web.updated_at) == (7, "IdleTooShort", "p", later)
    assert api.updated_at == NOW


def test_what_is_gone_in_the_cluster_goes_here() -> None:
    cluster, cache = make_cluster(), make_cache(_objects())
    other = make_cluster("other")
    RowKeeper(other, cache=make_cache(_objects())).sync(now=NOW)
    keeper = RowKeeper(cluster, cache=cache)
    keeper.sync(now=NOW)
    feed(cache, kinds.DEPLOYMENT, make_deployment("api"), type_="DELETED")
    assert keeper.sync(now=NOW) == 1
    assert set(Workload.objects.filter(cluster=cluster).values_list("name", flat=True)) == {"web"}
    assert Workload.objects.filter(cluster=other).count() == 2


def test_what_went_while_no_watcher_ran_goes_at_the_start() -> None:
    cluster = make_cluster()
    RowKeeper(cluster, cache=make_cache(_objects())).sync(now=NOW)
    RowKeeper(cluster, cache=make_cache({kinds.DEPLOYMENT: [make_deployment()]})).sync(now=NOW)
    assert (Workload.objects.count(), Node.objects.count(), Volume.objects.count()) == (1, 0, 0)


def test_a_half_loaded_cache_takes_nothing_away() -> None:
    cluster = make_cluster()
    RowKeeper(cluster, cache=make_cache(_objects())).sync(now=NOW)
    assert RowKeeper(cluster, cache=ClusterCache(kernel_cluster())).sync(now=NOW) == 0
    assert Workload.objects.count() == 2


def test_a_write_that_fails_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, cache = make_cluster(), make_cache(_objects())
    keeper = RowKeeper(cluster, cache=cache)
    keeper.sync(now=NOW)
    feed(cache, kinds.DEPLOYMENT, make_deployment(replicas=7))

    def full(*args: object, **more: object) -> None:
        raise DatabaseError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("apps.fleet.rows.publish", full)
        with pytest.raises(DatabaseError):
            keeper.sync(now=NOW)
    assert Workload.objects.get(name="web").replicas == 2
    keeper.sync(now=NOW)
    assert Workload.objects.get(name="web").replicas == 7


def test_rows_are_written_many_at_a_time(django_assert_max_num_queries: Queries) -> None:
    cluster = make_cluster()
    cache = make_cache({kinds.DEPLOYMENT: [make_deployment(f"app-{n}") for n in range(400)]})
    with django_assert_max_num_queries(24):
        assert RowKeeper(cluster, cache=cache).sync(now=NOW) == 400


def test_a_namespaces_label_gives_its_rows_to_a_team() -> None:
    owners, mates = Team.objects.create(name="owners"), Team.objects.create(name="mates")
    cluster, cache = make_cluster(team=owners), make_cache(_objects())
    keeper = RowKeeper(cluster, cache=cache)
    keeper.sync(now=NOW)
    assert Workload.objects.get(name="web").team == owners
    feed(cache, kinds.NAMESPACE, make_namespace(labels={"plimsoll.dev/team": "mates"}))
    keeper.sync(now=NOW)
    assert {row.team for row in Workload.objects.all()} == {mates}
    assert (Namespace.objects.get().team, Volume.objects.get().team, Node.objects.get().team) == (mates, mates, owners)
    feed(cache, kinds.NAMESPACE, make_namespace(labels={"plimsoll.dev/team": "nobody"}))
    keeper.sync(now=NOW)
    assert Workload.objects.get(name="web").team == owners


def test_a_workload_is_seen_to_fall_asleep_and_wake() -> None:
    cluster, cache = make_cluster(), make_cache(_objects())
    keeper = RowKeeper(cluster, cache=cache)
    states = []
    for raw in (
        make_deployment(),
        make_deployment(metadata=MARKED),
        {**_slept(), "status": {"readyReplicas": 2}},
        _slept(),
        make_deployment(ready=0, metadata=MARKED),
        make_deployment(ready=1),
        make_deployment(),
        make_deployment(ready=1),
    ):
        feed(cache, kinds.DEPLOYMENT, raw)
        keeper.sync(now=NOW)
        states.append(Workload.objects.get(name="web").state)
    assert states == ["Awake", "Falling", "Falling", "Asleep", "Waking", "Waking", "Awake", "Awake"]


def test_a_sleeping_row_knows_since_when_and_how_to_wake() -> None:
    cluster = make_cluster()
    RowKeeper(cluster, cache=make_cache({kinds.DEPLOYMENT: [_slept()]})).sync(now=NOW + timedelta(hours=1))
    row = Workload.objects.get()
    assert (row.state, row.asleep_since) == ("Asleep", NOW)
    assert row.slept["replicas"] == 2


def test_zero_replicas_without_a_mark_are_not_plimsolls_sleep() -> None:
    found = look(make_cache({kinds.DEPLOYMENT: [make_deployment(replicas=0)]})).workloads["Deployment/shop/web"]
    assert workload_state(found, was="Awake") == "Unknown"
