"""The sensitivity rules, over the whole small space of what they are judged by."""

from __future__ import annotations

from itertools import product

import pytest

from apps.ledger.domain.sensitivity import Circumstances, SensitivitySettings, approval_rule, is_production

SETTINGS = SensitivitySettings(bulk_over=50, approvers=2)
KINDS = ("Sleep", "Wake", "Forget", "Scale", "Apply", "Delete")


@pytest.mark.parametrize(
    ("kind", "manual", "production", "batch", "policy_approvers"),
    list(product(KINDS, (True, False), (True, False), (1, 50, 51), (0, 1, 3))),
)
def test_every_case(kind: str, manual: bool, production: bool, batch: int, policy_approvers: int) -> None:
    rule = approval_rule(Circumstances(kind, manual, production, "shop", batch, policy_approvers), settings=SETTINGS)
    restoring = kind in ("Wake", "Forget")
    asked = {
        "ProductionNamespace": manual and production and not restoring,
        "BulkManualAction": manual and batch > 50,
        "Deletes": kind == "Delete",
        "PolicyAsksApproval": policy_approvers > 0 and not restoring,
    }
    if not any(asked.values()):
        assert rule is None
        return
    assert rule is not None
    assert asked[rule.code]
    others = asked["ProductionNamespace"] or asked["BulkManualAction"] or asked["Deletes"]
    want = max(2 if others else 0, policy_approvers if asked["PolicyAsksApproval"] else 0)
    assert rule.needed == want


def test_a_manual_action_on_a_whole_production_cluster_says_so() -> None:
    rule = approval_rule(Circumstances("Apply", True, True), settings=SETTINGS)
    assert rule is not None
    assert rule.code == "ProductionCluster"


def test_an_enforce_policy_needs_nobody_even_in_production() -> None:
    assert approval_rule(Circumstances("Sleep", False, True, "pay", batch=400), settings=SETTINGS) is None


@pytest.mark.parametrize(
    ("namespace", "labels", "environment", "want"),
    [
        ("shop", {}, "", False),
        ("shop", {}, "production", True),
        ("shop", {}, "Prod", True),
        ("shop", {"environment": "dev"}, "production", False),
        ("shop", {"environment": "Production"}, "dev", True),
        ("shop", {"env": "prod"}, "", True),
        ("shop", {"app.kubernetes.io/environment": "live"}, "", True),
        ("shop", {"plimsoll.dev/environment": "dev", "env": "prod"}, "", False),
        ("shop-prod", {}, "dev", True),
        ("production", {}, "", True),
        ("products", {}, "", False),
        ("reproduction", {}, "", False),
    ],
)
def test_what_is_production(namespace: str, labels: dict[str, str], environment: str, want: bool) -> None:
    assert is_production(namespace=namespace, labels=labels, environment=environment) is want
