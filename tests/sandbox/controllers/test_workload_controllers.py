"""Deployments, StatefulSets, DaemonSets, Jobs and CronJobs make the pods that a real cluster would."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from apps.sandbox.controllers.cron import next_after, read_cron
from apps.sandbox.kubeapi.builtin import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    REPLICASETS,
    RESOURCEQUOTAS,
    STATEFULSETS,
    STORAGECLASSES,
)
from apps.sandbox.sim.clock import from_ms, to_ms
from tests.sandbox.controllers.little_cluster import (
    LittleCluster,
    Obj,
    make_cluster,
    make_deployment,
    make_node,
    make_template,
)


@pytest.fixture
def cluster() -> LittleCluster:
    return make_cluster()


def test_a_deployment_gets_a_replicaset_and_ready_pods_on_nodes(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=3))
    cluster.run(0)
    assert [pod["status"]["phase"] for pod in cluster.pods()] == ["Pending"] * 3
    cluster.run(10)
    sets = list(cluster.store.items(REPLICASETS, namespace="shop"))
    assert len(sets) == 1
    assert len(cluster.ready_pods()) == 3
    assert len({pod["spec"]["nodeName"] for pod in cluster.pods()}) == 3
    status = cluster.get(DEPLOYMENTS, "web")["status"]
    assert (status["replicas"], status["readyReplicas"], status["updatedReplicas"]) == (3, 3, 3)
    assert status["observedGeneration"] == cluster.get(DEPLOYMENTS, "web")["metadata"]["generation"]


def test_scaling_to_zero_and_back_leaves_the_replicaset(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=2))
    cluster.run(10)
    cluster.edit(DEPLOYMENTS, "web", lambda obj: obj["spec"].update(replicas=0))
    cluster.run(10)
    assert cluster.pods() == []
    assert "readyReplicas" not in cluster.get(DEPLOYMENTS, "web")["status"]
    cluster.edit(DEPLOYMENTS, "web", lambda obj: obj["spec"].update(replicas=2))
    cluster.run(10)
    assert len(cluster.ready_pods()) == 2
    assert len(list(cluster.store.items(REPLICASETS, namespace="shop"))) == 1


def test_a_rollout_never_goes_below_what_must_be_available(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=4))
    cluster.run(10)
    lowest, highest = 4, 0

    def watch(*_: object) -> None:
        nonlocal lowest, highest
        lowest = min(lowest, len(cluster.ready_pods()))
        highest = max(highest, sum("deletionTimestamp" not in pod["metadata"] for pod in cluster.pods()))

    cluster.store.subscribe(watch)
    cluster.edit(DEPLOYMENTS, "web", lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="web:2"))
    cluster.run(90)
    assert {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()} == {"web:2"}
    assert len(cluster.ready_pods()) == 4
    assert lowest >= 3
    assert highest <= 6  # one surge, and one that is asked to go in the same instant
    revisions = {rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
                 for rs in cluster.store.items(REPLICASETS, namespace="shop")}  # fmt: skip
    assert revisions == {"1", "2"}
    progressing = cluster.get(DEPLOYMENTS, "web")["status"]["conditions"][-1]
    assert progressing["reason"] == "NewReplicaSetAvailable"


def test_a_rollout_with_an_image_that_is_not_there_stops_half_way(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=2))
    cluster.run(10)
    cluster.edit(
        DEPLOYMENTS, "web", lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="web:missing")
    )
    cluster.run(300)
    assert len(cluster.ready_pods()) == 2
    waiting = [pod for pod in cluster.pods() if pod not in cluster.ready_pods()]
    assert waiting[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"


def test_going_back_to_an_old_template_reuses_its_replicaset(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=1))
    cluster.run(10)
    for image in ("web:2", "web:1"):
        cluster.edit(
            DEPLOYMENTS, "web",
            lambda obj, image=image: obj["spec"]["template"]["spec"]["containers"][0].update(image=image),
        )  # fmt: skip
        cluster.run(60)
    assert len(list(cluster.store.items(REPLICASETS, namespace="shop"))) == 2
    note = cluster.get(DEPLOYMENTS, "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    assert note == "3"


def make_stateful_set(*, replicas: int = 3) -> Obj:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
             "resources": {"requests": {"storage": "1Gi"}}}}  # fmt: skip
    return {
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {
            "replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": make_template("db"), "volumeClaimTemplates": [claim],
        },
    }  # fmt: skip


def make_class(*, mode: str = "WaitForFirstConsumer") -> Obj:
    notes = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {"metadata": {"name": "fast", "annotations": notes}, "provisioner": "ebs.csi.aws.com",
            "volumeBindingMode": mode}  # fmt: skip


def test_stateful_pods_start_in_order_each_with_a_bound_claim(cluster: LittleCluster) -> None:
    cluster.create(STORAGECLASSES, make_class())
    cluster.create(STATEFULSETS, make_stateful_set())
    cluster.run(2)
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == ["db-0"]
    cluster.run(60)
    assert [pod["metadata"]["name"] for pod in cluster.ready_pods()] == ["db-0", "db-1", "db-2"]
    claims = list(cluster.store.items(PERSISTENTVOLUMECLAIMS, namespace="shop"))
    assert sorted(claim["metadata"]["name"] for claim in claims) == ["data-db-0", "data-db-1", "data-db-2"]
    assert {claim["status"]["phase"] for claim in claims} == {"Bound"}
    assert cluster.get(STATEFULSETS, "db")["status"]["readyReplicas"] == 3


def test_stateful_pods_stop_from_the_highest_and_keep_their_claims(cluster: LittleCluster) -> None:
    cluster.create(STORAGECLASSES, make_class())
    cluster.create(STATEFULSETS, make_stateful_set())
    cluster.run(60)
    cluster.edit(STATEFULSETS, "db", lambda obj: obj["spec"].update(replicas=0))
    cluster.run(0)
    going = [pod["metadata"]["name"] for pod in cluster.pods() if "deletionTimestamp" in pod["metadata"]]
    assert going == ["db-2"]
    cluster.run(60)
    assert cluster.pods() == []
    assert len(list(cluster.store.items(PERSISTENTVOLUMECLAIMS, namespace="shop"))) == 3
    assert cluster.get(STATEFULSETS, "db")["status"]["replicas"] == 0


def test_a_stateful_update_replaces_pods_and_moves_the_current_revision(cluster: LittleCluster) -> None:
    cluster.create(STATEFULSETS, make_stateful_set(replicas=2) | {})
    cluster.run(60)
    before = cluster.get(STATEFULSETS, "db")["status"]["currentRevision"]
    cluster.edit(STATEFULSETS, "db", lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="db:2"))
    cluster.run(120)
    status = cluster.get(STATEFULSETS, "db")["status"]
    assert status["currentRevision"] == status["updateRevision"] != before
    assert {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()} == {"db:2"}


def test_a_deleted_claim_takes_its_volume_with_it(cluster: LittleCluster) -> None:
    cluster.create(STORAGECLASSES, make_class(mode="Immediate"))
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    cluster.create(PERSISTENTVOLUMECLAIMS, {"metadata": {"name": "lone", "namespace": "shop"}, "spec": spec})
    cluster.run(1)
    assert cluster.get(PERSISTENTVOLUMECLAIMS, "lone")["status"]["phase"] == "Bound"
    assert len(list(cluster.store.items(PERSISTENTVOLUMES))) == 1
    cluster.store.delete(PERSISTENTVOLUMECLAIMS, namespace="shop", name="lone")
    cluster.run(1)
    assert list(cluster.store.items(PERSISTENTVOLUMES)) == []


def test_a_daemonset_runs_on_every_node_also_later_ones_but_not_on_tainted_ones(cluster: LittleCluster) -> None:
    cluster.create(DAEMONSETS, {
        "metadata": {"name": "agent", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": make_template("agent")},
    })  # fmt: skip
    cluster.run(10)
    assert len(cluster.ready_pods()) == 3
    tainted = make_node("gpu")
    tainted["spec"]["taints"] = [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    cluster.create(NODES, make_node("n9"))
    cluster.create(NODES, tainted)
    cluster.run(10)
    assert {pod["spec"]["nodeName"] for pod in cluster.ready_pods()} == {"n0", "n1", "n2", "n9"}
    assert cluster.get(DAEMONSETS, "agent")["status"]["desiredNumberScheduled"] == 4


def make_job(*, name: str = "once", completions: int = 2, **notes: str) -> Obj:
    template = make_template("job", **notes)
    template["spec"]["restartPolicy"] = "Never"
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"completions": completions, "template": template}}


def test_a_job_runs_its_completions_and_says_complete(cluster: LittleCluster) -> None:
    cluster.create(JOBS, make_job(run_seconds="5"))
    cluster.run(60)
    status = cluster.get(JOBS, "once")["status"]
    assert status["succeeded"] == 2
    assert [one["type"] for one in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert {pod["status"]["phase"] for pod in cluster.pods()} == {"Succeeded"}


def test_a_job_that_keeps_failing_gives_up_after_its_backoff_limit(cluster: LittleCluster) -> None:
    job = make_job(completions=1, run_seconds="1", exit_code="3")
    job["spec"]["backoffLimit"] = 1
    cluster.create(JOBS, job)
    cluster.run(120)
    status = cluster.get(JOBS, "once")["status"]
    assert status["failed"] == 2
    assert status["conditions"][-1]["type"] == "Failed"


def make_cron_job(*, schedule: str, zone: str | None = None) -> Obj:
    spec: Obj = {"schedule": schedule, "jobTemplate": {"spec": make_job(completions=1, run_seconds="5")["spec"]}}
    if zone:
        spec["timeZone"] = zone
    return {"metadata": {"name": "nightly", "namespace": "shop"}, "spec": spec}


def test_a_cronjob_fires_keeps_three_and_stops_while_suspended(cluster: LittleCluster) -> None:
    cluster.create(CRONJOBS, make_cron_job(schedule="*/10 * * * *"))
    cluster.run(65 * 60)
    jobs = sorted(str(job["metadata"]["name"]) for job in cluster.store.items(JOBS, namespace="shop"))
    assert len(jobs) == 3
    assert cluster.get(CRONJOBS, "nightly")["status"]["lastScheduleTime"] == "2026-03-02T09:00:00Z"
    cluster.edit(CRONJOBS, "nightly", lambda obj: obj["spec"].update(suspend=True))
    cluster.run(3600)
    assert sorted(str(job["metadata"]["name"]) for job in cluster.store.items(JOBS, namespace="shop")) == jobs


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "want"),
    [
        ("*/15 * * * *", UTC, "2026-03-02T08:01:00+00:00", "2026-03-02T08:15:00+00:00"),
        ("0 3 * * *", ZoneInfo("Europe/Berlin"), "2026-03-02T08:00:00+00:00", "2026-03-03T02:00:00+00:00"),
        # 02:30 does not exist on the day the clocks go forward, so the next day's is the next
        ("30 2 * * *", ZoneInfo("Europe/Berlin"), "2026-03-28T12:00:00+00:00", "2026-03-30T00:30:00+00:00"),
        # 02:30 comes twice on the day they go back: the first one counts
        ("30 2 * * *", ZoneInfo("Europe/Berlin"), "2026-10-24T12:00:00+00:00", "2026-10-25T00:30:00+00:00"),
        ("30 2 * * *", ZoneInfo("Europe/Berlin"), "2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"),
        ("0 12 1 * 1", UTC, "2026-03-02T13:00:00+00:00", "2026-03-09T12:00:00+00:00"),
        ("@monthly", UTC, "2026-03-02T13:00:00+00:00", "2026-04-01T00:00:00+00:00"),
        ("0 0 29 feb *", UTC, "2026-03-02T13:00:00+00:00", "2028-02-29T00:00:00+00:00"),
        ("0 9-17/4 * * mon-fri", UTC, "2026-03-06T18:00:00+00:00", "2026-03-09T09:00:00+00:00"),
    ],
)
def test_a_cron_expression_names_its_next_moment(schedule: str, zone: ZoneInfo, after: str, want: str) -> None:
    found = next_after(schedule, zone=zone, after_ms=to_ms(datetime.fromisoformat(after)))
    assert found is not None
    assert from_ms(found).isoformat() == want


@pytest.mark.parametrize("broken", ["* * * *", "60 * * * *", "* * 0 * *", "a * * * *", "*/0 * * * *"])
def test_a_broken_cron_expression_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_cron(broken)


def test_a_quota_stops_a_deployment_and_its_status_says_so(cluster: LittleCluster) -> None:
    quota = {"metadata": {"name": "small", "namespace": "shop"}, "spec": {"hard": {"pods": "2"}}}
    cluster.create(RESOURCEQUOTAS, quota)
    cluster.create(DEPLOYMENTS, make_deployment(replicas=3))
    cluster.run(20)
    assert len(cluster.ready_pods()) == 2
    failing = next(iter(cluster.store.items(REPLICASETS, namespace="shop")))["status"]["conditions"][0]
    assert failing["type"] == "ReplicaFailure"
    assert "exceeded quota" in failing["message"]
    assert cluster.get(RESOURCEQUOTAS, "small")["status"]["used"] == {"pods": "2"}
    cluster.edit(RESOURCEQUOTAS, "small", lambda obj: obj["spec"].update(hard={"pods": "9"}))
    cluster.run(60)
    assert len(cluster.ready_pods()) == 3


def test_a_pod_that_fits_nowhere_waits_and_runs_when_a_node_comes(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=1, cpu="8"))
    cluster.run(10)
    condition = cluster.pods()[0]["status"]["conditions"][0]
    assert (condition["type"], condition["reason"]) == ("PodScheduled", "Unschedulable")
    cluster.create(NODES, make_node("large", cpu="16"))
    cluster.run(10)
    assert [pod["spec"]["nodeName"] for pod in cluster.ready_pods()] == ["large"]


def test_the_same_seed_makes_the_same_objects() -> None:
    def names() -> list[str]:
        cluster = make_cluster()
        cluster.create(DEPLOYMENTS, make_deployment(replicas=3))
        cluster.run(30)
        return [f"{p['metadata']['name']}@{p['spec']['nodeName']}@{p['metadata']['uid']}" for p in cluster.pods()]

    assert names() == names()
