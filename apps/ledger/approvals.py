"""Asking people, and their answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.identity.clock import now
from apps.identity.models import User
from apps.identity.roles import Role, require_role
from apps.kernel.decisions import Reason
from apps.kernel.errors import AlreadyExists, Forbidden, InvalidInput, PreconditionFailed
from apps.kernel.serialise import encode
from apps.ledger import due
from apps.ledger.domain import reasons
from apps.ledger.domain.sensitivity import ApprovalRule
from apps.ledger.models import ActionRow, ActionState, ApprovalRequest, ApprovalState, RecordKind, Vote
from apps.ledger.moves import end, move
from apps.ledger.records import About, lock_head, record
from apps.ui.live import publish

JOIN_WITHIN = timedelta(minutes=10)


def ask(rule: ApprovalRule, *, about: ActionRow, group: str, at: datetime) -> ApprovalRequest:
    """The request that `about` waits for: the open one of its `group`, or a new one. The head must be locked.

    Only the same person's actions join, only within `JOIN_WITHIN`, and only before anybody has answered: what people
    agree to must not grow afterwards.
    """
    standing = (
        ApprovalRequest.objects.filter(
            group=group,
            state=ApprovalState.PENDING,
            requested_by=about.requested_by,
            created_at__gte=at - JOIN_WITHIN,
            votes=None,
        )
        .order_by("-created_at")
        .first()
    )
    if standing is not None:
        if rule.needed > standing.needed:
            standing.needed, standing.rule, standing.operands = rule.needed, rule.code, encode(rule.operands)
            standing.save(update_fields=["needed", "rule", "operands"])
        return standing
    approval = ApprovalRequest.objects.create(
        group=group,
        rule=rule.code,
        operands=encode(rule.operands),
        reason=about.reason,
        needed=rule.needed,
        team_id=about.team_id,
        cluster=about.cluster,
        cluster_name=about.cluster_name,
        requested_by=about.requested_by,
        requester=about.requester,
        request_id=about.request_id,
        created_at=at,
        expires_at=at + rule.approve_within,
        execute_seconds=int(rule.execute_within.total_seconds()),
    )
    _record(approval, event="Asked", actor=about.requester or about.requested_by, rule=rule)
    due.put(f"approval:{approval.pk}", kind="approval", at=approval.expires_at)
    publish("approvals", [approval.pk])
    return approval


def vote(*, approval: ApprovalRequest, user: User, approve: bool, reason: str, request_id: str = "") -> Vote:
    """Answer a request. Forbidden without the approver role everywhere it reaches, and for whoever asked.

    One rejection rejects; the last approval that was needed makes the actions due.
    """
    if not reason.strip():
        raise InvalidInput("a reason is required", field="reason", mend="say why you agree or do not")
    at = now()
    if expire(approval_id=approval.pk, at=at):
        raise PreconditionFailed("nobody answered in time: the request has expired", mend="ask anew")
    with transaction.atomic():
        lock_head()
        standing = ApprovalRequest.objects.get(pk=approval.pk)
        actions = list(standing.actions.select_related("cluster", "cluster__team"))
        _require_may_vote(standing, actions, user)
        answer = Vote.objects.create(approval=standing, user=user, approve=approve, reason=reason.strip(), at=at)
        event = "VotedFor" if approve else "VotedAgainst"
        _record(standing, event=event, actor=user, request_id=request_id, reason=answer.reason)
        if not approve:
            _reject(standing, actions, user=user, reason=answer.reason, request_id=request_id)
        elif standing.votes.filter(approve=True).count() >= standing.needed:
            _approve(standing, actions, user=user, request_id=request_id)
        publish("approvals", [standing.pk])
    approval.refresh_from_db()
    return answer


def _require_may_vote(approval: ApprovalRequest, actions: list[ActionRow], user: User) -> None:
    if approval.state != ApprovalState.PENDING:
        raise PreconditionFailed(f"the request is {approval.state} already")
    if user.pk in {approval.requester_id, *(action.requester_id for action in actions)}:
        raise Forbidden("whoever asks cannot answer", mend="ask another approver")
    reached = {(action.cluster_id, action.team_id): action for action in actions}
    for action in reached.values():
        require_role(user, Role.APPROVER, action)
    if not reached:
        require_role(user, Role.APPROVER, approval)
    if approval.votes.filter(user=user).exists():
        raise AlreadyExists("you have answered this request already")


def _approve(approval: ApprovalRequest, actions: list[ActionRow], *, user: User, request_id: str) -> None:
    at = now()
    before = at + timedelta(seconds=approval.execute_seconds)
    _settle(approval, ApprovalState.APPROVED, at=at, execute_before=before)
    _record(approval, event="Approved", actor=user, request_id=request_id, execute_before=before)
    waiting = [action for action in actions if action.state == ActionState.WAITING_APPROVAL]
    for action in waiting:
        due_at = max(action.due_at, at)
        move([action], to=ActionState.DUE, values={"due_at": due_at, "execute_before": before})
        due.put(due.action_key(action.pk), kind="action", at=due_at)


def _reject(approval: ApprovalRequest, actions: list[ActionRow], *, user: User, reason: str, request_id: str) -> None:
    at = now()
    _settle(approval, ApprovalState.REJECTED, at=at)
    _record(approval, event="Rejected", actor=user, request_id=request_id, reason=reason)
    waiting = [action for action in actions if action.state == ActionState.WAITING_APPROVAL]
    why = Reason(reasons.REJECTED_BY, {"actor": user.get_username(), "reason": reason})
    end(waiting, to=ActionState.REJECTED, reason=why, actor=user, at=at, request_id=request_id)


def expire(*, approval_id: UUID, at: datetime) -> bool:
    """End a pending request whose time is over, and its actions with it; True when it did."""
    with transaction.atomic():
        lock_head()
        approval = ApprovalRequest.objects.filter(
            pk=approval_id, state=ApprovalState.PENDING, expires_at__lte=at
        ).first()
        if approval is None:
            return False
        actions = list(approval.actions.filter(state=ActionState.WAITING_APPROVAL).select_related("cluster"))
        _settle(approval, ApprovalState.EXPIRED, at=at)
        _record(approval, event="Expired", actor="ledger")
        why = Reason(reasons.APPROVAL_EXPIRED, {"needed": approval.needed})
        end(actions, to=ActionState.EXPIRED, reason=why, actor="ledger", at=at, request_id=approval.request_id)
        publish("approvals", [approval.pk])
    return True


def withdraw_empty(approvals: list[ApprovalRequest], *, at: datetime) -> None:
    """Cancel pending requests none of whose actions waits any more. The head must be locked."""
    for approval in approvals:
        if approval.state != ApprovalState.PENDING:
            continue
        if not approval.actions.filter(state=ActionState.WAITING_APPROVAL).exists():
            _settle(approval, ApprovalState.CANCELLED, at=at)
            _record(approval, event="Withdrawn", actor="ledger")
            publish("approvals", [approval.pk])


def _settle(
    approval: ApprovalRequest, state: ApprovalState, *, at: datetime, execute_before: datetime | None = None
) -> None:
    changed = ApprovalRequest.objects.filter(pk=approval.pk, state=ApprovalState.PENDING).update(
        state=state, decided_at=at, execute_before=execute_before
    )
    if changed != 1:
        raise PreconditionFailed("somebody else answered first", mend="read the request again")
    approval.state, approval.decided_at, approval.execute_before = state, at, execute_before


def _record(approval: ApprovalRequest, *, event: str, actor: User | str, request_id: str = "", **more: object) -> None:
    record(
        kind=RecordKind.APPROVAL,
        body={"event": event, "approval": approval.pk, "rule": approval.rule, **more},
        actor=actor,
        request_id=request_id or approval.request_id,
        about=About(cluster=approval.cluster, subject=f"approval:{approval.pk}"),
    )
