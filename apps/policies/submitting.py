"""From rulings to the record and to the world: the only road there is.

Steps of `submit`:
1. Every Decision is recorded; repeats are only counted (ledger).
2. What acts is routed by its mode: DryRun stays on record, Warn tells people, Enforce is proposed, and waits for
   approval where a rule asks. Wakes are proposed in any mode and never wait.
3. What is announced is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from apps.fleet.models import Cluster
from apps.identity.actors import Actor
from apps.kernel.actions import Action, Sleep
from apps.kernel.decisions import Decision, Verdict
from apps.kernel.ports import Kube
from apps.kernel.vocab import Snapshot
from apps.ledger import services as ledger
from apps.ledger.models import DecisionRow
from apps.policies.domain.spec import Mode
from apps.policies.domain.tick import Ruling
from apps.policies.events import end_notices, tell


@dataclass(frozen=True, slots=True)
class Submission:
    """Whose pass it is and what it saw. `kube` None: nothing is written to the cluster. `returned`: keys of the
    objects about which the last pass concluded something else, or nothing."""

    cluster: Cluster
    actor: Actor
    request_id: str
    now: datetime
    snapshot: Snapshot | None = None
    kube: Kube | None = None
    returned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Submitted:
    """`rows` by Decision id, for what is new and for what acts; `proposed` counts actions put on their way."""

    rows: Mapping[UUID, DecisionRow]
    proposed: int = 0


def submit(rulings: Sequence[Ruling], *, about: Submission) -> Submitted:
    """Record and route what a pass has decided."""
    decisions = [ruling.decision for ruling in rulings]
    modes = {r.decision.id: str(r.mode) for r in rulings if r.mode is not None}
    rows = ledger.record_decisions(
        decisions,
        cluster=about.cluster,
        actor=about.actor,
        request_id=about.request_id,
        snapshot=about.snapshot,
        modes=modes,
        returned=about.returned,
    )
    proposed = 0
    warned: list[Decision] = []
    for ruling in rulings:
        row = rows.get(ruling.decision.id)
        if row is None or ruling.decision.verdict is not Verdict.ACT:
            continue
        if ruling.mode is Mode.WARN:
            if row.pk == ruling.decision.id:
                warned.append(ruling.decision)
        elif ruling.mode is not Mode.DRY_RUN:
            proposed += _propose(ruling, row, about)
    announced = [r.decision for r in rulings if r.announce]
    new = [d for d in decisions if d.id in rows and rows[d.id].pk == d.id]
    end_notices(new, cluster=about.cluster)
    tell(warned, cluster=about.cluster, kube=about.kube, action="WouldSleep", now=about.now)
    tell(announced, cluster=about.cluster, kube=about.kube, action="WillSleep", now=about.now)
    return Submitted(rows, proposed)


def _propose(ruling: Ruling, row: DecisionRow, about: Submission) -> int:
    """Put the action on its way; 0 when the cluster must not be written to."""
    action = ruling.decision.action
    if action is None or about.cluster.read_only:
        return 0
    spec = ruling.spec
    asks = 1 if spec is not None and spec.approval and isinstance(action, Sleep) else 0
    approval = ledger.approval_rule(action=action, cluster=about.cluster, manual=False, policy_approvers=asks)
    group = f"{spec.ref.uid or spec.ref.key}:{about.request_id}"[:64] if spec is not None and approval else ""
    ledger.propose(
        row=row,
        action=named(action, row.pk),
        actor=about.actor,
        request_id=about.request_id,
        terms=ledger.Terms(approval=approval, group=group),
    )
    return 1


def named(action: Action, decision_id: UUID) -> Action:
    """A Sleep's mark names the Decision it came from, so that anyone who reads the object can look it up."""
    if isinstance(action, Sleep):
        return replace(action, mark=replace(action.mark, action=str(decision_id)))
    return action
