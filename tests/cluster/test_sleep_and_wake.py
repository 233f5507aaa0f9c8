"""Sleep and Wake on a real API server, with its controllers, by the shipped account and no other rights.

Aspects: every kind that can sleep; an HPA and a ScaledObject beside it; a worker killed at each write.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.kernel import kinds
from apps.kernel.actions import KEDA_PAUSED, Action, Sleep, Wake
from apps.kernel.errors import AlreadyExists, NotFound, PreconditionFailed
from apps.kernel.marks import SLEPT
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef, SleptMark
from apps.ledger.stepping import Progress, Stepper
from tests.cluster.conftest import CLUSTER, eventually
from tests.contract.objects import deployment

pytestmark = pytest.mark.cluster

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stateful_set(namespace: str, name: str, *, replicas: int) -> dict[str, Any]:
    manifest = deployment(namespace, name, replicas=replicas) | {"kind": "StatefulSet"}
    manifest["spec"]["serviceName"] = name
    manifest["spec"]["podManagementPolicy"] = "Parallel"
    return manifest


def cron_job(namespace: str, name: str) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": "registry.example/none:1"}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


def autoscaler(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 5,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
                }
            ],
        },
    }


def target(manifest: dict[str, Any]) -> ObjectRef:
    group = manifest["apiVersion"].rpartition("/")[0]
    metadata = manifest["metadata"]
    return ObjectRef(CLUSTER, group, manifest["kind"], metadata["namespace"], metadata["name"])


def mark(replicas: int, **more: Any) -> SleptMark:
    return SleptMark(replicas=replicas, policy="ResourcePolicy/dev/sleep", action="0190", slept_at=NOON, **more)


def carry_out(kube: Kube, action: Action) -> Progress:
    return Stepper(kube, action.target, lambda: None).run(action.steps(), guard=lambda: None)


def pods(admin: Kube, namespace: str) -> int:
    return sum("deletionTimestamp" not in pod["metadata"] for pod in admin.list(kinds.POD, namespace=namespace).items)


@pytest.mark.parametrize("make", [deployment, stateful_set])
def test_pods_go_and_come_back_as_many_as_before(
    account: Kube, admin: Kube, namespace: str, make: Callable[..., dict[str, Any]]
) -> None:
    manifest = make(namespace, "web", replicas=7)
    admin.create(manifest)
    eventually(lambda: pods(admin, namespace) == 7, what="seven pods")
    slept = mark(7)
    done = carry_out(account, Sleep(target(manifest), slept))
    assert len(done.written) == 2
    eventually(lambda: pods(admin, namespace) == 0, what="no pod while asleep")
    found = account.get(target(manifest))
    assert found["spec"]["replicas"] == 0
    assert '"replicas":7' in found["metadata"]["annotations"][SLEPT]
    carry_out(account, Wake(target(manifest), slept))
    eventually(lambda: pods(admin, namespace) == 7, what="seven pods again")
    assert SLEPT not in account.get(target(manifest))["metadata"].get("annotations", {})


def test_a_cron_job_is_suspended_and_resumed(account: Kube, admin: Kube, namespace: str) -> None:
    manifest = cron_job(namespace, "nightly")
    admin.create(manifest)
    slept = mark(1, suspended=False)
    carry_out(account, Sleep(target(manifest), slept))
    assert account.get(target(manifest))["spec"]["suspend"] is True
    carry_out(account, Wake(target(manifest), slept))
    assert account.get(target(manifest))["spec"]["suspend"] is False


def test_an_autoscaler_stands_still_at_zero_and_takes_over_after_the_wake(
    account: Kube, admin: Kube, namespace: str
) -> None:
    manifest = deployment(namespace, "web", replicas=3)
    admin.create(manifest)
    hpa = autoscaler(namespace, "web")
    admin.create(hpa)
    slept = mark(3)
    carry_out(account, Sleep(target(manifest), slept))

    def disabled() -> bool:
        conditions = admin.get(target(hpa)).get("status", {}).get("conditions", [])
        return any(found["type"] == "ScalingActive" and found["reason"] == "ScalingDisabled" for found in conditions)

    eventually(disabled, seconds=60, what="the autoscaler says that scaling is disabled")
    assert account.get(target(manifest))["spec"]["replicas"] == 0
    carry_out(account, Wake(target(manifest), slept))
    assert account.get(target(manifest))["spec"]["replicas"] == 3


SCALED_OBJECTS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.mark.parametrize("before", [None, "4"])
def test_a_scaled_object_is_paused_and_gets_back_what_it_had(
    account: Kube, admin: Kube, namespace: str, before: str | None
) -> None:
    admin.apply(SCALED_OBJECTS)
    definition = ObjectRef(CLUSTER, "apiextensions.k8s.io", "CustomResourceDefinition", "", "scaledobjects.keda.sh")
    eventually(
        lambda: bool(admin.get(definition)["status"].get("acceptedNames", {}).get("plural")), what="it is served"
    )
    manifest = deployment(namespace, "web", replicas=3)
    admin.create(manifest)
    annotations = {} if before is None else {KEDA_PAUSED: before}
    scaler = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": namespace, "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": "web"}},
    }
    eventually(lambda: _created(admin, scaler), what="the new kind takes objects")
    slept = mark(3, scaled_object="web", paused_replicas=before)
    carry_out(account, Sleep(target(manifest), slept))
    assert account.get(target(scaler))["metadata"]["annotations"][KEDA_PAUSED] == "0"
    carry_out(account, Wake(target(manifest), slept))
    assert account.get(target(scaler))["metadata"].get("annotations", {}).get(KEDA_PAUSED) == before
    assert account.get(target(manifest))["spec"]["replicas"] == 3


def _created(admin: Kube, manifest: dict[str, Any]) -> bool:
    try:
        admin.create(manifest)
    except AlreadyExists:
        return True
    except NotFound:
        return False
    return True


class Killed(Exception):
    """Stands for SIGKILL: nothing of the run after it happens."""


class Dying:
    """A connection of a run that is killed right before its n-th write (1 is the first). Refused ones do not count."""

    def __init__(self, kube: Kube, *, before_write: int) -> None:
        self._kube = kube
        self._left = before_write - 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    def patch(self, ref: ObjectRef, **more: Any) -> Any:
        return self._write(self._kube.patch, ref, **more)

    def scale(self, ref: ObjectRef, **more: Any) -> Any:
        return self._write(self._kube.scale, ref, **more)

    def _write(self, write: Callable[..., Any], ref: ObjectRef, **more: Any) -> Any:
        if not more.get("dry_run") and not self._left:
            raise Killed
        done = write(ref, **more)
        if not more.get("dry_run"):
            self._left -= 1
        return done


@pytest.mark.parametrize("write", [1, 2])
def test_a_run_killed_at_any_write_is_finished_by_the_next(
    account: Kube, admin: Kube, namespace: str, write: int
) -> None:
    manifest = deployment(namespace, "web", replicas=3)
    admin.create(manifest)
    slept = mark(3)
    for action, want in ((Sleep(target(manifest), slept), 0), (Wake(target(manifest), slept), 3)):
        with pytest.raises(Killed):
            carry_out(Dying(account, before_write=write), action)
        again = carry_out(account, action)
        assert len(again.written) == 3 - write, "what was written before the kill is not written again"
        assert account.get(target(manifest))["spec"]["replicas"] == want
        assert carry_out(account, action).written == []


def test_a_workload_that_was_scaled_meanwhile_is_left_alone(account: Kube, admin: Kube, namespace: str) -> None:
    manifest = deployment(namespace, "web", replicas=3)
    admin.create(manifest)
    admin.scale(target(manifest), replicas=5, resource_version="")
    with pytest.raises(PreconditionFailed):
        carry_out(account, Sleep(target(manifest), mark(3)))
    found = account.get(target(manifest))
    assert found["spec"]["replicas"] == 5
    assert SLEPT not in found["metadata"].get("annotations", {})
