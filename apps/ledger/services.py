"""What the ledger does, in one place for those above: every function is keyword-only and raises kernel.errors.

record, record_decisions     put facts on the chain
propose, cancel, undo        make an action wait, go, or stop
approval_rule, vote          whether people must agree, and their answers
run_due, carry_out           what a worker does
verify_chain, export         for those who check
due, leases                  what is asked for, and who leads
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.fleet.models import Cluster
from apps.identity.actors import Actor
from apps.identity.models import Team, User
from apps.kernel.actions import Action
from apps.kernel.decisions import Decision
from apps.kernel.vocab import ObjectRef, Snapshot
from apps.ledger import due as due
from apps.ledger import leases as leases
from apps.ledger.domain.sensitivity import ApprovalRule as ApprovalRule
from apps.ledger.models import ActionRow, ApprovalRequest, DecisionRow, Record, Vote


@dataclass(frozen=True, slots=True)
class About:
    """What a record is about; the team defaults to the cluster's."""

    cluster: Cluster | None = None
    team: Team | None = None
    namespace: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an action is proposed.

    `approval` None: it is due at once, or at `due_at`. Actions of one `group` share one ApprovalRequest. `supersede`
    cancels what else waits on the same target. `reason` is what the person gave.
    """

    approval: ApprovalRule | None = None
    group: str = ""
    reason: str = ""
    due_at: datetime | None = None
    inverse_of: ActionRow | None = None
    supersede: bool = False


def record(
    *,
    kind: str,
    body: Mapping[str, Any],
    actor: Actor,
    request_id: str = "",
    about: About = About(),
    at: datetime | None = None,
) -> Record:
    """Append one fact to the chain, in the caller's transaction. `kind` is a RecordKind."""
    raise NotImplementedError


def record_decisions(
    decisions: Sequence[Decision],
    *,
    cluster: Cluster,
    actor: Actor,
    request_id: str,
    snapshot: Snapshot | None = None,
    modes: Mapping[UUID, str] | None = None,
) -> dict[UUID, DecisionRow]:
    """Keep what is new among `decisions`: Decision id -> row, for those that are new and for every verdict ACT.

    A Decision that repeats the current one of its stream (same subject, verdict, reason and operands, measurements
    aside) is counted in memory and adds no row: its id then maps to the row that stands. `snapshot` is recorded
    once, and only when something is new. `modes` gives the policy's mode by Decision id.
    """
    raise NotImplementedError


def propose(*, row: DecisionRow, action: Action, actor: Actor, request_id: str, terms: Terms = Terms()) -> ActionRow:
    """Put an action on its way: due, or waiting for approval. The same action still open is returned as it is."""
    raise NotImplementedError


def cancel(*, action: ActionRow, actor: Actor, reason: str, request_id: str) -> ActionRow:
    """Stop an action that has not started. PreconditionFailed when it has."""
    raise NotImplementedError


def approval_rule(
    *,
    action: Action,
    cluster: Cluster,
    manual: bool,
    batch: int = 1,
    policy_approvers: int = 0,
) -> ApprovalRule | None:
    """The sensitivity rule that makes `action` wait, or None. Reads the namespace's labels from its row."""
    raise NotImplementedError


def vote(*, approval: ApprovalRequest, user: User, approve: bool, reason: str, request_id: str = "") -> Vote:
    """Answer a request. Forbidden without the approver role everywhere it reaches, and for whoever asked.

    One rejection rejects; the last approval that was needed makes the actions due.
    """
    raise NotImplementedError


def carry_out(*, action_id: UUID, epoch: int, now: datetime | None = None) -> dict[str, Any]:
    """Do one action under a claim; see carrying.py. Raises Retryable when it should be tried again."""
    raise NotImplementedError


def run_due(*, holder: str, limit: int = 20, lease_seconds: float = 60, now: datetime | None = None) -> int:
    """Claim what is due and do it: the body of the worker's task. Returns how many pieces were taken.

    A piece that fails is put off, whatever it raised, and never stops the others.
    """
    raise NotImplementedError


def undo(*, action: ActionRow, actor: Actor, reason: str, request_id: str) -> ActionRow:
    """Propose the inverse of a finished action. PreconditionFailed says why it cannot be undone any more."""
    raise NotImplementedError


def why(*, ref: ObjectRef) -> DecisionRow | None:
    """The newest Decision about an object."""
    raise NotImplementedError


def export(*, user: User, filters: Mapping[str, str]) -> Iterator[str]:
    """The records `user` may see, oldest first, one JSON object a line, streamed."""
    raise NotImplementedError
