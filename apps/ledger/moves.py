"""Moving action rows from state to state. Each move is a compare-and-swap under the chain's head, and a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.identity.actors import Actor
from apps.kernel.decisions import Reason
from apps.kernel.errors import PreconditionFailed
from apps.kernel.serialise import encode
from apps.ledger.models import ActionRow, ActionState, DecisionRow, RecordKind
from apps.ledger.records import About, Draft, append
from apps.ui.live import publish

FINISHED = frozenset(
    {
        ActionState.DONE,
        ActionState.FAILED,
        ActionState.REFUSED,
        ActionState.REJECTED,
        ActionState.EXPIRED,
        ActionState.CANCELLED,
    }
)


class ClaimLost(PreconditionFailed):
    """Another worker has claimed the action since; whatever this one was about to do must not happen."""

    code = "ClaimLost"


def about(row: ActionRow) -> About:
    return About(cluster=row.cluster, namespace=row.namespace, subject=row.target_key)


def draft(row: ActionRow, *, kind: RecordKind, event: str, **more: Any) -> Draft:
    """A record of something that happened to an action."""
    body = {"event": event, "action": row.pk, "decision": row.decision_id, "kind": row.kind, **more}
    return Draft(kind, body, about(row), row.team_id)


def move(
    rows: Sequence[ActionRow], *, to: ActionState, values: Mapping[str, Any] | None = None, epoch: int | None = None
) -> None:
    """Set the state of rows that still are as they were read, and of their Decisions. The head must be locked.

    With `epoch`, only under that claim: ClaimLost otherwise.
    """
    for row in rows:
        same = ActionRow.objects.filter(pk=row.pk, state=row.state)
        if epoch is not None:
            same = same.filter(epoch=epoch)
        if same.update(state=to, **(values or {})) != 1:
            if epoch is not None:
                raise ClaimLost(f"action {row.pk} was claimed by another worker")
            raise PreconditionFailed(f"action {row.pk} is not {row.state} any more", mend="read it again")
        row.state = to
        for name, value in (values or {}).items():
            setattr(row, name, value)
    DecisionRow.objects.filter(pk__in=[row.decision_id for row in rows]).update(state=to)
    publish("actions", [row.pk for row in rows])
    publish("decisions", [row.decision_id for row in rows])


def end(rows: Sequence[ActionRow], *, to: ActionState, reason: Reason, actor: Actor, at: Any, request_id: str) -> None:
    """Finish actions that will not be carried out, and say why. The head must be locked."""
    outcome = encode({"reason": reason})
    move(rows, to=to, values={"outcome": outcome, "finished_at": at})
    drafts = [draft(row, kind=RecordKind.OUTCOME, event=str(to), reason=reason) for row in rows]
    append(drafts, actor=actor, request_id=request_id, at=at)
