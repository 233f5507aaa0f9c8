"""Builds the objects, Decisions and actions that the tests are about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apps.fleet.models import Cluster
from apps.identity.actors import Actor
from apps.kernel.actions import Action, Sleep, Wake
from apps.kernel.decisions import Decision, PolicyRef, Reason, Verdict
from apps.kernel.ids import uuid7
from apps.kernel.vocab import ObjectRef, SleptMark
from apps.ledger import services
from apps.ledger.models import ActionRow
from tests.ledger import fakes
from tests.ledger.fakes import FakeKube

POLICY = PolicyRef("ResourcePolicy", "shop", "night", "uid-night", 3)


def ref(name: str = "web", *, kind: str = "Deployment", namespace: str = "shop", cluster: str = "dev") -> ObjectRef:
    group = {"CronJob": "batch", "ScaledObject": "keda.sh"}.get(kind, "apps")
    return ObjectRef(cluster, group, kind, namespace, name)


def deployment(name: str = "web", *, replicas: int = 3, namespace: str = "shop", **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "annotations": dict(annotations)},
        "spec": {"replicas": replicas},
    }


def scaled_object(name: str = "web-so", *, paused: str | None = None) -> dict[str, Any]:
    annotations = {} if paused is None else {"autoscaling.keda.sh/paused-replicas": paused}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": "web"}},
    }


def sleep(target: ObjectRef | None = None, *, replicas: int = 3, **mark: Any) -> Sleep:
    return Sleep(target or ref(), SleptMark(replicas=replicas, policy=POLICY.key, action=str(uuid7()), **mark))


def decision(
    target: ObjectRef | None = None,
    *,
    code: str = "NoTraffic",
    verdict: Verdict = Verdict.ACT,
    action: Action | None = None,
    **operands: Any,
) -> Decision:
    return Decision(
        id=uuid7(),
        kind="ScaleToZero",
        subject=target or ref(),
        verdict=verdict,
        reason=Reason(code, operands),
        decided_at=fakes.CLOCK.now(),
        policy=POLICY,
        action=action,
    )


def propose(
    action: Action, *, cluster: Cluster, actor: Actor = "watcher", terms: services.Terms | None = None
) -> ActionRow:
    """Decide and propose `action`, as submit does."""
    one = replace(decision(action.target, action=action), kind="Manual", policy=None)
    rows = services.record_decisions([one], cluster=cluster, actor=actor, request_id="req-1")
    return services.propose(
        row=rows[one.id], action=action, actor=actor, request_id="req-1", terms=terms or services.Terms()
    )


def carry_out_all() -> int:
    """Run the worker until nothing is due."""
    return services.run_due(holder="test:1:a", limit=100)


def put_to_sleep(kube: FakeKube, cluster: Cluster, *, actor: Actor = "watcher") -> ActionRow:
    """A Deployment of 3 that Plimsoll has put to sleep; returns the finished action."""
    kube.put(deployment())
    row = propose(sleep(), cluster=cluster, actor=actor)
    carry_out_all()
    row.refresh_from_db()
    return row


def wake_of(row: ActionRow) -> Wake:
    inverse = services.decode_action(row).inverse()
    assert isinstance(inverse, Wake)
    return inverse
