"""Leaving a cluster as it was found.

1. Every policy is suspended, so that nothing falls asleep again.
2. Everything that sleeps is woken, through the ledger; the wakes are carried out here if no worker is quicker.
3. Only when nothing sleeps any more are the policies and the other objects of Plimsoll removed. What may not be removed
   with the account at hand is named, and everything before that is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings

from apps.fleet.domain.parse_workloads import parse_workload
from apps.fleet.models import Cluster
from apps.fleet.services import connect, manifests
from apps.identity.actors import Actor, actor_user
from apps.identity.clock import now as clock_now
from apps.identity.roles import Role, require_role
from apps.kernel import kinds
from apps.kernel.actions import Wake
from apps.kernel.clock import Clock
from apps.kernel.decisions import Decision, Reason, Verdict
from apps.kernel.errors import NotFound, PlimsollError
from apps.kernel.ids import uuid7
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject, Kube, load
from apps.kernel.vocab import ObjectRef, SleptMark
from apps.ledger import services as ledger
from apps.policies.domain import reasons

log = structlog.get_logger(__name__)

RULE = "Uninstall"
POLICY_KINDS = (kinds.RESOURCE_POLICY, kinds.CLUSTER_RESOURCE_POLICY)
WORKLOAD_KINDS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CRON_JOB)
WAIT_AT_MOST = timedelta(seconds=90)
LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class UninstallReport:
    """`woken` and `removed` name objects; `left` those that still stand, each with why. `ok`: nothing is left."""

    woken: tuple[str, ...]
    removed: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.left


def uninstall(*, cluster: Cluster, actor: Actor, request_id: str, dry_run: bool = False) -> UninstallReport:
    """Wake everything, then remove what Plimsoll put into the cluster. Nothing is removed while a workload sleeps."""
    user = actor_user(actor)
    if user is not None:
        require_role(user, Role.ADMIN, cluster)
    with closing(connect(cluster)) as kube:
        sleepers = list(_sleepers(kube, cluster))
        if dry_run:
            return UninstallReport(_names(sleepers), tuple(_name(obj) for obj in _ours(kube)), ())
        _suspend(kube, cluster, actor=actor, request_id=request_id)
        # Read again: something may have fallen asleep before the policies were suspended.
        sleepers = list(_sleepers(kube, cluster))
        _wake(cluster, sleepers, actor=actor, request_id=request_id)
        still = _wait(kube, cluster)
        woken = tuple(name for name in _names(sleepers) if name not in _names(still))
        if still:
            return UninstallReport(woken, (), tuple(f"{name} (still asleep)" for name in _names(still)))
        removed, left = _remove(kube, cluster)
        return UninstallReport(woken, removed, left)


def _sleepers(kube: Kube, cluster: Cluster) -> Iterator[tuple[ObjectRef, SleptMark]]:
    """Everything that carries a mark, read from the cluster itself."""
    for kind in WORKLOAD_KINDS:
        for page in kube.pages(kind):
            for obj in page.items:
                workload = parse_workload(obj, cluster=cluster.name, kind=kind)
                if workload.slept is not None:
                    yield workload.ref, workload.slept


def _names(sleepers: Sequence[tuple[ObjectRef, SleptMark]]) -> tuple[str, ...]:
    return tuple(ref.key for ref, _ in sleepers)


def _suspend(kube: Kube, cluster: Cluster, *, actor: Actor, request_id: str) -> None:
    for obj, kind in _policies(kube):
        if not (obj.get("spec") or {}).get("suspend"):
            kube.patch(_ref(obj, kind, cluster), body={"spec": {"suspend": True}})
    body = {"setting": "uninstall", "cluster": cluster.name}
    ledger.record(kind="Setting", body=body, actor=actor, request_id=request_id, about=ledger.About(cluster=cluster))


def _policies(kube: Kube) -> Iterator[tuple[JsonObject, Kind]]:
    for kind in POLICY_KINDS:
        try:
            for obj in kube.list(kind).items:
                yield {"apiVersion": kind.api_version, "kind": kind.kind, **obj}, kind
        except NotFound:
            continue


def _wake(cluster: Cluster, sleepers: Sequence[tuple[ObjectRef, SleptMark]], *, actor: Actor, request_id: str) -> None:
    at = clock_now()
    decisions = [
        Decision(
            id=uuid7(),
            kind=RULE,
            subject=ref,
            verdict=Verdict.ACT,
            reason=Reason(reasons.UNINSTALLED),
            decided_at=at,
            action=Wake(ref, mark),
        )
        for ref, mark in sleepers
    ]
    rows = ledger.record_decisions(decisions, cluster=cluster, actor=actor, request_id=request_id)
    for decision in decisions:
        row = rows.get(decision.id)
        if row is not None and decision.action is not None:
            ledger.propose(row=row, action=decision.action, actor=actor, request_id=request_id)


def _wait(kube: Kube, cluster: Cluster) -> list[tuple[ObjectRef, SleptMark]]:
    """What still sleeps in the end. Works itself, so that it also ends where no worker runs."""
    clock: Clock = load(settings.PLIMSOLL_PORTS["clock"])()
    until = clock.now() + WAIT_AT_MOST
    while True:
        ledger.run_due(holder=ledger.this_process())
        still = list(_sleepers(kube, cluster))
        if not still or clock.now() >= until:
            return still
        clock.wait(LOOK_EVERY_SECONDS)


def _ours(kube: Kube) -> list[JsonObject]:
    """Everything to remove, policies first, then the rest in the reverse of the order it was applied in."""
    return [obj for obj, _ in _policies(kube)] + list(reversed(manifests(read_only=False)))


def _remove(kube: Kube, cluster: Cluster) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(removed, left): what the account may not remove is left, with the command that does."""
    removed: list[str] = []
    left: list[str] = []
    for obj in _ours(kube):
        try:
            kube.delete(_ref(obj, _kind(obj), cluster))
        except NotFound:
            continue
        except PlimsollError as e:
            log.warning("Not removed", cluster=cluster.name, object=_name(obj), error=str(e))
            left.append(f"{_name(obj)}: kubectl delete {_kind(obj).qualified} {_of_namespace(obj)}")
        else:
            removed.append(_name(obj))
    return tuple(removed), tuple(left)


def _of_namespace(obj: JsonObject) -> str:
    meta = obj["metadata"]
    return f"{meta['name']} -n {meta['namespace']}" if meta.get("namespace") else str(meta["name"])


def _kind(obj: JsonObject) -> Kind:
    return kinds.find(obj["kind"], str(obj["apiVersion"]).rpartition("/")[0])


def _ref(obj: JsonObject, kind: Kind, cluster: Cluster) -> ObjectRef:
    meta: dict[str, Any] = obj["metadata"]
    return ObjectRef(cluster.name, kind.group, kind.kind, meta.get("namespace", ""), meta["name"])


def _name(obj: JsonObject) -> str:
    meta = obj["metadata"]
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{obj['kind']}/{place}{meta['name']}"
