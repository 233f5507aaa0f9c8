"""What the policies app does, in one place for views, API, workers and the command line. All keyword-only.

evaluate                           one pass over one cluster
sleep_workloads, wake_workloads    the same by hand
preview                            what a policy would do, before it is applied
apply_policy, delete_policy        change policies
why                                the newest Decision about a workload, and those before it
uninstall                          wake everything and leave
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.fleet.models import Workload as WorkloadRow
from apps.ledger.models import DecisionRow
from apps.policies.domain.parse import policy_ref as policy_ref
from apps.policies.evaluating import EvaluateResult as EvaluateResult
from apps.policies.evaluating import evaluate as evaluate
from apps.policies.evaluating import forget as forget
from apps.policies.manual import ManualResult as ManualResult
from apps.policies.manual import sleep_workloads as sleep_workloads
from apps.policies.manual import wake_workloads as wake_workloads
from apps.policies.policy_writes import PolicyWrite as PolicyWrite
from apps.policies.policy_writes import apply_policy as apply_policy
from apps.policies.policy_writes import delete_policy as delete_policy
from apps.policies.previews import Preview as Preview
from apps.policies.previews import PreviewItem as PreviewItem
from apps.policies.previews import preview as preview
from apps.policies.refs import find_rows as find_rows
from apps.policies.submitting import Submission as Submission
from apps.policies.submitting import submit as submit
from apps.policies.uninstalling import UninstallReport as UninstallReport
from apps.policies.uninstalling import uninstall as uninstall

HISTORY = 20


@dataclass(frozen=True, slots=True)
class Why:
    """`latest` is None when nothing has been decided about the workload: no policy covers it. `history` is newest
    first, `latest` included."""

    latest: DecisionRow | None
    history: tuple[DecisionRow, ...]


def why(*, row: WorkloadRow, limit: int = HISTORY) -> Why:
    """Why a workload is as it is."""
    found = tuple(
        DecisionRow.objects.filter(
            cluster_name=row.cluster.name,
            namespace=row.namespace,
            subject_kind=row.kind,
            subject_name=row.name,
        )
        .select_related("action", "action__approval")
        .order_by("-decided_at", "-id")[:limit]
    )
    return Why(found[0] if found else None, found)
