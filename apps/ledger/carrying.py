"""Carrying an action out. Safe to be killed at any instruction, and to be started again by another worker.

1. Claim: the row becomes Running under the epoch of the claim on its due work, by compare-and-swap, and the intention
   stands on the chain. Nothing is written to a cluster before that is committed.
2. Step by step (stepping.py): look again, pass over what is done, refuse what no longer holds, dry-run, write under the
   resourceVersion just read, verify. Before each write the row must still carry this epoch.
3. A half-made Sleep that must stop is taken back: that it is being taken back is committed first (`undoing`), so that a
   second run goes on with that.
4. Finish: the outcome and the inverse go on the chain and the row, under the same epoch.

An error that may pass puts the action back to Due, for the next try; any other ends it and is its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from apps.identity.clock import now as clock_now
from apps.kernel.actions import Action, Sleep, annotation
from apps.kernel.decisions import Operand, PolicyRef, Reason
from apps.kernel.errors import Conflict, NotFound, PlimsollError, PreconditionFailed, Retryable
from apps.kernel.marks import SLEPT, mark_text
from apps.kernel.ports import Kube, load
from apps.kernel.serialise import decode, encode
from apps.ledger import writepoints
from apps.ledger.actions import decode_action
from apps.ledger.domain import reasons
from apps.ledger.domain.sensitivity import RESTORING
from apps.ledger.models import ActionRow, ActionState, RecordKind
from apps.ledger.moves import FINISHED, ClaimLost, draft, end, move
from apps.ledger.records import append, lock_head
from apps.ledger.stepping import MovedOn, ObjectGone, Stepper, is_done, look, value_at

log = structlog.get_logger(__name__)

ACTOR = "worker"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action. `written` names the writes of the last run, `undo` is the inverse, as JSON."""

    state: str
    reason: Reason
    written: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    undo: Mapping[str, Any] | None = field(default=None)


def carry_out(*, action_id: UUID, epoch: int, now: datetime | None = None) -> Outcome:
    """Do one action under the claim `epoch`. Done already: its outcome, and nothing happens.

    Raises Retryable when it should be tried again, ClaimLost when another worker has it. Not inside a transaction:
    the intention must be committed before the cluster is touched.
    """
    at = now or clock_now()
    row = _claim(action_id, epoch=epoch, at=at)
    if row.state != ActionState.RUNNING:
        return _outcome_of(row)
    ids = {"action_id": str(row.pk), "decision_id": str(row.decision_id), "request_id": row.request_id}
    with structlog.contextvars.bound_contextvars(**ids, cluster=row.cluster_name):
        try:
            outcome = _perform(row, epoch=epoch, at=at)
        except Retryable as e:
            log.info("Action put off", action=row.kind, target=row.target_key, error=str(e))
            _put_off(row, epoch=epoch, error=e)
            raise
        _finish(row, outcome, epoch=epoch, at=now or clock_now())
        log.info("Action ended", action=row.kind, target=row.target_key, outcome=outcome.state)
    return outcome


def fail(*, action_id: UUID, epoch: int, error: str, attempts: int) -> None:
    """End an action that keeps breaking its worker, so that it is not tried for ever."""
    with transaction.atomic():
        lock_head()
        row = ActionRow.objects.select_related("cluster").filter(pk=action_id).first()
        if row is None or row.state in FINISHED or row.epoch > epoch:
            return
        why = Reason(reasons.FAILED_TOO_OFTEN, {"attempts": attempts, "error": error[:300]})
        end([row], to=ActionState.FAILED, reason=why, actor=ACTOR, at=clock_now(), request_id=row.request_id)


def _claim(action_id: UUID, *, epoch: int, at: datetime) -> ActionRow:
    """The row, Running under this epoch; or as it is when it has ended already, or has just expired."""
    with transaction.atomic(durable=True):
        lock_head()
        row = ActionRow.objects.select_related("cluster", "decision").filter(pk=action_id).first()
        if row is None:
            raise NotFound(f"no action {action_id}")
        if row.state in FINISHED:
            return row
        if row.state == ActionState.WAITING_APPROVAL:
            raise PreconditionFailed(f"action {action_id} waits for approval")
        if row.epoch > epoch:
            raise ClaimLost(f"action {action_id} was claimed by another worker")
        _require_alone(row)
        if row.started_at is None and row.execute_before is not None and at > row.execute_before:
            why = Reason(reasons.START_EXPIRED, {"before": row.execute_before.isoformat()})
            end([row], to=ActionState.EXPIRED, reason=why, actor=ACTOR, at=at, request_id=row.request_id)
            return row
        first = row.started_at is None
        values = {"epoch": epoch, "attempts": row.attempts + 1, "started_at": row.started_at or at}
        move([row], to=ActionState.RUNNING, values=values)
        if first:
            started = draft(row, kind=RecordKind.ACTION, event="Started", what=row.action, epoch=epoch)
            append([started], actor=ACTOR, request_id=row.request_id, at=at)
    return row


def _require_alone(row: ActionRow) -> None:
    """Retryable while another action is at work on the same object."""
    other = ActionRow.objects.filter(
        cluster_name=row.cluster_name, target_key=row.target_key, state=ActionState.RUNNING
    ).exclude(pk=row.pk)
    if other.exists():
        raise Conflict(f"another action is at work on {row.target_key}")


def _perform(row: ActionRow, *, epoch: int, at: datetime) -> Outcome:
    """Everything between the claim and the outcome. Raises only Retryable and ClaimLost."""
    try:
        action = decode_action(row)
    except PlimsollError as e:
        return _ended(ActionState.FAILED, reasons.UNREADABLE, error=str(e)[:500])
    try:
        if row.cluster is None:
            return _ended(ActionState.FAILED, reasons.CLUSTER_GONE, cluster=row.cluster_name)
        if row.cluster.read_only:
            return _ended(ActionState.REFUSED, reasons.CLUSTER_READ_ONLY, cluster=row.cluster_name)
        with closing(_connect(row)) as kube:
            return _act(row, action, kube, epoch=epoch, at=at)
    except (Retryable, ClaimLost):
        raise
    except PlimsollError as e:
        # The connection cannot be made, or the cluster refuses to be read: nothing was written.
        return Outcome(ActionState.FAILED, _reason_of(e))


def _act(row: ActionRow, action: Action, kube: Kube, *, epoch: int, at: datetime) -> Outcome:
    if row.undoing:
        return _take_back(row, action, kube, epoch=epoch)
    if expired := _expired_unstarted(row, action, kube, at=at):
        return expired
    stepper = Stepper(kube, action.target, _fence(row, epoch=epoch), lenient=action.kind in RESTORING)
    try:
        progress = stepper.run(action.steps(), guard=lambda: _ask_guards(action, row))
    except (Retryable, ClaimLost):
        raise
    except PlimsollError as e:
        if not _is_half_made(action, kube):
            return Outcome(_end_state(e), _reason_of(e))
        _begin_taking_back(row, e, epoch=epoch)
        return _take_back(row, action, kube, epoch=epoch)
    if progress.unverified:
        why = Reason(reasons.NOT_AS_WRITTEN, {"steps": ", ".join(progress.unverified)})
        return Outcome(ActionState.FAILED, why, tuple(progress.written), tuple(progress.passed))
    inverse = action.inverse()
    code = reasons.DONE if progress.written or row.attempts > 1 else reasons.ALREADY_SO
    return Outcome(
        ActionState.DONE,
        Reason(code, {"action": action.kind, "object": action.target.key}),
        tuple(progress.written),
        tuple(progress.passed),
        tuple(progress.skipped),
        encode(inverse) if inverse is not None else None,
    )


def _expired_unstarted(row: ActionRow, action: Action, kube: Kube, *, at: datetime) -> Outcome | None:
    """An earlier try may have been put off past the last time to start: then it must not begin now."""
    if row.execute_before is None or at <= row.execute_before:
        return None
    if any(is_done(step, look(kube, step.target)) for step in action.steps()):
        return None
    return _ended(ActionState.EXPIRED, reasons.START_EXPIRED, before=row.execute_before.isoformat())


def _ask_guards(action: Action, row: ActionRow) -> None:
    decision = row.decision
    policy = None
    if decision.policy_name:
        policy = PolicyRef(
            decision.policy_kind,
            decision.policy_namespace,
            decision.policy_name,
            decision.policy_uid,
            decision.policy_generation,
        )
    for path in action.guards:
        load(path)(action, policy)


def _fence(row: ActionRow, *, epoch: int) -> Any:
    """A function that raises ClaimLost once another worker has claimed the row."""

    def check() -> None:
        if not ActionRow.objects.filter(pk=row.pk, epoch=epoch, state=ActionState.RUNNING).exists():
            raise ClaimLost(f"action {row.pk} was claimed by another worker")

    return check


def _is_half_made(action: Action, kube: Kube) -> bool:
    """Whether a Sleep's own mark stands on its object, without the sleep being whole.

    Only a Sleep is taken back: everything else is either one write, or leads towards what runs.
    """
    if not isinstance(action, Sleep):
        return False
    obj = look(kube, action.target)
    return value_at(obj, annotation(SLEPT)) == mark_text(action.mark)


def _begin_taking_back(row: ActionRow, error: PlimsollError, *, epoch: int) -> None:
    with transaction.atomic(durable=True):
        values = {"undoing": True, "outcome": encode({"reason": _reason_of(error), "state": _end_state(error)})}
        move([row], to=ActionState.RUNNING, values=values, epoch=epoch)


def _take_back(row: ActionRow, action: Action, kube: Kube, *, epoch: int) -> Outcome:
    """Restore what a half-made Sleep has touched, leaving alone what somebody else has changed since."""
    kept: Mapping[str, Any] = row.outcome or {}
    written: tuple[str, ...] = ()
    inverse = action.inverse()
    if inverse is not None and _is_half_made(action, kube):
        stepper = Stepper(kube, action.target, _fence(row, epoch=epoch), lenient=True, lenient_primary=True)
        written = tuple(stepper.run(inverse.steps(), guard=lambda: None).written)
    return Outcome(kept["state"], decode(Reason, kept["reason"]), written)


def _put_off(row: ActionRow, *, epoch: int, error: Retryable) -> None:
    """Back to Due, with the error to show; a claim that was lost meanwhile is left alone."""
    why = Reason(reasons.WAITS_FOR_RETRY, {"error": str(error)[:300], "attempts": row.attempts})
    kept = row.outcome if row.undoing else encode({"reason": why})
    with transaction.atomic():
        lock_head()
        try:
            move([row], to=ActionState.DUE, values={"outcome": kept}, epoch=epoch)
        except ClaimLost:
            return


def _finish(row: ActionRow, outcome: Outcome, *, epoch: int, at: datetime) -> None:
    with transaction.atomic(durable=True):
        lock_head()
        values = {"outcome": encode(outcome), "finished_at": at, "undoing": False}
        move([row], to=ActionState(outcome.state), values=values, epoch=epoch)
        done = draft(row, kind=RecordKind.OUTCOME, event=outcome.state, outcome=outcome, attempts=row.attempts)
        append([done], actor=ACTOR, request_id=row.request_id, at=at)


def _end_state(error: PlimsollError) -> ActionState:
    return ActionState.REFUSED if isinstance(error, PreconditionFailed) else ActionState.FAILED


def _reason_of(error: PlimsollError) -> Reason:
    if isinstance(error, ObjectGone):
        return Reason(reasons.OBJECT_GONE, error.operands)
    if isinstance(error, MovedOn):
        return Reason(reasons.WORLD_MOVED_ON, error.operands)
    operands: dict[str, Operand] = {"error": str(error)[:500]}
    if isinstance(error, PreconditionFailed):
        return Reason(reasons.GUARD_REFUSED, operands)
    return Reason(reasons.REFUSED_BY_CLUSTER, operands)


def _ended(state: ActionState, code: str, **operands: Operand) -> Outcome:
    return Outcome(state, Reason(code, operands))


def _outcome_of(row: ActionRow) -> Outcome:
    kept: Mapping[str, Any] = row.outcome or {}
    reason = decode(Reason, kept["reason"]) if "reason" in kept else Reason(reasons.DONE)
    return Outcome(row.state, reason, tuple(kept.get("written", ())), undo=kept.get("undo"))


def _connect(row: ActionRow) -> Kube:
    kube: Kube = load(settings.PLIMSOLL_CONNECT)(row.cluster)
    return writepoints.watched(kube)
