"""Putting an action on its way, stopping it, undoing it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.fleet.models import Cluster, Namespace
from apps.identity.actors import Actor, actor_name, actor_user
from apps.identity.clock import now
from apps.identity.roles import Role, require_role
from apps.kernel.actions import ACTIONS, Action
from apps.kernel.decisions import Decision, Reason, Verdict
from apps.kernel.errors import AlreadyExists, Conflict, InvalidInput, PreconditionFailed
from apps.kernel.ids import uuid7
from apps.kernel.ports import Kube, load
from apps.kernel.serialise import decode, encode
from apps.ledger import due
from apps.ledger.approvals import ask, withdraw_empty
from apps.ledger.decisions import record_decisions
from apps.ledger.domain import reasons, sensitivity
from apps.ledger.domain.sensitivity import RESTORING, ApprovalRule, Circumstances
from apps.ledger.models import OPEN_ACTION_STATES, ActionRow, ActionState, DecisionRow, RecordKind
from apps.ledger.moves import draft, end
from apps.ledger.records import append, lock_head
from apps.ledger.stepping import first_unmet, is_done, look, step_name
from apps.ui.live import publish

START_WITHIN = timedelta(hours=1)
"""An action that is not restoring does not start later than this after it was due: the day may have changed."""


MARKING = frozenset({"Sleep", "Wake", "Forget"})


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an action is proposed.

    `approval` None: it is due at once, or at `due_at`. Actions of one `group` share one ApprovalRequest. `reason` is
    what the person gave. `inverse_of` is the action it undoes.
    """

    approval: ApprovalRule | None = None
    group: str = ""
    reason: str = ""
    due_at: datetime | None = None
    inverse_of: ActionRow | None = None


def propose(*, row: DecisionRow, action: Action, actor: Actor, request_id: str, terms: Terms = Terms()) -> ActionRow:
    """Put an action on its way: due, or waiting for approval. The same action still open on the target is returned.

    An action that needs no approval takes the place of the same one that waits for it; another Apply, Scale or Delete
    takes the place of one that has not started; and so does a restoring action of whatever is not restoring. Conflict
    while one that has started stands in the way.
    """
    if row.cluster is None:
        raise PreconditionFailed(f"cluster {row.cluster_name} was removed")
    standing, _ = _sort_open(row, action, terms)  # most ticks ask again for what is open: no lock for those
    if standing is not None:
        return standing
    at = now()
    with transaction.atomic():
        lock_head()
        standing, displaced = _sort_open(row, action, terms)
        if standing is not None:
            return standing
        _supersede(displaced, action, actor=actor, request_id=request_id, at=at)
        made = _insert(row, action, actor=actor, request_id=request_id, terms=terms, at=at)
        append(
            [draft(made, kind=RecordKind.ACTION, event="Proposed", what=action, state=made.state, reason=terms.reason)],
            actor=actor,
            request_id=request_id,
            at=at,
        )
        if made.state == ActionState.DUE:
            due.put(due.action_key(made.pk), kind="action", at=made.due_at)
        DecisionRow.objects.filter(pk=row.pk).update(action=made, state=made.state)
        row.action, row.state = made, made.state
        publish("actions", [made.pk])
    return made


def _sort_open(row: DecisionRow, action: Action, terms: Terms) -> tuple[ActionRow | None, list[ActionRow]]:
    """(the open action that makes a new one needless, those whose place a new one takes)."""
    displaced: list[ActionRow] = []
    for other in ActionRow.objects.filter(
        cluster_name=row.cluster_name, target_key=action.target.key, state__in=OPEN_ACTION_STATES
    ).select_related("cluster", "approval"):
        started = other.started_at is not None
        if other.kind != action.kind:
            if action.kind in RESTORING and other.kind not in RESTORING and not started:
                displaced.append(other)
        elif _is_same(other, action) and not (other.state == ActionState.WAITING_APPROVAL and terms.approval is None):
            return other, []
        elif started:
            raise Conflict(f"another {action.kind} of {action.target} is being carried out", mend="try again shortly")
        else:
            displaced.append(other)
    return None, displaced


def _is_same(other: ActionRow, action: Action) -> bool:
    """Whether an open action of this kind does the same. Of marks only one can stand, so a Sleep is a Sleep."""
    return action.kind in MARKING or bool(other.action == encode(action))


def _supersede(displaced: Sequence[ActionRow], action: Action, *, actor: Actor, request_id: str, at: datetime) -> None:
    if displaced:
        reason = Reason(reasons.SUPERSEDED, {"action": action.kind, "actor": actor_name(actor)})
        end(displaced, to=ActionState.CANCELLED, reason=reason, actor=actor, at=at, request_id=request_id)
        withdraw_empty([other.approval for other in displaced if other.approval], at=at)


def _insert(
    row: DecisionRow, action: Action, *, actor: Actor, request_id: str, terms: Terms, at: datetime
) -> ActionRow:
    due_at = max(terms.due_at or at, at)
    made = ActionRow(
        id=uuid7(),
        decision=row,
        kind=action.kind,
        action=encode(action),
        cluster=row.cluster,
        cluster_name=row.cluster_name,
        team_id=row.team_id,
        namespace=action.target.namespace,
        target_kind=action.target.kind,
        target_name=action.target.name,
        target_key=action.target.key,
        state=ActionState.DUE,
        requested_by=actor_name(actor),
        requester=actor_user(actor),
        request_id=request_id,
        reason=terms.reason,
        inverse_of=terms.inverse_of,
        created_at=at,
        due_at=due_at,
    )
    if terms.approval is not None:
        made.state = ActionState.WAITING_APPROVAL
        made.approval = ask(terms.approval, about=made, group=terms.group or str(made.pk), at=at)
    elif action.kind not in RESTORING:
        made.execute_before = due_at + START_WITHIN
    made.save(force_insert=True)
    return made


def cancel(*, action: ActionRow, actor: Actor, reason: str, request_id: str) -> ActionRow:
    """Stop an action that has not started. PreconditionFailed when it has; the one who asked, or an operator, may."""
    _require_reason(reason)
    user = actor_user(actor)
    if user is not None and action.requester_id != user.pk:
        require_role(user, Role.OPERATOR, action)
    with transaction.atomic():
        lock_head()
        row = ActionRow.objects.select_related("cluster", "approval").get(pk=action.pk)
        if row.state not in (ActionState.WAITING_APPROVAL, ActionState.DUE) or row.started_at is not None:
            raise PreconditionFailed(
                f"the action is {row.state}: it cannot be cancelled", mend="undo it when it is done"
            )
        why = Reason(reasons.CANCELLED_BY, {"actor": actor_name(actor), "reason": reason})
        end([row], to=ActionState.CANCELLED, reason=why, actor=actor, at=now(), request_id=request_id)
        withdraw_empty([row.approval] if row.approval else [], at=now())
    return row


def approval_rule(
    *, action: Action, cluster: Cluster, manual: bool, batch: int = 1, policy_approvers: int = 0
) -> ApprovalRule | None:
    """The sensitivity rule that makes `action` wait, or None. Reads the namespace's labels from its row."""
    name = action.target.namespace
    labels = Namespace.objects.filter(cluster=cluster, name=name).values_list("labels", flat=True).first() or {}
    production = sensitivity.is_production(namespace=name, labels=labels, environment=cluster.environment)
    about = Circumstances(
        action_kind=action.kind,
        manual=manual,
        production=production,
        namespace=name,
        batch=batch,
        policy_approvers=policy_approvers,
    )
    return sensitivity.approval_rule(about, settings=sensitivity.SensitivitySettings(**settings.PLIMSOLL_APPROVALS))


def undo(*, action: ActionRow, actor: Actor, reason: str, request_id: str) -> ActionRow:
    """Propose the inverse of a finished action. PreconditionFailed says why it cannot be undone any more."""
    _require_reason(reason)
    user = actor_user(actor)
    if user is not None:
        require_role(user, Role.OPERATOR, action)
    inverse, cluster = _inverse(action), action.cluster
    if cluster is None:
        raise PreconditionFailed(f"cluster {action.cluster_name} was removed")
    with closing(_connect(cluster)) as kube:
        _require_applicable(kube, inverse)
    decision = Decision(
        id=uuid7(),
        kind="Undo",
        subject=inverse.target,
        verdict=Verdict.ACT,
        reason=Reason(reasons.UNDO_REQUESTED, {"action": action.kind, "actor": actor_name(actor), "reason": reason}),
        decided_at=now(),
        action=inverse,
    )
    rule = approval_rule(action=inverse, cluster=cluster, manual=True)
    with transaction.atomic():
        rows = record_decisions([decision], cluster=cluster, actor=actor, request_id=request_id)
        terms = Terms(approval=rule, reason=reason, inverse_of=action)
        return propose(row=rows[decision.id], action=inverse, actor=actor, request_id=request_id, terms=terms)


def decode_action(row: ActionRow) -> Action:
    """The kernel's Action that a row holds; InvalidInput when it is none."""
    cls = ACTIONS.get(row.kind)
    if cls is None or not isinstance(row.action, dict):
        raise InvalidInput(f"{row.kind!r} is not an action", field="action", mend="one of " + ", ".join(ACTIONS))
    body = {name: value for name, value in row.action.items() if name != "kind"}
    decoded: Action = decode(cls, body)
    return decoded


def _inverse(action: ActionRow) -> Action:
    if action.state != ActionState.DONE:
        raise PreconditionFailed(f"the action is {action.state}: there is nothing to undo")
    inverse = decode_action(action).inverse()
    if inverse is None:
        raise PreconditionFailed(f"{action.kind} has no inverse", mend="put the object right by hand")
    undone = action.inverses.exclude(
        state__in=[
            ActionState.FAILED,
            ActionState.REFUSED,
            ActionState.REJECTED,
            ActionState.EXPIRED,
            ActionState.CANCELLED,
        ]
    ).first()
    if undone is not None:
        raise AlreadyExists(f"action {undone.pk} undoes it already", mend="look at that action")
    later = ActionRow.objects.filter(
        cluster_name=action.cluster_name,
        target_key=action.target_key,
        state__in=[ActionState.DONE, ActionState.RUNNING],
        created_at__gt=action.created_at,
    ).first()
    if later is not None:
        raise PreconditionFailed(
            f"{later.kind} has changed {action.target_key} since", mend=f"undo action {later.pk} instead"
        )
    return inverse


def _require_applicable(kube: Kube, inverse: Action) -> None:
    """PreconditionFailed when the object is not as the action left it."""
    for step in inverse.steps():
        obj = look(kube, step.target)
        if is_done(step, obj):
            continue
        unmet = first_unmet(step, obj)
        if obj is None and step.require:
            raise PreconditionFailed(f"{step.target} is not there any more")
        if unmet is not None:
            raise PreconditionFailed(
                f"{step_name(step)} does not apply any more: {'.'.join(unmet.path)} was changed since",
                mend="decide anew from what the object is now",
            )
        return
    raise PreconditionFailed(f"{inverse.target} is so already: nothing is left to undo")


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("a reason is required", field="reason", mend="say why, for those who read the ledger")


def _connect(cluster: Cluster) -> Kube:
    kube: Kube = load(settings.PLIMSOLL_CONNECT)(cluster)
    return kube
