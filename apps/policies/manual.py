"""Sleeping and waking by hand: the same road as a policy's, with a person's name on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from apps.fleet.models import Cluster
from apps.fleet.models import Workload as WorkloadRow
from apps.fleet.services import connect
from apps.identity.actors import Actor, actor_name
from apps.identity.clock import now as clock_now
from apps.kernel.actions import Action, Sleep, Wake
from apps.kernel.decisions import Decision, Reason, Saving, Verdict
from apps.kernel.errors import PlimsollError
from apps.kernel.ids import uuid7
from apps.kernel.ports import Kube
from apps.kernel.vocab import SleptMark, Workload
from apps.ledger import services as ledger
from apps.ledger.models import DecisionRow
from apps.policies import memories, refs
from apps.policies.domain import reasons
from apps.policies.domain.gitops import gitops_owner
from apps.policies.domain.memory import MANUAL
from apps.policies.domain.parse import KINDS
from apps.policies.domain.tick import PROTECTED, moment, runs
from apps.policies.submitting import named

RULE = "Manual"


@dataclass(frozen=True, slots=True)
class ManualResult:
    """What became of one workload of a request. `action_id` None: nothing was put on its way, and `reason` says why,
    or it was only a dry run. `state` is the action's; `approval_id` is set when people must agree first."""

    row: WorkloadRow
    verdict: Verdict
    reason: Reason
    decision_id: UUID | None = None
    action_id: UUID | None = None
    state: str = ""
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a person. `batch` is how many workloads it names."""

    actor: Actor
    reason: str
    request_id: str
    dry_run: bool
    batch: int
    at: datetime
    until: datetime | None = None


def sleep_workloads(
    *,
    rows: Sequence[WorkloadRow],
    actor: Actor,
    reason: str,
    request_id: str,
    until: datetime | None = None,
    dry_run: bool = False,
) -> list[ManualResult]:
    """Put these workloads to sleep until `until`, or until somebody wakes them. One result a row, in order.

    One that cannot sleep is a refusal and stops no other. More than 50 at once, or any in production, wait for
    approval. `dry_run` asks the API server whether it would do it, and records nothing.
    """
    refs.require_reason(reason)
    refs.require_operator(rows, actor)
    asked = Request(actor, reason, request_id, dry_run, len(rows), clock_now(), until)
    return _each(rows, asked, sleeping=True)


def wake_workloads(
    *, rows: Sequence[WorkloadRow], actor: Actor, reason: str, request_id: str, dry_run: bool = False
) -> list[ManualResult]:
    """Wake these workloads, as `sleep_workloads` puts them to sleep."""
    refs.require_reason(reason)
    refs.require_operator(rows, actor)
    asked = Request(actor, reason, request_id, dry_run, len(rows), clock_now())
    return _each(rows, asked, sleeping=False)


def _each(rows: Sequence[WorkloadRow], asked: Request, *, sleeping: bool) -> list[ManualResult]:
    by_cluster: dict[UUID, list[refs.Named]] = defaultdict(list)
    for one in refs.named(rows):
        by_cluster[one.cluster.pk].append(one)
    results: dict[UUID, ManualResult] = {}
    for found in by_cluster.values():
        with closing(connect(found[0].cluster)) as kube:
            for one in found:
                results[one.row.pk] = _one(one, kube, asked, sleeping=sleeping)
    return [results[row.pk] for row in rows]


def _one(one: refs.Named, kube: Kube, asked: Request, *, sleeping: bool) -> ManualResult:
    try:
        workload = refs.read_now(kube, one) if one.ref.kind in KINDS else None
        refusal = _refusal(one, workload, sleeping=sleeping)
        if refusal is not None or workload is None:
            return _refused(one, refusal or Reason(reasons.NOT_SLEEPABLE, {"kind": one.ref.kind}), asked)
        action = _action(workload, asked, sleeping=sleeping)
        if asked.dry_run:
            return _rehearsed(one, kube, workload, action, asked)
        return _proposed(one, workload, action, asked)
    except PlimsollError as e:
        return ManualResult(one.row, Verdict.REFUSE, Reason(e.code, {"error": str(e)[:300]}))


def _refusal(one: refs.Named, workload: Workload | None, *, sleeping: bool) -> Reason | None:
    """Why this cannot be done, or None."""
    if workload is None:
        return Reason(reasons.NOT_SLEEPABLE, {"kind": one.ref.kind})
    if not sleeping:
        return None if workload.slept is not None else _cannot_wake(workload)
    if workload.ref.namespace in PROTECTED:
        return Reason(reasons.PROTECTED_NAMESPACE, {"namespace": workload.ref.namespace})
    if workload.owner is not None:
        return Reason(reasons.OWNED_BY_CONTROLLER, {"owner": f"{workload.owner.kind}/{workload.owner.name}"})
    owner = gitops_owner(workload)
    if owner is not None:
        return Reason(reasons.GITOPS_OWNS_REPLICAS, {"tool": owner.tool, "owner": owner.owner, "mend": owner.mend})
    if workload.slept_raw:
        return Reason(reasons.MARK_UNREADABLE, {"text": workload.slept_raw[:200]})
    if workload.slept is not None:
        return _sleeps(workload.slept)
    if not runs(workload):
        return Reason(reasons.ALREADY_SUSPENDED if workload.ref.kind == "CronJob" else reasons.ALREADY_AT_ZERO)
    return None


def _sleeps(mark: SleptMark) -> Reason:
    """Who put it to sleep; a refusal that denied that Plimsoll did would stand as the last "Why?" of the workload."""
    if mark.policy.startswith(f"{MANUAL}/"):
        return Reason(reasons.ASLEEP_BY_HAND)
    since = moment(mark.slept_at) if mark.slept_at else None
    return Reason(reasons.ASLEEP, {"policy": mark.policy, "since": since})


def _cannot_wake(workload: Workload) -> Reason:
    if workload.slept_raw:
        return Reason(reasons.MARK_UNREADABLE, {"text": workload.slept_raw[:200]})
    return Reason(reasons.NOT_ASLEEP)


def _action(workload: Workload, asked: Request, *, sleeping: bool) -> Action:
    if not sleeping:
        mark = workload.slept or SleptMark(workload.replicas, "", "")
        return Wake(workload.ref, mark)
    cron = workload.ref.kind == "CronJob"
    mark = SleptMark(
        replicas=0 if cron else workload.replicas,
        policy=f"{MANUAL}/{actor_name(asked.actor)}",
        action="",
        slept_at=asked.at,
        scaled_object=workload.scaled_object or None,
        paused_replicas=workload.paused_replicas if workload.scaled_object else None,
        suspended=workload.suspended if cron else None,
    )
    return Sleep(workload.ref, mark)


def _decision(one: refs.Named, verdict: Verdict, reason: Reason, asked: Request, action: Action | None) -> Decision:
    price = one.row.price_per_hour
    saves = isinstance(action, Sleep) and price is not None
    return Decision(
        id=uuid7(),
        kind=RULE,
        subject=one.ref,
        verdict=verdict,
        reason=reason,
        decided_at=asked.at,
        action=action,
        saving=Saving(price, one.row.currency) if saves and price is not None else None,
        disruption_pods=one.row.replicas if isinstance(action, Sleep) else 0,
    )


def _reason(action: Action, asked: Request) -> Reason:
    code = reasons.ASKED_TO_SLEEP if isinstance(action, Sleep) else reasons.ASKED_TO_WAKE
    return Reason(code, {"actor": actor_name(asked.actor), "why": asked.reason})


def _refused(one: refs.Named, reason: Reason, asked: Request) -> ManualResult:
    if asked.dry_run:
        return ManualResult(one.row, Verdict.REFUSE, reason)
    decision = _decision(one, Verdict.REFUSE, reason, asked, None)
    _record(one.cluster, decision, asked)
    return ManualResult(one.row, Verdict.REFUSE, reason, decision.id)


def _record(cluster: Cluster, decision: Decision, asked: Request) -> DecisionRow:
    rows = ledger.record_decisions([decision], cluster=cluster, actor=asked.actor, request_id=asked.request_id)
    return rows[decision.id]


def _rehearsed(one: refs.Named, kube: Kube, workload: Workload, action: Action, asked: Request) -> ManualResult:
    """Ask the API server to judge the step that changes what runs; nothing is kept."""
    version = workload.resource_version
    if workload.ref.kind == "CronJob":
        suspend = isinstance(action, Sleep)
        kube.patch(one.ref, body={"spec": {"suspend": suspend}}, resource_version=version, dry_run=True)
    else:
        replicas = 0 if isinstance(action, Sleep) else (workload.slept.replicas if workload.slept else 0)
        kube.scale(one.ref, replicas=replicas, resource_version=version, dry_run=True)
    return ManualResult(one.row, Verdict.ACT, _reason(action, asked))


def _proposed(one: refs.Named, workload: Workload, action: Action, asked: Request) -> ManualResult:
    decision = _decision(one, Verdict.ACT, _reason(action, asked), asked, action)
    row = _record(one.cluster, decision, asked)
    approval = ledger.approval_rule(action=action, cluster=one.cluster, manual=True, batch=asked.batch)
    terms = ledger.Terms(approval=approval, group=asked.request_id if approval else "", reason=asked.reason)
    made = ledger.propose(
        row=row, action=named(action, row.pk), actor=asked.actor, request_id=asked.request_id, terms=terms
    )
    if isinstance(action, Sleep):
        _remember_sleep(one, workload, asked)
    return ManualResult(one.row, Verdict.ACT, decision.reason, row.pk, made.pk, str(made.state), made.approval_id)


def _remember_sleep(one: refs.Named, workload: Workload, asked: Request) -> None:
    """When it ends; and a person's wish starts the count of outside restores anew."""
    memory = memories.read(one.cluster, workload.ref)
    memory = replace(memory, asleep_until=asked.until, restores=0, restores_under="")
    memories.write(one.cluster, {workload.ref.uid: (workload.ref.key, memory)}, asked.at)
