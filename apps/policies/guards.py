"""Asked by carry_out before a sleep's first write: is it still wanted?"""

from __future__ import annotations

from apps.kernel.actions import Action
from apps.kernel.decisions import PolicyRef, Verdict
from apps.kernel.errors import PreconditionFailed
from apps.ledger.models import DecisionRow


def still_wanted(action: Action, policy: PolicyRef | None) -> None:
    """PreconditionFailed when something else has been decided about the workload since: traffic came, an exception.

    Matters most for sleeps that waited for approval: each pass judges them anew meanwhile.
    """
    target = action.target
    latest = (
        DecisionRow.objects.filter(
            cluster_name=target.cluster,
            namespace=target.namespace,
            subject_kind=target.kind,
            subject_name=target.name,
            current=True,
        )
        .order_by("-decided_at", "-id")
        .first()
    )
    if latest is None or latest.verdict == Verdict.ACT:
        return
    if policy is not None and latest.policy_name and latest.policy_name != policy.name:
        return
    raise PreconditionFailed(
        f"since then it was decided otherwise: {latest.reason_code}", mend="nothing; it is judged again on each pass"
    )
