"""Every bad field of a policy is named, and so is everything the schema and CEL would have let through."""

from __future__ import annotations

from typing import Any

import pytest

from apps.kernel.errors import InvalidInput
from apps.policies.domain.parse import parse
from tests.policies.build import make_policy

NGINX = {"source": "IngressNginx"}
WINDOW = {"days": ["Mon"], "from": "09:00", "to": "17:00"}

RULES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a query that is not PromQL": (
        {"traffic": {"source": "Query", "query": "sum(rate(x[5m])"}},
        "spec.scaleToZero.traffic.query",
        "is not PromQL",
    ),
    "a query that is a number": (
        {"traffic": {"source": "Query", "query": "3"}},
        "spec.scaleToZero.traffic.query",
        "instant vector",
    ),
    "a query without its source": (
        {"traffic": {**NGINX, "query": "up"}},
        "spec.scaleToZero.traffic.query",
        "only with it",
    ),
    "an unknown source": ({"traffic": {"source": "Nginx"}}, "spec.scaleToZero.traffic.source", "is not one of"),
    "a threshold that is no number": (
        {"traffic": {**NGINX, "threshold": "many"}},
        "spec.scaleToZero.traffic.threshold",
        "requests per second",
    ),
    "user agents where no metric carries them": (
        {"traffic": {**NGINX, "ignoreUserAgents": ["kube-probe/*"]}},
        "spec.scaleToZero.traffic.ignoreUserAgents",
        "carry no user agent",
    ),
    "paths where no metric carries them": (
        {"traffic": {"source": "Traefik", "ignorePaths": ["/healthz"]}},
        "spec.scaleToZero.traffic.ignorePaths",
        "carry no path",
    ),
    "a time zone that does not exist": (
        {"schedule": {"timeZone": "Mars/Olympus", "keepAwake": [WINDOW]}},
        "spec.scaleToZero.schedule.timeZone",
        "time zone database",
    ),
    "a window that ends before it begins": (
        {"schedule": {"keepAwake": [{"days": ["Mon"], "from": "17:00", "to": "09:00"}]}},
        "spec.scaleToZero.schedule.keepAwake[0].to",
        "before to",
    ),
    "a day that is none": (
        {"schedule": {"keepAwake": [{**WINDOW, "days": ["Monday"]}]}},
        "spec.scaleToZero.schedule.keepAwake[0].days",
        "is not one of",
    ),
    "a holiday that is no date": (
        {"schedule": {"keepAwake": [WINDOW], "holidays": ["Christmas"]}},
        "spec.scaleToZero.schedule.holidays[0]",
        "is not a date",
    ),
    "idleAfter that is too short": ({"idleAfter": "1m"}, "spec.scaleToZero.idleAfter", "at least 5m"),
    "idleAfter that is no duration": ({"idleAfter": "soon"}, "spec.scaleToZero.idleAfter", "is not a duration"),
    "neither idleAfter nor windows": ({"idleAfter": None}, "spec.scaleToZero.idleAfter", "or both"),
    "traffic without idleAfter": (
        {"idleAfter": None, "schedule": {"keepAwake": [WINDOW]}, "traffic": NGINX},
        "spec.scaleToZero.traffic",
        "needs idleAfter",
    ),
    "keepAwakeUntil without a zone": (
        {"keepAwakeUntil": "2026-01-01T00:00:00"},
        "spec.scaleToZero.keepAwakeUntil",
        "no time zone",
    ),
    "an order that goes in a circle": (
        {
            "order": [
                {"kind": "Deployment", "name": "a", "wakeAfter": ["b"]},
                {"kind": "Deployment", "name": "b", "wakeAfter": ["a"]},
            ]
        },
        "spec.scaleToZero.order",
        "waits for itself",
    ),
}

SPECS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a kind that cannot sleep": (
        {"targets": [{"kinds": ["DaemonSet"]}]},
        "spec.targets[0].kinds",
        "works on Deployment",
    ),
    "no targets": ({"targets": []}, "spec.targets", "at least one"),
    "a mode that is none": ({"mode": "enforce"}, "spec.mode", "is not one of DryRun, Warn, Enforce"),
    "a priority out of range": ({"priority": 1001}, "spec.priority", "from 0 to 1000"),
    "a selector that contradicts itself": (
        {
            "targets": [
                {
                    "kinds": ["Deployment"],
                    "selector": {
                        "matchLabels": {"tier": "web"},
                        "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}],
                    },
                }
            ]
        },
        "spec.targets[0].selector",
        "selects nothing",
    ),
    "values where none belong": (
        {
            "targets": [
                {
                    "kinds": ["Deployment"],
                    "selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
                }
            ]
        },
        "spec.targets[0].selector.matchExpressions[0].values",
        "only with them",
    ),
    "an exception without a reason": (
        {"exceptions": [{"name": "x", "expiresAt": "2026-04-01T00:00:00Z", "selector": {}}]},
        "spec.exceptions[0].reason",
        "needs a reason",
    ),
    "overrides in a namespaced policy": (
        {"namespaceOverrides": [{"namespaces": ["a"], "mode": "Warn"}]},
        "spec.namespaceOverrides",
        "only a ClusterResourcePolicy",
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_a_bad_field_of_the_rule_is_named(case: str) -> None:
    rule, want_field, want_message = RULES[case]
    with pytest.raises(InvalidInput) as raised:
        parse(make_policy(rule=rule))
    assert want_field in dict(raised.value.causes)
    assert want_message in dict(raised.value.causes)[want_field]


@pytest.mark.parametrize("case", SPECS)
def test_a_bad_field_of_the_spec_is_named(case: str) -> None:
    spec, want_field, want_message = SPECS[case]
    with pytest.raises(InvalidInput) as raised:
        parse(make_policy(**spec))
    assert want_field in dict(raised.value.causes)
    assert want_message in dict(raised.value.causes)[want_field]


def test_all_bad_fields_are_named_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        parse(make_policy(mode="no", priority=-1, rule={"idleAfter": "x", "minAwake": "y"}))
    want = {"spec.mode", "spec.priority", "spec.scaleToZero.idleAfter", "spec.scaleToZero.minAwake"}
    assert {field for field, _ in raised.value.causes} == want


@pytest.mark.parametrize("junk", [None, [], "text", {"targets": "x", "scaleToZero": 3}, {"targets": [None, 1]}])
def test_junk_is_refused_and_never_crashes(junk: Any) -> None:
    with pytest.raises(InvalidInput):
        parse({"kind": "ResourcePolicy", "metadata": {"name": "x", "namespace": "y"}, "spec": junk})


def test_the_defaults_are_those_of_the_schema() -> None:
    spec = parse(make_policy(rule={"minAwake": None}))
    assert spec.rule.traffic is not None
    assert (spec.rule.traffic.source, spec.rule.traffic.threshold, spec.priority) == ("IngressNginx", 0.0, 100)
    assert spec.rule.min_awake.total_seconds() == 900
