"""Which actions wait for people, and on what terms.

A manual sleep, scale or delete in production, a manual action on more than `bulk_over` workloads at once, and every
delete are sensitive. What an Enforce policy does is not, unless the policy itself asks for approval. Waking in
production is not either: it restores service, and anyone with kubectl may do it by annotation. Where several rules
match, the one that asks for most approvers asks; ties go to the first in the order above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from apps.kernel.decisions import Operand

PRODUCTION_WORDS = frozenset({"production", "prod", "prd", "live"})
ENVIRONMENT_LABELS = (
    "plimsoll.dev/environment",
    "app.kubernetes.io/environment",
    "environment",
    "env",
)
RESTORING = frozenset({"Wake", "Forget"})

PRODUCTION_NAMESPACE = "ProductionNamespace"
PRODUCTION_CLUSTER = "ProductionCluster"
BULK_MANUAL_ACTION = "BulkManualAction"
DELETES = "Deletes"
POLICY_ASKS = "PolicyAsksApproval"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """The question: its PascalCase code, how many people must agree, and until when.

    `approve_within` runs from the request; `execute_within` from the last approval that was needed.
    """

    code: str
    operands: Mapping[str, Operand] = field(default_factory=dict)
    needed: int = 1
    approve_within: timedelta = timedelta(hours=24)
    execute_within: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What sensitivity is judged by. `batch` counts the workloads of the same request, this one included.

    `policy_approvers` is how many people the policy asks for; 0: it asks for nobody.
    """

    action_kind: str
    manual: bool
    production: bool
    namespace: str = ""
    batch: int = 1
    policy_approvers: int = 0


@dataclass(frozen=True, slots=True)
class SensitivitySettings:
    """`bulk_over`: a manual action on more workloads than this waits. `approvers` must agree to what waits."""

    bulk_over: int = 50
    approvers: int = 1
    approve_within: timedelta = timedelta(hours=24)
    execute_within: timedelta = timedelta(hours=1)


def is_production(*, namespace: str, labels: Mapping[str, str], environment: str) -> bool:
    """Whether a namespace holds production.

    Its own environment label decides; without one its name (`prod`, or a dash-separated part of it), and then the
    cluster's environment.
    """
    for label in ENVIRONMENT_LABELS:
        if label in labels:
            return labels[label].strip().lower() in PRODUCTION_WORDS
    if PRODUCTION_WORDS & set(namespace.lower().split("-")):
        return True
    return environment.strip().lower() in PRODUCTION_WORDS


def approval_rule(about: Circumstances, *, settings: SensitivitySettings) -> ApprovalRule | None:
    """The rule that makes this action wait for people, or None when it may go ahead."""
    matches = list(_matches(about, settings))
    if not matches:
        return None
    return max(matches, key=lambda rule: rule.needed)


def _matches(about: Circumstances, settings: SensitivitySettings) -> list[ApprovalRule]:
    found: list[tuple[str, Mapping[str, Operand], int]] = []
    if about.manual and about.production and about.action_kind not in RESTORING:
        code = PRODUCTION_NAMESPACE if about.namespace else PRODUCTION_CLUSTER
        found.append((code, {"namespace": about.namespace}, settings.approvers))
    if about.manual and about.batch > settings.bulk_over:
        found.append((BULK_MANUAL_ACTION, {"count": about.batch, "limit": settings.bulk_over}, settings.approvers))
    if about.action_kind == "Delete":
        found.append((DELETES, {"namespace": about.namespace}, settings.approvers))
    if about.policy_approvers and about.action_kind not in RESTORING:
        found.append((POLICY_ASKS, {"approvers": about.policy_approvers}, about.policy_approvers))
    return [
        ApprovalRule(code, operands, needed, settings.approve_within, settings.execute_within)
        for code, operands, needed in found
    ]
