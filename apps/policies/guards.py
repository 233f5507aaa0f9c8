"""Asked by carry_out before a sleep's first write: is it still wanted?"""

from __future__ import annotations

from apps.kernel.actions import Action
from apps.kernel.decisions import PolicyRef, Verdict
from apps.kernel.errors import PreconditionFailed
from apps.ledger.models import DecisionRow
from apps.policies.models import Policy


def still_wanted(action: Action, policy: PolicyRef | None) -> None:
    """PreconditionFailed when the policy is gone or suspended, or has decided otherwise since.

    A policy keeps one current Decision on each workload. Matters most for sleeps that waited for approval: each pass
    judges them anew meanwhile.
    """
    if policy is None:
        return
    target = action.target
    in_force = Policy.objects.filter(
        cluster__name=target.cluster,
        kind=policy.kind,
        namespace=policy.namespace,
        name=policy.name,
        suspended=False,
    )
    if not in_force.exists():
        raise PreconditionFailed(f"{policy.key} is gone or suspended", mend="nothing; what it wanted has lapsed")
    latest = DecisionRow.objects.filter(
        cluster_name=target.cluster,
        namespace=target.namespace,
        subject_kind=target.kind,
        subject_name=target.name,
        policy_kind=policy.kind,
        policy_namespace=policy.namespace,
        policy_name=policy.name,
        current=True,
    ).first()
    if latest is not None and latest.verdict != Verdict.ACT:
        raise PreconditionFailed(
            f"since then it was decided otherwise: {latest.reason_code}",
            mend="nothing; it is judged again on each pass",
        )
