"""The cluster that simulations run on: ports in process, a clock that is moved, and the truth beside them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.kernel import kinds
from apps.kernel.errors import AlreadyExists, Conflict, Gone, InvalidInput, NotFound
from apps.kernel.ports import Kube, Metrics
from apps.kernel.vocab import ObjectRef
from apps.sandbox.sim.clock import to_ms
from apps.sandbox.sim.harness import Harness

MINUTE = timedelta(minutes=1)


@pytest.fixture
def harness() -> Harness:
    return Harness(workloads=10, start=datetime(2026, 3, 16, 9, tzinfo=UTC))


def ref(name: str = "app-2", *, uid: str = "") -> ObjectRef:
    return ObjectRef("harness", "apps", "Deployment", "team-0-dev", name, uid)


def sleep(harness: Harness, name: str = "app-2") -> None:
    version = harness.kube.get(ref(name))["metadata"]["resourceVersion"]
    harness.kube.scale(ref(name), replicas=0, resource_version=version)


def test_it_serves_both_ports(harness: Harness) -> None:
    kube: Kube = harness.kube
    metrics: Metrics = harness.metrics
    assert len(kube.list(kinds.DEPLOYMENT).items) == 10
    assert kube.version().startswith("v1.")
    assert kube.can("patch", kinds.DEPLOYMENT)
    up = metrics.query('up{job="ingress-nginx"}', at=harness.now())
    assert [one.value for one in up] == [1.0, 1.0]
    assert [one.value for one in metrics.query("1 + 1", at=harness.now())] == [2.0]
    rates = metrics.query_range("sum(up)", start=harness.now() - 3 * MINUTE, end=harness.now(), step=MINUTE)
    assert [point[1] for point in rates[0].points] == [2.0] * 4
    kube.close()
    metrics.close()


def test_scaling_to_zero_and_back_is_asleep_in_between(harness: Harness) -> None:
    key = "Deployment/team-0-dev/app-2"
    before = harness.now()
    sleep(harness)
    harness.advance(MINUTE)
    assert harness.kube.get(ref())["status"].get("readyReplicas") is None
    version = harness.kube.get(ref())["metadata"]["resourceVersion"]
    harness.kube.scale(ref(), replicas=3, resource_version=version)
    harness.advance(timedelta(seconds=1))
    assert harness.kube.get(ref())["status"].get("readyReplicas") is None
    harness.advance(MINUTE)
    assert harness.kube.get(ref())["status"]["readyReplicas"] == 3
    assert harness.asleep(key) == [(before, before + MINUTE + timedelta(seconds=5))]


def test_requests_that_find_it_asleep_are_demand_and_503(harness: Harness) -> None:
    sleep(harness)
    harness.advance(timedelta(hours=2))
    key = "Deployment/team-0-dev/app-2"
    assert harness.demanded(key, after=harness.now() - timedelta(hours=2), until=harness.now())
    query = 'sum by (status) (increase(nginx_ingress_controller_requests{ingress="app-2",path="/"}[1h]))'
    assert {one.labels["status"] for one in harness.metrics.query(query, at=harness.now()) if one.value} == {"503"}
    assert not harness.demanded("Deployment/team-0-dev/app-0", after=harness.now() - MINUTE, until=harness.now())


def test_a_stale_version_is_a_conflict_and_changes_nothing(harness: Harness) -> None:
    stale = harness.kube.get(ref())["metadata"]["resourceVersion"]
    harness.kube.patch(ref(), body={"metadata": {"annotations": {"a": "b"}}}, resource_version=stale)
    with pytest.raises(Conflict):
        harness.kube.scale(ref(), replicas=0, resource_version=stale)
    with pytest.raises(Conflict):
        harness.kube.patch(ref(), body={"metadata": {"annotations": None}}, resource_version=stale)
    found = harness.kube.get(ref())
    assert found["metadata"]["annotations"]["a"] == "b"
    assert found["spec"]["replicas"] == 3
    harness.kube.patch(ref(), body={"metadata": {"annotations": {"a": None}}}, dry_run=True)
    assert harness.kube.get(ref()) == found


def test_what_is_not_there_or_taken_or_invalid_is_said_in_the_ports_errors(harness: Harness) -> None:
    with pytest.raises(NotFound):
        harness.kube.get(ref("nothing"))
    with pytest.raises(NotFound):
        harness.kube.get(ref(uid="another"))
    with pytest.raises(NotFound):
        harness.kube.list(kinds.RESOURCE_POLICY)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}
    harness.kube.create(space)
    with pytest.raises(AlreadyExists):
        harness.kube.create(space)
    with pytest.raises(InvalidInput):
        harness.kube.patch(ref(), body={"spec": {"replicas": -1}})
    with pytest.raises(InvalidInput):
        harness.metrics.query("sum(", at=harness.now())


def test_apply_owns_what_it_writes_and_delete_checks_the_uid(harness: Harness) -> None:
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "team-0-dev"},
              "data": {"a": "1"}}  # fmt: skip
    made = harness.kube.apply(wanted)
    assert made["metadata"]["managedFields"][0]["manager"] == "plimsoll"
    assert harness.kube.apply(wanted)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    other = ObjectRef("harness", "", "ConfigMap", "team-0-dev", "c", "another")
    with pytest.raises(Conflict):
        harness.kube.delete(other)
    harness.kube.delete(ObjectRef("harness", "", "ConfigMap", "team-0-dev", "c", made["metadata"]["uid"]))
    with pytest.raises(NotFound):
        harness.kube.get(ObjectRef("harness", "", "ConfigMap", "team-0-dev", "c"))


def test_a_watch_gives_what_happened_since_and_ends_with_a_bookmark(harness: Harness) -> None:
    version = harness.kube.list(kinds.DEPLOYMENT).resource_version
    sleep(harness)
    harness.advance(MINUTE)
    events = list(harness.kube.watch(kinds.DEPLOYMENT, resource_version=version, stop=threading.Event()))
    assert {event.type for event in events[:-1]} == {"MODIFIED"}
    assert events[-1].type == "BOOKMARK"
    assert events[0].object["spec"]["replicas"] == 0
    harness.cluster.store.compact()
    with pytest.raises(Gone):
        list(harness.kube.watch(kinds.DEPLOYMENT, resource_version=version, stop=threading.Event()))


def test_a_month_of_sleeps_counts_exactly(harness: Harness) -> None:
    key, cluster = "Deployment/team-0-dev/app-3", harness.cluster
    for replicas in (0, 1) * 10:
        version = harness.kube.get(ref("app-3"))["metadata"]["resourceVersion"]
        harness.kube.scale(ref("app-3"), replicas=replicas, resource_version=version)
        harness.advance(timedelta(hours=36, minutes=7))
    at = cluster.now_ms()
    log = cluster.demand.requests(key, after_ms=cluster.origin_ms - 1, until_ms=at)
    asleep = [(to_ms(low), to_ms(high)) for low, high in harness.asleep(key)]
    refused = sum(any(low < one.at_ms <= high for low, high in asleep) for one in log)
    family = cluster.hub.registry.families["nginx_ingress_controller_requests"]
    rows = [i for i, one in enumerate(family.exposed) if one["ingress"] == "app-3" and one["status"] == "503"]
    values, _ = family.values(np.asarray(rows), at=np.full(len(rows), at))
    assert len(asleep) == 10
    assert values.sum() == refused > 0
