"""What is read out of a workload's JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apps.fleet.domain.parse_workloads import parse_target, parse_workload
from apps.kernel import kinds
from apps.kernel.marks import SLEPT, mark_text
from apps.kernel.vocab import Resources, SleptMark
from tests.fleet.build import Raw, make_deployment, make_scaler, meta, pod_spec


def test_a_deployment_is_read_whole() -> None:
    found = parse_workload(make_deployment(replicas=3, ready=2), cluster="demo", kind=kinds.DEPLOYMENT)
    assert str(found.ref) == "demo/Deployment/shop/web"
    assert (found.replicas, found.ready_replicas) == (3, 2)
    assert found.created_at == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert found.pod_labels == {"app": "web"}
    assert found.pod_requests == Resources(500, 512 * 2**20)


def test_replicas_default_to_one_and_zero_stays_zero() -> None:
    unset = make_deployment()
    del unset["spec"]["replicas"]
    assert parse_workload(unset, cluster="demo", kind=kinds.DEPLOYMENT).replicas == 1
    assert parse_workload(make_deployment(replicas=0), cluster="demo", kind=kinds.DEPLOYMENT).replicas == 0


def test_the_slept_mark_is_read_back() -> None:
    mark = SleptMark(4, "ResourcePolicy/shop/night", "a1", slept_at=datetime(2026, 3, 1, tzinfo=UTC))
    raw = make_deployment(replicas=0, metadata={"annotations": {SLEPT: mark_text(mark)}})
    assert parse_workload(raw, cluster="demo", kind=kinds.DEPLOYMENT).slept == mark


@pytest.mark.parametrize("text", ["", "sleeping", "[]", '{"replicas":-1}', '{"replicas":"3"}', '{"replicas":true}'])
def test_a_mark_that_cannot_be_read_is_kept_as_text(text: str) -> None:
    raw = make_deployment(replicas=0, metadata={"annotations": {SLEPT: text}})
    found = parse_workload(raw, cluster="demo", kind=kinds.DEPLOYMENT)
    assert found.slept is None
    assert found.slept_raw == text


def _managed(manager: str, fields: Raw, **more: str) -> Raw:
    return {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": fields}, **more}


def test_managers_tell_who_owns_the_replicas() -> None:
    entries = [
        _managed("argocd-controller", {"f:template": {}}),
        _managed("kube-controller-manager", {"f:replicas": {}}, subresource="scale"),
        _managed("argocd-controller", {"f:replicas": {}}),
        _managed("kubectl", {"f:template": {}}),
    ]
    found = parse_workload(make_deployment(metadata={"managedFields": entries}), cluster="demo", kind=kinds.DEPLOYMENT)
    assert found.field_managers == {"argocd-controller": True, "kube-controller-manager": True, "kubectl": False}


def _cron_job(*, suspend: bool) -> Raw:
    return {
        "metadata": meta("report", "shop", kind="CronJob"),
        "spec": {
            "schedule": "*/5 * * * *",
            "suspend": suspend,
            "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": pod_spec(cpu="1")}}},
        },
    }


def test_a_cron_job_counts_as_one_replica_unless_it_is_suspended() -> None:
    awake = parse_workload(_cron_job(suspend=False), cluster="demo", kind=kinds.CRON_JOB)
    resting = parse_workload(_cron_job(suspend=True), cluster="demo", kind=kinds.CRON_JOB)
    assert (awake.replicas, awake.suspended, awake.schedule) == (1, False, "*/5 * * * *")
    assert (resting.replicas, resting.suspended) == (0, True)
    assert awake.pod_requests.cpu_millicores == 1000
    assert awake.pod_labels == {"a": "b"}


def test_a_finished_job_asks_for_nothing() -> None:
    raw: Raw = {
        "metadata": meta("load", "shop", kind="Job"),
        "spec": {"parallelism": 4, "template": {"spec": pod_spec()}},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }
    assert parse_workload(raw, cluster="demo", kind=kinds.JOB).replicas == 0
    raw["status"] = {"ready": 3}
    running = parse_workload(raw, cluster="demo", kind=kinds.JOB)
    assert (running.replicas, running.ready_replicas) == (4, 3)


def test_a_scaled_object_without_a_kind_targets_a_deployment() -> None:
    raw = make_scaler("ScaledObject", "web-keda", "web")
    del raw["spec"]["scaleTargetRef"]["kind"]
    assert parse_target(raw) == ("Deployment/shop/web", "web-keda")
    raw["spec"] = {}
    assert parse_target(raw) == ("", "web-keda")


def test_the_last_applied_configuration_is_not_kept() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{...}", "team": "a", "long": "x" * 5000}
    found = parse_workload(make_deployment(metadata={"annotations": notes}), cluster="demo", kind=kinds.DEPLOYMENT)
    assert found.annotations == {"team": "a"}
