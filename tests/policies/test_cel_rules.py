"""The CEL rules of the definitions, run by cel-python as the sandbox does; the cluster tests run them on a real server.

What is refused here must be exactly what `parse` refuses too, so that no door is wider than the other.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from apps.kernel.errors import InvalidInput
from apps.policies.crd import definitions
from apps.policies.domain.parse import parse
from apps.sandbox.kubeapi import cel_rules, crd_rules, structural
from tests.policies.build import make_policy
from tests.policies.test_policy_fields import NGINX, RULES, SPECS, WINDOW

NAMESPACED, CLUSTER = definitions()

CODE_ONLY = {
    "a query that is not PromQL",
    "a query that is a number",
    "an order that goes in a circle",
    "a selector that contradicts itself",
    "overrides in a namespaced policy",  # the schema of ResourcePolicy does not know the field
    "keepAwakeUntil without a zone",  # a format, which the sandbox checks elsewhere
    "a holiday that is no date",
}


def judged(policy: dict[str, Any]) -> list[str]:
    """The fields that the schema and its rules refuse."""
    manifest = CLUSTER if policy["kind"] == "ClusterResourcePolicy" else NAMESPACED
    schema = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    value = copy.deepcopy(policy)
    structural.set_defaults(schema, value=value)
    causes = structural.validate(schema, value=value)
    rules = cel_rules.compile_schema(schema)
    assert rules is not None
    if not causes:
        causes = cel_rules.validate(rules, value=value)
    return [str(cause) for cause in causes]


@pytest.mark.parametrize("manifest", [NAMESPACED, CLUSTER])
def test_the_sandbox_accepts_the_definitions(manifest: dict[str, Any]) -> None:
    assert crd_rules.validate(copy.deepcopy(manifest)) == []


@pytest.mark.parametrize("case", [case for case in {**RULES, **SPECS} if case not in CODE_ONLY])
def test_a_bad_field_is_refused_when_it_is_applied(case: str) -> None:
    policy = make_policy(rule=RULES[case][0]) if case in RULES else make_policy(**SPECS[case][0])
    assert judged(policy) != []


GOOD: dict[str, dict[str, Any]] = {
    "the least": {},
    "a schedule alone": {"rule": {"idleAfter": None, "schedule": {"keepAwake": [WINDOW]}}},
    "everything": {
        "approval": "Required",
        "exceptions": [{"name": "x", "reason": "y", "expiresAt": "2026-04-01T00:00:00Z", "selector": {}}],
        "rule": {
            "traffic": {**NGINX, "ignorePaths": ["/healthz"], "threshold": "0.5"},
            "schedule": {"timeZone": "Europe/Berlin", "keepAwake": [{**WINDOW, "to": "24:00"}]},
            "order": [{"kind": "Deployment", "name": "a", "wakeAfter": ["b"]}],
            "gracePeriod": "5m",
        },
    },
    "a query of one's own": {"rule": {"traffic": {"source": "Query", "query": "sum by (namespace, service) (x)"}}},
    "user agents of Traefik": {"rule": {"traffic": {"source": "Traefik", "ignoreUserAgents": ["bot/*"]}}},
}


@pytest.mark.parametrize("case", GOOD)
@pytest.mark.parametrize("namespace", ["dev", ""])
def test_a_good_policy_passes_both_doors(case: str, namespace: str) -> None:
    policy = make_policy(namespace=namespace, **copy.deepcopy(GOOD[case]))
    assert judged(policy) == []
    parse(policy)


def test_a_workload_cannot_wait_for_itself() -> None:
    policy = make_policy(rule={"order": [{"kind": "Deployment", "name": "a", "wakeAfter": ["a"]}]})
    assert judged(policy) != []
    with pytest.raises(InvalidInput):
        parse(policy)
