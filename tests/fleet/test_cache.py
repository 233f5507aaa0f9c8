"""The cache of a cluster: whatever the order things come in, a Snapshot shows the same world.

- joins: pods to workloads, Jobs to CronJobs, autoscalers, volumes
- only what changed is told, and what did not is shared
- half a list is not a world
- what stirs and what does not
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.fleet.cache import METRICS, ClusterCache
from apps.fleet.domain.sources import SOURCES
from apps.kernel import kinds
from apps.kernel.errors import Unavailable
from apps.kernel.kinds import Kind
from apps.kernel.marks import SLEPT, WAKE
from apps.kernel.ports import Listing, WatchEvent
from tests.fleet.build import (
    NOW,
    Raw,
    controller,
    feed,
    kernel_cluster,
    look,
    make_cache,
    make_deployment,
    make_deployment_pod,
    make_namespace,
    make_node,
    make_pod,
    make_policy,
    make_scaler,
    make_volume,
    meta,
    pod_spec,
)

WEB = "Deployment/shop/web"


def _cron_job() -> Raw:
    spec = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod_spec()}}}}
    return {"metadata": meta("report", "shop", kind="CronJob"), "spec": spec}


def _job(name: str = "report-29", *, owned: bool = True) -> Raw:
    owner = controller("CronJob", "report", "batch/v1") if owned else []
    return {
        "metadata": meta(name, "shop", kind="Job", ownerReferences=owner),
        "spec": {"template": {"spec": pod_spec()}},
    }


def _job_pod(job: str = "report-29") -> Raw:
    return make_pod(f"{job}-x", ownerReferences=controller("Job", job, "batch/v1"))


def _mounting_pod(name: str = "db-0") -> Raw:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    return make_pod(name, spec={**pod_spec(), "volumes": volumes}, ownerReferences=controller("StatefulSet", "db"))


EVERYTHING: list[tuple[Kind, Raw]] = [
    (kinds.NAMESPACE, make_namespace()),
    (kinds.NODE, make_node()),
    (kinds.DEPLOYMENT, make_deployment()),
    (kinds.POD, make_deployment_pod("web", 1)),
    (kinds.POD, make_deployment_pod("web", 2)),
    (kinds.POD, make_pod("debug")),
    (kinds.CRON_JOB, _cron_job()),
    (kinds.JOB, _job()),
    (kinds.JOB, _job("load", owned=False)),
    (kinds.POD, _job_pod()),
    (kinds.POD, _mounting_pod()),
    (kinds.PERSISTENT_VOLUME_CLAIM, make_volume()),
    (kinds.HORIZONTAL_POD_AUTOSCALER, make_scaler("HorizontalPodAutoscaler", "web-hpa", "web")),
    (kinds.SCALED_OBJECT, make_scaler("ScaledObject", "web-keda", "web")),
    (kinds.RESOURCE_POLICY, make_policy()),
]


def _world(cache: ClusterCache) -> tuple[object, ...]:
    found = look(cache)
    return (
        dict(found.namespaces), dict(found.nodes), dict(found.workloads), dict(found.pods), dict(found.volumes),
        dict(found.routes), dict(found.policies), dict(found.prices),
    )  # fmt: skip


def _empty() -> ClusterCache:
    cache = make_cache()
    cache.cluster = WHOLE.cluster
    return cache


WHOLE = make_cache()
for _kind, _obj in EVERYTHING:
    feed(WHOLE, _kind, _obj)


@given(st.permutations(EVERYTHING), st.data())
@settings(max_examples=60, deadline=None)
def test_the_order_of_events_does_not_matter(order: list[tuple[Kind, Raw]], data: st.DataObject) -> None:
    """Settling in between (a Snapshot half-way) must leave nothing behind either."""
    cache = _empty()
    half = data.draw(st.integers(0, len(order)))
    for number, (kind, obj) in enumerate(order):
        feed(cache, kind, obj)
        if number == half:
            look(cache)
    assert _world(cache) == _world(WHOLE)


@given(st.permutations(EVERYTHING), st.integers(1, len(EVERYTHING)))
@settings(max_examples=60, deadline=None)
def test_what_was_deleted_leaves_no_trace(order: list[tuple[Kind, Raw]], kept: int) -> None:
    """Adding everything and deleting some is the same as adding only the rest. Not so a Job that goes before its pod:
    the pod stays its CronJob's until it goes too."""
    assume((kinds.JOB, _job()) in order[:kept])
    cache, want = _empty(), _empty()
    for kind, obj in EVERYTHING:
        feed(cache, kind, obj)
    look(cache)
    for kind, obj in order[kept:]:
        feed(cache, kind, obj, type_="DELETED")
    for kind, obj in EVERYTHING:
        if (kind, obj) in order[:kept]:
            feed(want, kind, obj)
    assert _world(cache) == _world(want)


def test_pods_and_autoscalers_are_joined_to_their_workload() -> None:
    found = look(WHOLE)
    assert found.workloads[WEB].hpa == "web-hpa"
    assert found.workloads[WEB].scaled_object == "web-keda"
    owners = {key: pod.owner.key if pod.owner else "" for key, pod in found.pods.items()}
    assert owners["Pod/shop/web-5d9c-1"] == WEB
    assert owners["Pod/shop/report-29-x"] == "CronJob/shop/report"
    assert owners["Pod/shop/debug"] == ""


def test_a_cron_jobs_jobs_are_no_workloads_and_bare_pods_are() -> None:
    assert set(look(WHOLE).workloads) == {WEB, "CronJob/shop/report", "Job/shop/load", "Pod/shop/debug"}


def test_a_volume_counts_the_pods_that_mount_it() -> None:
    cache = make_cache(
        {kinds.PERSISTENT_VOLUME_CLAIM: [make_volume()], kinds.POD: [_mounting_pod(), _mounting_pod("db-1")]}
    )
    key = "PersistentVolumeClaim/shop/data"
    assert look(cache).volumes[key].mounted_by == 2
    finished = _mounting_pod()
    finished["status"]["phase"] = "Succeeded"
    feed(cache, kinds.POD, finished)
    assert look(cache).volumes[key].mounted_by == 1
    feed(cache, kinds.POD, _mounting_pod("db-1"), type_="DELETED")
    assert look(cache).volumes[key].mounted_by == 0


def test_nothing_is_synced_before_every_source_has_been_read() -> None:
    cache = ClusterCache(kernel_cluster())
    for source in SOURCES[:-1]:
        cache.load(source.kind, [Listing([], "1")], now=NOW)
        assert not look(cache).synced
    cache.absent(SOURCES[-1].kind, now=NOW)
    assert look(cache).synced


def test_a_list_that_breaks_half_way_forgets_nothing_and_is_not_synced() -> None:
    cache = ClusterCache(kernel_cluster())

    def broken() -> Iterator[Listing]:
        yield Listing([make_deployment("one")], "5")
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        cache.load(kinds.DEPLOYMENT, broken(), now=NOW)
    assert not cache.states()["deployments.apps"].synced
    known = make_cache({kinds.DEPLOYMENT: [make_deployment("kept")]})
    with pytest.raises(Unavailable):
        known.load(kinds.DEPLOYMENT, broken(), now=NOW)
    assert set(look(known).workloads) == {"Deployment/shop/kept", "Deployment/shop/one"}


def test_a_relist_forgets_what_it_does_not_bring() -> None:
    cache = make_cache({kinds.DEPLOYMENT: [make_deployment("a"), make_deployment("b")]})
    cache.load(kinds.DEPLOYMENT, [Listing([make_deployment("b")], "20")], now=NOW)
    assert set(look(cache).workloads) == {"Deployment/shop/b"}
    assert look(cache).versions["deployments.apps"] == "20"


def test_a_kind_that_is_served_no_more_takes_its_objects_along() -> None:
    cache = make_cache({kinds.RESOURCE_POLICY: [make_policy()]})
    cache.absent(kinds.RESOURCE_POLICY, now=NOW)
    found = look(cache)
    assert found.policies == {}
    assert found.synced


def test_what_did_not_change_is_shared_between_snapshots() -> None:
    cache = make_cache({kinds.DEPLOYMENT: [make_deployment()], kinds.NODE: [make_node()]})
    first = look(cache)
    feed(cache, kinds.NODE, make_node("n2"))
    second = look(cache)
    assert second.workloads is first.workloads
    assert second.nodes is not first.nodes
    assert set(first.nodes) == {"Node/n1"}


def test_only_what_changed_is_told() -> None:
    cache = make_cache({kinds.DEPLOYMENT: [make_deployment("a"), make_deployment("b")]})
    cache.drain()
    feed(cache, kinds.DEPLOYMENT, make_deployment("a"), make_deployment("b", replicas=5))
    assert cache.drain().workloads == {"Deployment/shop/b"}
    assert cache.drain().workloads == set()


def test_an_object_nobody_can_read_is_left_out_and_the_others_are_not() -> None:
    broken = make_deployment("broken")
    broken["spec"]["replicas"] = "three"
    cache = make_cache({kinds.DEPLOYMENT: [broken, make_deployment("good")]})
    assert set(look(cache).workloads) == {"Deployment/shop/good"}


@pytest.mark.parametrize(
    ("case", "before", "after", "stirs"),
    [
        ("a wake annotation", {}, {"metadata": {"annotations": {WAKE: "now"}}}, True),
        ("a mark taken off", {"metadata": {"annotations": {SLEPT: "{}"}}}, {}, True),
        ("another number of replicas", {}, {"replicas": 5, "ready": 2}, True),
        ("a pod that became ready", {"ready": 1}, {"ready": 2}, False),
        ("another annotation", {}, {"metadata": {"annotations": {"team": "x"}}}, False),
    ],
)
def test_what_decisions_should_not_wait_for_stirs(case: str, before: Raw, after: Raw, stirs: bool) -> None:
    cache = make_cache({kinds.DEPLOYMENT: [make_deployment(**before)]})
    cache.stirred.clear()
    feed(cache, kinds.DEPLOYMENT, make_deployment(**after))
    assert cache.stirred.is_set() is stirs, case


def test_a_policys_status_stirs_nothing_and_its_spec_does() -> None:
    cache = make_cache({kinds.RESOURCE_POLICY: [make_policy()]})
    cache.stirred.clear()
    feed(cache, kinds.RESOURCE_POLICY, make_policy(status={"matched": 3}))
    assert not cache.stirred.is_set()
    assert look(cache).policies["ResourcePolicy/shop/night"]["status"] == {"matched": 3}
    feed(cache, kinds.RESOURCE_POLICY, make_policy(spec={"mode": "Warn"}))
    assert cache.stirred.is_set()


def test_a_bookmark_proves_life_and_changes_nothing() -> None:
    cache = make_cache()
    cache.changed.clear()
    later = NOW + timedelta(minutes=1)
    version = cache.apply(kinds.POD, WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "99"}}), now=later)
    assert version == "99"
    assert not cache.changed.is_set()
    ages = {age.source: age.age for age in cache.ages(later)}
    assert ages["pods"] == timedelta()
    assert ages["nodes"] == timedelta(minutes=1)


def test_a_failure_shows_on_its_source_until_it_is_alive_again() -> None:
    cache = make_cache()
    cache.failed(kinds.POD, Unavailable("the server is gone"))
    assert {age.source: age.error for age in cache.ages(NOW) if age.error} == {"pods": "the server is gone"}
    cache.alive(kinds.POD, now=NOW)
    assert not any(age.error for age in cache.ages(NOW))


def test_a_metrics_source_that_fails_keeps_the_snapshot_synced() -> None:
    cache = make_cache()
    cache.metrics_read(Unavailable("500"), now=NOW)
    found = look(cache)
    assert found.synced
    assert {age.source: age.error for age in found.ages}[METRICS] == "500"
