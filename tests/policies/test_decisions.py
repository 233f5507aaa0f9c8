"""Deciding over whole small spaces: every combination of what can keep a workload awake or wake it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apps.kernel.actions import SLEPT, Sleep, Wake
from apps.kernel.vocab import ObjectRef
from apps.policies.domain.decide import read_policies
from apps.policies.domain.memory import Memory
from apps.policies.domain.parse import parse
from apps.policies.domain.spec import Mode
from apps.policies.domain.tick import LastAction
from apps.ui.sentences import english
from tests.policies.build import (
    NOW,
    healthy,
    make_policy,
    make_route,
    make_sleeper,
    make_snapshot,
    make_workload,
    requests,
    run,
    verdicts,
)

OPEN = {"keepAwake": [{"days": ["Wed"], "from": "00:00", "to": "24:00"}]}
SHUT = {"keepAwake": [{"days": ["Sun"], "from": "00:00", "to": "01:00"}]}
LATER = (NOW + timedelta(days=1)).isoformat()
ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:dev/web"}

# name -> (what is changed, the reason that then stands, its rank: the lowest of several stands)
BARRIERS: dict[str, tuple[str, int]] = {
    "gitops": ("GitOpsOwnsReplicas", 1),
    "restored": ("RestoredOutside", 2),
    "exception": ("Exception", 3),
    "kept": ("KeepAwakeUntil", 4),
    "open": ("ScheduleOpen", 5),
    "woken": ("MinAwake", 6),
    "traffic": ("Traffic", 7),
}


def build(barriers: tuple[str, ...], mode: str) -> tuple[Any, dict[str, Any]]:
    rule: dict[str, Any] = {"schedule": OPEN if "open" in barriers else SHUT}
    if "kept" in barriers:
        rule["keepAwakeUntil"] = LATER
    if "woken" in barriers:
        rule["minAwake"] = "30m"
    spec: dict[str, Any] = {"mode": mode}
    if "exception" in barriers:
        spec["exceptions"] = [{"name": "demo", "reason": "a demo", "expiresAt": LATER, "selector": {}}]
    policy = make_policy(rule=rule, **spec)
    workload = make_workload(annotations=ARGO if "gitops" in barriers else {})
    memory = Memory(woken_at=NOW - timedelta(minutes=10))
    if "restored" in barriers:
        memory = replace(memory, restores=2, restores_under="ResourcePolicy/dev/nights@1")
    seen = [requests(3)] if "traffic" in barriers else []
    readings = healthy(parse(policy), traffic=seen)
    snapshot = make_snapshot([workload], [policy], routes=[make_route()], readings=readings)
    return snapshot, {"memories": {workload.ref.uid: memory}}


@pytest.mark.parametrize("mode", [m.value for m in Mode])
def test_it_sleeps_only_when_nothing_at_all_keeps_it_awake(mode: str) -> None:
    names = list(BARRIERS)
    for chosen in itertools.product([False, True], repeat=len(names)):
        barriers = tuple(name for name, on in zip(names, chosen, strict=True) if on)
        snapshot, context = build(barriers, mode)
        (ruling,) = run(snapshot, **context).rulings
        decision = ruling.decision
        if not barriers:
            assert (decision.reason.code, ruling.mode) == ("Idle", mode)
            assert isinstance(decision.action, Sleep)
        else:
            want = min((BARRIERS[name] for name in barriers), key=lambda pair: pair[1])[0]
            assert (decision.reason.code, decision.action) == (want, None), barriers


@pytest.mark.parametrize("barrier", BARRIERS)
def test_each_reason_makes_a_whole_sentence(barrier: str) -> None:
    snapshot, context = build((barrier,), "Enforce")
    (decision,) = run(snapshot, **context).decisions
    sentence = english(decision.reason.code, decision.reason.operands)
    assert "?" not in sentence
    assert "%(" not in sentence


def test_deciding_twice_gives_the_same() -> None:
    snapshot, context = build(("open",), "Enforce")
    first, second = (run(snapshot, **context).decisions[0] for _ in range(2))
    assert replace(first, id=second.id) == second


def test_a_snapshot_that_is_not_whole_decides_nothing() -> None:
    snapshot, _ = build((), "Enforce")
    halved = replace(snapshot, ages=(replace(snapshot.ages[0], synced=False),))
    assert run(halved).rulings == ()
    assert run(replace(snapshot, ages=())).rulings == ()


# Waking.

WAKES: dict[str, tuple[dict[str, Any], str]] = {
    "the policy is gone": ({"policy": "ResourcePolicy/dev/gone"}, "PolicyRemoved"),
    "it is suspended": ({"spec": {"suspend": True}}, "PolicySuspended"),
    "its mode is lowered to Warn": ({"spec": {"mode": "Warn"}}, "ModeLowered"),
    "its mode is lowered to DryRun": ({"spec": {"mode": "DryRun"}}, "ModeLowered"),
    "it does not cover it any more": (
        {"spec": {"targets": [{"kinds": ["Deployment"], "excludeNames": ["web"]}]}},
        "NoLongerMatched",
    ),
    "an exception is added": (
        {"spec": {"exceptions": [{"name": "demo", "reason": "a demo", "expiresAt": LATER, "selector": {}}]}},
        "ExceptionAdded",
    ),
    "the schedule opens": ({"rule": {"schedule": OPEN}}, "ScheduleOpened"),
    "everything is kept awake": ({"rule": {"keepAwakeUntil": LATER}}, "KeptAwake"),
    "somebody asks by annotation": ({"annotations": {"plimsoll.dev/wake": "now"}}, "WakeRequested"),
}


@pytest.mark.parametrize("case", WAKES)
@pytest.mark.parametrize("lower", [False, True])
def test_a_sleeper_wakes_and_the_reason_is_named(case: str, lower: bool) -> None:
    """`lower`: another policy of lower priority covers it too, and would put it to sleep."""
    given, want = WAKES[case]
    sleeper = make_sleeper(
        policy=given.get("policy", "ResourcePolicy/dev/nights"), annotations=given.get("annotations", {})
    )
    policies = [make_policy(rule=given.get("rule", {}), **given.get("spec", {}))]
    if lower:
        policies.append(make_policy("lower", priority=1))
    (decision,) = run(make_snapshot([sleeper], policies, routes=[make_route()])).decisions
    assert (decision.verdict, decision.reason.code) == ("Act", want)
    assert decision.action == Wake(sleeper.ref, sleeper.slept)


def test_a_policy_that_cannot_be_read_touches_nothing() -> None:
    broken = make_policy(rule={"schedule": {"timeZone": "Mars/Olympus"}})
    snapshot = make_snapshot([make_sleeper(), make_workload("api")], [broken], readings={})
    assert verdicts(run(snapshot)) == {"Deployment/web": ("Hold", "PolicyInvalid")}


def test_what_is_unknown_does_not_wake_a_sleeper() -> None:
    snapshot = make_snapshot([make_sleeper()], [make_policy()], routes=[make_route()], readings={})
    assert verdicts(run(snapshot)) == {"Deployment/web": ("Hold", "Asleep")}


def test_an_expired_exception_no_longer_counts() -> None:
    past = (NOW - timedelta(seconds=1)).isoformat()
    policy = make_policy(exceptions=[{"name": "demo", "reason": "over", "expiresAt": past, "selector": {}}])
    snapshot = make_snapshot([make_workload()], [policy], routes=[make_route()])
    assert verdicts(run(snapshot)) == {"Deployment/web": ("Act", "Idle")}


# Who counts.


@pytest.mark.parametrize(("high", "low"), list(itertools.product(["DryRun", "Warn", "Enforce"], repeat=2)))
def test_the_higher_policy_counts_whatever_its_mode(high: str, low: str) -> None:
    policies = [make_policy("high", priority=200, mode=high), make_policy("low", priority=100, mode=low)]
    decided = run(make_snapshot([make_workload()], policies, routes=[make_route()]))
    (ruling,) = decided.rulings
    assert ruling.spec is not None
    assert (ruling.spec.ref.name, ruling.mode) == ("high", high)
    assert [a.name for a in ruling.decision.alternatives if "Policy" in a.name] == ["ResourcePolicy/dev/low"]
    assert decided.shares == {"ResourcePolicy/dev/high": 1, "ResourcePolicy/dev/low": 1}


@pytest.mark.parametrize("asleep", [False, True])
def test_a_tie_keeps_awake(asleep: bool) -> None:
    workload = make_sleeper(policy="ResourcePolicy/dev/one") if asleep else make_workload()
    policies = [make_policy("one"), make_policy("two")]
    (decision,) = run(make_snapshot([workload], policies, routes=[make_route()])).decisions
    assert (decision.reason.code, decision.verdict) == ("PolicyConflict", "Act" if asleep else "Refuse")
    assert "ResourcePolicy/dev/one" in str(decision.reason.operands["policies"])
    assert "ResourcePolicy/dev/two" in str(decision.reason.operands["policies"])


def test_a_suspended_policy_is_no_rival() -> None:
    policies = [make_policy("one"), make_policy("two", suspend=True)]
    snapshot = make_snapshot([make_workload()], policies, routes=[make_route()])
    assert verdicts(run(snapshot)) == {"Deployment/web": ("Act", "Idle")}


@pytest.mark.parametrize(
    ("overrides", "want"),
    [
        ([{"namespaces": ["dev"], "mode": "Warn"}], "Warn"),
        ([{"selector": {"matchLabels": {"tier": "test"}}, "mode": "DryRun"}], "DryRun"),
        ([{"namespaces": ["other"], "mode": "Warn"}], "Enforce"),
        ([{"namespaces": ["dev"], "mode": "DryRun"}, {"selector": {}, "mode": "Warn"}], "DryRun"),
    ],
)
def test_the_first_override_that_covers_a_namespace_sets_the_mode(overrides: list[Any], want: str) -> None:
    policy = make_policy("all", namespace="", namespaceOverrides=overrides)
    snapshot = make_snapshot([make_workload()], [policy], routes=[make_route()], namespaces={"dev": {"tier": "test"}})
    assert run(snapshot).rulings[0].mode == want


def test_a_policy_that_selects_everything_spares_what_is_protected() -> None:
    spaces = ["kube-system", "plimsoll-system", "ingress-nginx", "payments", "dev"]
    workloads = [make_workload(namespace=space) for space in spaces]
    policy = make_policy("all", namespace="")
    coverage = healthy(parse(policy))
    plan_text = next(text for text in coverage if "count_over_time" in text)
    at_home = replace(coverage[plan_text].samples[0], labels={
        **coverage[plan_text].samples[0].labels, "controller_namespace": "ingress-nginx",
    })  # fmt: skip
    coverage[plan_text] = replace(coverage[plan_text], samples=(at_home,))
    routes = [make_route(namespace=space) for space in spaces]
    snapshot = make_snapshot(workloads, [policy], readings=coverage, routes=routes)
    found = {d.subject.namespace: d.reason.code for d in run(snapshot, protected=frozenset({"payments"})).decisions}
    assert found == dict.fromkeys(spaces[:4], "ProtectedNamespace") | {"dev": "Idle"}


# What cannot sleep.


def test_a_cron_job_sleeps_by_schedule_and_is_refused_under_traffic_alone() -> None:
    cron = make_workload("tick", kind="CronJob", replicas=1)
    assert verdicts(run(make_snapshot([cron], [make_policy()]))) == {"CronJob/tick": ("Refuse", "NoRoute")}
    policy = make_policy(rule={"schedule": SHUT})
    (decision,) = run(make_snapshot([cron], [policy])).decisions
    assert isinstance(decision.action, Sleep)
    assert (decision.reason.code, decision.action.mark.suspended) == ("OutsideSchedule", False)


def test_a_suspended_cron_job_is_left_as_it_is() -> None:
    cron = make_workload("tick", kind="CronJob", replicas=0, suspended=True)
    found = verdicts(run(make_snapshot([cron], [make_policy(rule={"schedule": SHUT})])))
    assert found == {"CronJob/tick": ("Hold", "AlreadySuspended")}


GITOPS: dict[str, tuple[dict[str, Any], bool]] = {
    "Argo CD's tracking annotation": ({"annotations": ARGO}, True),
    "the instance label with Argo CD's field manager": (
        {"labels": {"app.kubernetes.io/instance": "shop"}, "field_managers": {"argocd-controller": True}},
        True,
    ),
    "the instance label alone, which Helm sets too": ({"labels": {"app.kubernetes.io/instance": "shop"}}, False),
    "Argo CD's field manager alone": ({"field_managers": {"argocd-controller": True}}, False),
    "a Flux Kustomization": ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, True),
    "a Flux HelmRelease": ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, True),
    "told to leave replicas alone": ({"annotations": {**ARGO, "plimsoll.dev/owns-replicas": "true"}}, False),
}


@pytest.mark.parametrize("case", GITOPS)
def test_gitops_owners_are_not_fought(case: str) -> None:
    more, refused = GITOPS[case]
    snapshot = make_snapshot([make_workload(**more)], [make_policy()], routes=[make_route()])
    (decision,) = run(snapshot).decisions
    assert decision.reason.code == ("GitOpsOwnsReplicas" if refused else "Idle")
    if refused:
        mend = str(decision.reason.operands["mend"])
        assert "name: web" in mend
        assert "/spec/replicas" in mend
        assert mend in english(decision.reason.code, decision.reason.operands)


def test_what_a_controller_owns_is_refused() -> None:
    owner = ObjectRef("c1", "example.com", "Shop", "dev", "shop")
    snapshot = make_snapshot([make_workload(owner=owner)], [make_policy()], routes=[make_route()])
    assert verdicts(run(snapshot)) == {"Deployment/web": ("Refuse", "OwnedByController")}


def test_an_hpa_is_left_alone_and_a_scaled_object_is_paused_and_remembered() -> None:
    workload = make_workload(hpa="web", scaled_object="web-keda", paused_replicas="3")
    (decision,) = run(make_snapshot([workload], [make_policy()], routes=[make_route()])).decisions
    assert isinstance(decision.action, Sleep)
    assert (decision.action.mark.scaled_object, decision.action.mark.paused_replicas) == ("web-keda", "3")
    assert {step.target.kind for step in decision.action.steps()} == {"Deployment", "ScaledObject"}


# Time.


def test_the_grace_period_is_announced_once_and_then_it_sleeps() -> None:
    policy = make_policy(rule={"gracePeriod": "10m"})
    workload = make_workload()

    def at(minutes: int, memory: Memory) -> tuple[Any, Memory]:
        now = NOW + timedelta(minutes=minutes)
        readings = healthy(parse(policy), at=now)
        snapshot = make_snapshot([workload], [policy], routes=[make_route()], readings=readings, at=now)
        decided = run(snapshot, now=now, memories={workload.ref.uid: memory})
        return decided.rulings[0], decided.memories.get(workload.ref.uid, memory)

    first, memory = at(0, Memory())
    assert (first.decision.reason.code, first.announce) == ("GracePeriod", True)
    second, memory = at(9, memory)
    assert (second.decision.reason.code, second.announce) == ("GracePeriod", False)
    third, _ = at(10, memory)
    assert third.decision.reason.code == "Idle"


def test_traffic_takes_an_announcement_back() -> None:
    policy = make_policy(rule={"gracePeriod": "10m"})
    memory = Memory(announced_at=NOW - timedelta(minutes=30), announced_by="ResourcePolicy/dev/nights@1")
    readings = healthy(parse(policy), traffic=[requests(1)])
    workload = make_workload()
    snapshot = make_snapshot([workload], [policy], routes=[make_route()], readings=readings)
    decided = run(snapshot, memories={workload.ref.uid: memory})
    assert decided.memories[workload.ref.uid].announced_at is None


def test_at_most_so_many_fall_asleep_at_once_and_wakes_are_not_counted() -> None:
    workloads = [make_workload(f"w{i}") for i in range(5)]
    sleepers = [make_sleeper(f"s{i}", policy="ResourcePolicy/dev/gone") for i in range(5)]
    routes = [make_route(f"w{i}") for i in range(5)]
    found = verdicts(run(make_snapshot([*workloads, *sleepers], [make_policy()], routes=routes), max_sleeps=2))
    codes = sorted(code for _, code in found.values())
    assert codes == ["BlastRadius"] * 3 + ["Idle"] * 2 + ["PolicyRemoved"] * 5


# Order.

ORDER = {"order": [{"kind": "Deployment", "name": "web", "wakeAfter": ["db"]}]}


def test_dependants_sleep_first() -> None:
    web, db = make_workload("web"), make_workload("db", kind="StatefulSet")
    policy = make_policy(rule=ORDER)
    routes = [make_route("web"), make_route("db")]
    found = verdicts(run(make_snapshot([web, db], [policy], routes=routes)))
    assert found == {"Deployment/web": ("Act", "Idle"), "StatefulSet/db": ("Hold", "DependantAwake")}
    found = verdicts(run(make_snapshot([make_sleeper("web"), db], [policy], routes=routes)))
    assert found["StatefulSet/db"] == ("Act", "Idle")


def test_dependencies_wake_first_and_are_waited_for() -> None:
    web = make_sleeper("web", annotations={"plimsoll.dev/wake": "now"})
    db = make_sleeper("db", kind="StatefulSet")
    policy = make_policy(rule=ORDER)
    found = verdicts(run(make_snapshot([web, db], [policy])))
    assert found == {"Deployment/web": ("Hold", "WaitsForDependency"), "StatefulSet/db": ("Act", "NeededByDependant")}
    waking = make_workload("db", kind="StatefulSet", replicas=1, ready_replicas=0)
    assert verdicts(run(make_snapshot([web, waking], [policy])))["Deployment/web"][1] == "WaitsForDependency"
    ready = replace(waking, ready_replicas=1)
    assert verdicts(run(make_snapshot([web, ready], [policy])))["Deployment/web"] == ("Act", "WakeRequested")


def test_a_dependency_that_never_gets_ready_is_not_waited_for_for_ever() -> None:
    web = make_sleeper("web", annotations={"plimsoll.dev/wake": "now"})
    stuck = make_workload("db", kind="StatefulSet", replicas=1, ready_replicas=0)
    memory = Memory(asleep_action="action-1", waiting_since=NOW - timedelta(minutes=10))
    snapshot = make_snapshot([web, stuck], [make_policy(rule=ORDER)])
    assert verdicts(run(snapshot, memories={web.ref.uid: memory}))["Deployment/web"] == ("Act", "WakeRequested")


# In between.


def test_while_an_action_is_open_nothing_is_concluded_from_what_is_half_done() -> None:
    half = make_workload(slept=make_sleeper().slept)  # marked, and it still runs
    for state in ("Due", "Running"):
        last = LastAction("Sleep", state, NOW, open=True)
        assert run(make_snapshot([half], [make_policy()]), actions={half.ref.key: last}).rulings == ()
    just = LastAction("Sleep", "Done", NOW - timedelta(seconds=5))
    assert run(make_snapshot([half], [make_policy()]), actions={half.ref.key: just}).rulings == ()


def test_a_sleep_that_waits_for_approval_is_judged_anew_on_each_pass() -> None:
    workload = make_workload()
    waiting = {workload.ref.key: LastAction("Sleep", "WaitingApproval", NOW, open=True)}
    policy = make_policy()
    idle = make_snapshot([workload], [policy], routes=[make_route()])
    assert run(idle, actions=waiting).rulings == ()
    busy = make_snapshot(
        [workload], [policy], routes=[make_route()], readings=healthy(parse(policy), traffic=[requests(1)])
    )
    assert verdicts(run(busy, actions=waiting)) == {"Deployment/web": ("Hold", "Traffic")}


@pytest.mark.parametrize("state", ["Rejected", "Expired", "Cancelled"])
def test_what_was_not_approved_is_not_asked_again_for_a_day(state: str) -> None:
    workload = make_workload()
    snapshot = make_snapshot([workload], [make_policy()], routes=[make_route()])
    for hours, want in ((1, "NotApproved"), (25, "Idle")):
        last = LastAction("Sleep", state, NOW - timedelta(hours=hours))
        assert verdicts(run(snapshot, actions={workload.ref.key: last}))["Deployment/web"][1] == want


def test_an_outside_wake_is_cleaned_up_counted_and_after_two_left_alone() -> None:
    policy = make_policy()
    routes = [make_route()]
    mark = make_sleeper().slept
    memory = Memory()
    codes = []
    for _ in range(3):
        marked = make_workload(slept=mark)
        decided = run(make_snapshot([marked], [policy], routes=routes), memories={marked.ref.uid: memory})
        codes.append(decided.decisions[0].reason.code)
        memory = decided.memories[marked.ref.uid]
        plain = make_workload()
        decided = run(make_snapshot([plain], [policy], routes=routes), memories={plain.ref.uid: memory})
        codes.append(decided.decisions[0].reason.code)
        memory = decided.memories.get(plain.ref.uid, memory)
        if codes[-1] == "RestoredOutside":
            break
    assert codes == ["WokenOutside", "Idle", "WokenOutside", "RestoredOutside"]
    changed = make_policy()
    changed["metadata"]["generation"] = 2
    snapshot = make_snapshot([make_workload()], [changed], routes=routes)
    assert verdicts(run(snapshot, memories={make_workload().ref.uid: memory}))["Deployment/web"][1] == "Idle"


def test_a_mark_that_cannot_be_read_is_said_and_left() -> None:
    workload = make_workload(slept_raw="{broken", annotations={SLEPT: "{broken"}, replicas=0)
    assert verdicts(run(make_snapshot([workload], [make_policy()]))) == {"Deployment/web": ("Refuse", "MarkUnreadable")}


def test_a_wish_to_wake_what_is_awake_is_taken_away() -> None:
    workload = make_workload(annotations={"plimsoll.dev/wake": "now"})
    (decision,) = run(make_snapshot([workload])).decisions
    assert (decision.reason.code, decision.action.kind if decision.action else "") == ("WakeNotNeeded", "Forget")


def test_a_sleep_by_hand_ends_when_it_was_said_to() -> None:
    sleeper = make_sleeper(policy="Manual/anna")
    snapshot = make_snapshot([sleeper], [make_policy()], routes=[make_route()])
    for until, want in ((None, "AsleepByHand"), (NOW + timedelta(hours=1), "AsleepUntil"), (NOW, "SleepIsOver")):
        memories = {sleeper.ref.uid: Memory(asleep_until=until)}
        assert verdicts(run(snapshot, memories=memories))["Deployment/web"][1] == want


def test_one_broken_policy_does_not_stop_the_others() -> None:
    snapshot = make_snapshot([make_workload()], [make_policy()], routes=[make_route()])
    policies = {**snapshot.policies, "broken": make_policy("broken", mode="Sometimes")}
    read = read_policies(policies)
    assert (len(read.specs), set(read.invalid)) == (1, {"ResourcePolicy/dev/broken"})
    assert verdicts(run(replace(snapshot, policies=policies))) == {"Deployment/web": ("Act", "Idle")}
