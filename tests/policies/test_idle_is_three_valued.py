"""Traffic, proven silence, or unknown: every fault of a source keeps the workload awake, and says which one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apps.kernel.vocab import Reading, Route, Sample, Service
from apps.policies.domain.parse import parse
from apps.policies.domain.tick import plan_of
from apps.ui.sentences import english
from tests.policies.build import (
    INSTANCE,
    NOW,
    healthy,
    make_policy,
    make_route,
    make_snapshot,
    make_workload,
    requests,
    run,
    verdicts,
)

POLICY = make_policy()
SPEC = parse(POLICY)
PLAN = plan_of(SPEC)
assert PLAN is not None
STEPS = PLAN.steps
WHO = {"job": INSTANCE["job"], "instance": INSTANCE["instance"]}


def sample(labels: dict[str, str], value: float) -> Sample:
    return Sample(labels, value, NOW.timestamp())


def judged(readings: dict[str, Reading], routes: list[tuple[Route, Service]] | None = None) -> Any:
    routes = [make_route()] if routes is None else routes
    return run(make_snapshot([make_workload()], [POLICY], routes=routes, readings=readings)).decisions[0]


def without(readings: dict[str, Reading], text: str) -> dict[str, Reading]:
    return {query: reading for query, reading in readings.items() if query != text}


FAULTS: dict[str, tuple[Callable[[], dict[str, Reading]], str]] = {
    "a gap of one minute": (lambda: healthy(SPEC, coverage=[sample(INSTANCE, STEPS - 1)]), "MetricsGap"),
    "a second target that was not there all the while": (
        lambda: healthy(SPEC, coverage=[sample(INSTANCE, STEPS), sample({**INSTANCE, "instance": "b"}, 3)]),
        "MetricsGap",
    ),
    "no target at all": (lambda: healthy(SPEC, coverage=[]), "NoTargets"),
    "a scrape that failed": (lambda: healthy(SPEC, failed=[sample(WHO, 0)]), "TargetDown"),
    "a second target that failed all the while, so that only `up` tells of it": (
        lambda: healthy(SPEC, failed=[sample({**WHO, "instance": "10.0.0.2:10254"}, 0)]),
        "TargetDown",
    ),
    "a restart that tells": (lambda: healthy(SPEC, restarted=[sample(WHO, 1)]), "ControllerRestarted"),
    "a counter that fell": (lambda: healthy(SPEC, reset=[sample(WHO, 1)]), "CounterReset"),
    "a series that went away": (lambda: healthy(SPEC, vanished=[requests(1)]), "SeriesVanished"),
    "not a number": (lambda: healthy(SPEC, traffic=[requests(math.nan)]), "NotANumber"),
    "infinite": (lambda: healthy(SPEC, appeared=[requests(math.inf)]), "NotANumber"),
    "coverage that is not a number": (lambda: healthy(SPEC, coverage=[sample(INSTANCE, math.nan)]), "MetricsGap"),
    "an answer that failed": (
        lambda: {**healthy(SPEC), PLAN.traffic[0]: Reading(PLAN.traffic[0], NOW, error="500 from Prometheus")},
        "MetricsUnavailable",
    ),
    "an answer that is missing": (lambda: without(healthy(SPEC), PLAN.coverage), "MetricsUnavailable"),
    "answers of an hour ago": (lambda: healthy(SPEC, at=NOW - timedelta(hours=1)), "MetricsStale"),
    "a controller of another class": (
        lambda: healthy(SPEC, coverage=[sample({**INSTANCE, "controller_class": "example.com/other"}, STEPS)]),
        "RouteNotObserved",
    ),
}


WHOLE_SOURCE = {"MetricsUnavailable", "MetricsStale", "NoTargets", "NotANumber"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_keeps_awake_and_is_named(fault: str) -> None:
    make, want = FAULTS[fault]
    decision = judged(make())
    assert (decision.verdict, decision.reason.code) == ("Hold", want)
    assert decision.action is None
    sentence = english(decision.reason.code, decision.reason.operands)
    assert "?" not in sentence
    assert "awake" in sentence


OF_ONE_TARGET = [name for name in FAULTS if FAULTS[name][1] not in WHOLE_SOURCE]


@pytest.mark.parametrize("fault", OF_ONE_TARGET)
def test_traffic_is_certain_even_where_silence_would_not_be(fault: str) -> None:
    readings = FAULTS[fault][0]()
    text = PLAN.traffic[0]
    decision = judged({**readings, text: Reading(text, NOW, (requests(5),))})
    assert decision.reason.code == "Traffic"


def test_silence_is_proven_by_a_route_and_a_source_that_saw_everything() -> None:
    decision = judged(healthy(SPEC))
    assert (decision.verdict, decision.reason.code, decision.action.kind) == ("Act", "Idle", "Sleep")


def test_a_series_that_appears_at_one_is_one_request() -> None:
    decision = judged(healthy(SPEC, appeared=[requests(1)]))
    assert (decision.reason.code, decision.reason.operands["requests"]) == ("Traffic", 1.0)


def test_a_counter_that_appeared_behind_a_gap_proves_nothing() -> None:
    gap = [sample(INSTANCE, STEPS - 40)]
    assert judged(healthy(SPEC, coverage=gap, appeared=[requests(5000)])).reason.code == "MetricsGap"


def test_without_a_route_nothing_is_proven() -> None:
    decision = judged(healthy(SPEC), routes=[])
    assert (decision.verdict, decision.reason.code) == ("Refuse", "NoRoute")


def test_one_route_that_nobody_watches_is_enough_to_stay_awake() -> None:
    other, service = make_route(route_class="traefik")
    second = replace(other, ref=replace(other.ref, name="second"))
    decision = judged(healthy(SPEC), routes=[make_route(), (second, service)])
    assert decision.reason.code == "RouteNotObserved"


def test_traffic_of_another_service_of_the_same_ingress_is_not_ours() -> None:
    route, service = make_route()
    shared = replace(route, backends=(*route.backends, replace(route.backends[0], service="api")))
    theirs = requests(9)
    labels = {**theirs.labels, "exported_service": "api"}
    assert judged(healthy(SPEC, traffic=[replace(theirs, labels=labels)]), routes=[(shared, service)]).action
    nobodys = {**theirs.labels, "exported_service": "something-old"}
    busy = judged(healthy(SPEC, traffic=[replace(theirs, labels=nobodys)]), routes=[(shared, service)])
    assert busy.reason.code == "Traffic"


@pytest.mark.parametrize(("requests_in_window", "want"), [(73.0, "Idle"), (74.0, "Traffic")])
def test_the_threshold_is_a_rate_over_the_whole_window(requests_in_window: float, want: str) -> None:
    policy = make_policy(rule={"traffic": {"threshold": "0.01"}})
    spec = parse(policy)
    readings = healthy(spec, traffic=[requests(requests_in_window)])
    snapshot = make_snapshot([make_workload()], [policy], routes=[make_route()], readings=readings)
    assert verdicts(run(snapshot))["Deployment/web"][1] == want


def test_ignored_paths_need_the_label_they_are_told_by() -> None:
    policy = make_policy(rule={"traffic": {"ignorePaths": ["/healthz", "/metrics*"]}})
    spec = parse(policy)
    plan = plan_of(spec)
    assert plan is not None
    assert 'path!~"/healthz|/metrics.*"' in plan.traffic[0]
    readings = healthy(spec, unlabelled=[sample({}, 3)])
    snapshot = make_snapshot([make_workload()], [policy], routes=[make_route()], readings=readings)
    assert verdicts(run(snapshot))["Deployment/web"] == ("Hold", "TrafficLabelMissing")
