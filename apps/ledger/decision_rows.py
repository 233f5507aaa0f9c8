"""A Decision and a Snapshot as what is kept of them: a row, and a draft of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.fleet.models import Cluster, Namespace
from apps.identity.actors import Actor, actor_name, actor_user
from apps.kernel.decisions import Decision
from apps.kernel.serialise import encode
from apps.kernel.vocab import Snapshot
from apps.ledger.domain.chain import canonical, finite, link_hash
from apps.ledger.models import DecisionRow, RecordKind
from apps.ledger.records import About, Draft

MICRO = Decimal("0.000001")


@dataclass(slots=True)
class Said:
    """One Decision on its way through, with its two digests."""

    decision: Decision
    mode: str
    stream: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Context:
    """Whose Decisions these are. `modes` gives the policy's mode by Decision id; what is said of the objects of
    `returned`, keys, is news even if its stream said it before."""

    cluster: Cluster
    actor: Actor
    request_id: str
    snapshot: Snapshot | None = None
    modes: Mapping[UUID, str] = field(default_factory=dict)
    returned: frozenset[str] = frozenset()

    def is_news(self, decision: Decision) -> bool:
        """Whether it is kept whatever was said before it."""
        return decision.subject.key in self.returned or actor_user(self.actor) is not None


def teams_by_namespace(new: Sequence[Said], cluster: Cluster) -> dict[str, UUID | None]:
    """The team of each namespace that has one of its own."""
    names = {one.decision.subject.namespace for one in new}
    rows = Namespace.objects.filter(cluster=cluster).exclude(team=None).values_list("name", "team_id")
    return {name: team for name, team in rows if name in names}


def decision_row(one: Said, context: Context, teams: Mapping[str, UUID | None]) -> DecisionRow:
    decision, subject, policy = one.decision, one.decision.subject, one.decision.policy
    values: dict[str, Any] = finite(
        encode(
            {
                "operands": decision.reason.operands,
                "evidence": decision.evidence,
                "alternatives": decision.alternatives,
            }
        )
    )
    if policy is not None:
        values |= {
            "policy_kind": policy.kind,
            "policy_namespace": policy.namespace,
            "policy_name": policy.name,
            "policy_uid": policy.uid,
            "policy_generation": policy.generation,
        }
    if decision.saving is not None:
        values |= {
            "saving_per_hour": decision.saving.amount_per_hour.quantize(MICRO),
            "currency": decision.saving.currency,
        }
    return DecisionRow(
        id=decision.id,
        kind=decision.kind,
        cluster=context.cluster,
        cluster_name=context.cluster.name,
        team_id=teams.get(subject.namespace, context.cluster.team_id),
        namespace=subject.namespace,
        subject_group=subject.group,
        subject_kind=subject.kind,
        subject_name=subject.name,
        subject_uid=subject.uid,
        verdict=decision.verdict.value,
        reason_code=decision.reason.code,
        mode=one.mode,
        snapshot_id=decision.snapshot_id,
        disruption_pods=decision.disruption_pods,
        decided_at=decision.decided_at,
        actor=actor_name(context.actor),
        request_id=context.request_id,
        stream=one.stream,
        fingerprint=one.fingerprint,
        last_seen=decision.decided_at,
        **values,
    )


def decision_draft(one: Said, row: DecisionRow, context: Context) -> Draft:
    subject = one.decision.subject
    about = About(cluster=context.cluster, namespace=subject.namespace, subject=subject.key)
    body = {"decision": one.decision, "mode": one.mode}
    return Draft(RecordKind.DECISION, body, about, row.team_id)


def snapshot_draft(snapshot: Snapshot, cluster: Cluster) -> Draft:
    """What is kept of a Snapshot: its id, versions and ages, and a hash over those and what metrics answered."""
    kept = {
        "id": snapshot.id,
        "taken_at": snapshot.taken_at,
        "versions": snapshot.versions,
        "ages": snapshot.ages,
        "counts": {
            "namespaces": len(snapshot.namespaces),
            "nodes": len(snapshot.nodes),
            "workloads": len(snapshot.workloads),
            "pods": len(snapshot.pods),
        },
    }
    digest = link_hash(canonical(encode(kept)), canonical(encode(snapshot.readings)))
    about = About(cluster=cluster, subject=str(snapshot.id))
    return Draft(RecordKind.SNAPSHOT, {**kept, "hash": digest}, about)
