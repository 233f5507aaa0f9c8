"""What to do with workloads that sleep: which of them wake, why, and in which order.

Steps of `rule_on_sleepers`:
1. Each sleeper says whether it wants to wake for a reason of its own (see `_wish`).
2. What a waking or running workload waits for wakes before it (`order`, transitively).
3. Of those that want to wake, whoever waits for one that is not ready yet holds, for WAIT_AT_MOST; the others wake.
4. The rest stay asleep and say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from apps.kernel.actions import WAKE, Wake
from apps.kernel.decisions import Evidence, Operand, Reason, Verdict
from apps.kernel.vocab import SleptMark, Workload
from apps.policies.domain import reasons, schedule
from apps.policies.domain.idle import Activity, Idleness, demand_since, judge, standing
from apps.policies.domain.memory import MANUAL
from apps.policies.domain.spec import Mode, Source, Spec
from apps.policies.domain.tick import Tick, moment, plan_of, runs

WAIT_AT_MOST = timedelta(minutes=10)
WAKE_AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sleeper wants: to wake when `wake`, for this reason. `spec` is the policy that says so, if any."""

    wake: bool
    reason: Reason
    spec: Spec | None = None
    evidence: tuple[Evidence, ...] = ()


def is_manual(mark: SleptMark) -> bool:
    return mark.policy in ("", MANUAL) or mark.policy.startswith(f"{MANUAL}/")


def rule_on_sleepers(tick: Tick, sleepers: list[tuple[Workload, SleptMark]]) -> None:
    """Adds a ruling for each sleeper. Each has a mark and asks for no pods."""
    wishes = {workload.ref.key: _wish(tick, workload, mark) for workload, mark in sleepers}
    by_key = {workload.ref.key: workload for workload, _ in sleepers}
    _wake_what_is_needed(tick, by_key, wishes)
    for workload, mark in sleepers:
        _rule(tick, workload, mark, wishes)


def _wish(tick: Tick, workload: Workload, mark: SleptMark) -> Wish:
    if workload.annotations.get(WAKE) == "now":
        return Wish(True, Reason(reasons.WAKE_REQUESTED, {"annotation": WAKE}))
    if is_manual(mark):
        return _manual_wish(tick, workload)
    return _policy_wish(tick, workload, mark)


def _manual_wish(tick: Tick, workload: Workload) -> Wish:
    until = tick.memory(workload).asleep_until
    if until is not None and until <= tick.now:
        return Wish(True, Reason(reasons.SLEEP_IS_OVER, {"until": moment(until)}))
    if until is not None:
        return Wish(False, Reason(reasons.ASLEEP_UNTIL, {"until": moment(until)}))
    return Wish(False, Reason(reasons.ASLEEP_BY_HAND))


def _policy_wish(tick: Tick, workload: Workload, mark: SleptMark) -> Wish:
    """What the policies say; the one that put it to sleep is asked first, since its end is a wake."""
    operands = {"policy": mark.policy}
    if mark.policy in tick.policies.invalid:
        return Wish(False, Reason(reasons.POLICY_INVALID, operands))
    sleeper = tick.by_key.get(mark.policy)
    if sleeper is None:
        return Wish(True, Reason(reasons.POLICY_REMOVED, operands))
    if sleeper.suspended:
        return Wish(True, Reason(reasons.POLICY_SUSPENDED, operands), sleeper)
    mode = tick.mode(sleeper, workload.ref.namespace)
    if mode is not Mode.ENFORCE:
        return Wish(True, Reason(reasons.MODE_LOWERED, {**operands, "mode": mode}), sleeper)
    if tick.is_protected(workload.ref.namespace):
        return Wish(True, Reason(reasons.PROTECTED_NAMESPACE, {"namespace": workload.ref.namespace}), sleeper)
    cover = tick.cover(workload)
    if cover.tied:
        names = ", ".join(spec.ref.key for spec in cover.rivals)
        return Wish(True, Reason(reasons.POLICY_CONFLICT, {"policies": names}), sleeper)
    if sleeper is not cover.winner and sleeper not in cover.rivals:
        return Wish(True, Reason(reasons.NO_LONGER_MATCHED, operands), sleeper)
    return _winner_wish(tick, workload, cover.winner or sleeper)


def _winner_wish(tick: Tick, workload: Workload, spec: Spec) -> Wish:
    """What the policy that counts says now."""
    mode = tick.mode(spec, workload.ref.namespace)
    if mode is not Mode.ENFORCE:
        return Wish(True, Reason(reasons.MODE_LOWERED, {"policy": spec.ref.key, "mode": mode}), spec)
    exemption = tick.matcher.exemption(spec, workload, tick.now)
    if exemption is not None:
        operands = {"name": exemption.name, "why": exemption.reason, "until": moment(exemption.expires_at)}
        return Wish(True, Reason(reasons.EXCEPTION_ADDED, operands), spec)
    rule = spec.rule
    if rule.keep_awake_until is not None and tick.now < rule.keep_awake_until:
        return Wish(True, Reason(reasons.KEPT_AWAKE, {"until": moment(rule.keep_awake_until)}), spec)
    if rule.schedule is not None and schedule.is_open(rule.schedule, tick.now):
        return Wish(True, Reason(reasons.SCHEDULE_OPENED, {"timeZone": rule.schedule.zone.key}), spec)
    asked = _demand(tick, workload, spec)
    if asked is not None:
        return asked
    since = workload.slept.slept_at if workload.slept else None
    reason = Reason(reasons.ASLEEP, {"policy": spec.ref.key, "since": moment(since) if since else None})
    return Wish(False, reason, spec)


def _demand(tick: Tick, workload: Workload, spec: Spec) -> Wish | None:
    """Whether somebody asked for it since it sleeps: its counters against what they were, or, where those are not
    remembered or a threshold or a query of one's own says what counts, its traffic over the window."""
    plan, traffic = plan_of(spec), spec.rule.traffic
    if plan is None or traffic is None or workload.ref.kind == "CronJob":
        return None
    memory = tick.memory(workload)
    if memory.counted is None or traffic.threshold or traffic.source is Source.QUERY:
        found = idleness(tick, workload, spec)
        if found is None or found.activity is not Activity.TRAFFIC:
            return None
        return Wish(True, Reason(reasons.DEMAND, found.reason.operands), spec, found.evidence)
    now = standing(workload, ways=tick.routes.to(workload), traffic=traffic, measured=tick.measured(plan))
    asked = demand_since(memory.counted, now)
    if asked.requests > 0:
        evidence = Evidence("requests", asked.requests, "requests", 0.0, plan.totals[0])
        operands: dict[str, Operand] = {"source": traffic.source, "requests": asked.requests}
        return Wish(True, Reason(reasons.DEMAND, operands), spec, (evidence,))
    tick.remember(workload, memory.counting(asked.counted))
    return None


def idleness(tick: Tick, workload: Workload, spec: Spec) -> Idleness | None:
    """What the workload's traffic was; None when the policy's schedule alone decides, as for a CronJob."""
    plan = plan_of(spec)
    if plan is None or workload.ref.kind == "CronJob":
        return None
    traffic = spec.rule.traffic
    if traffic is None:
        return None
    return judge(
        workload,
        ways=tick.routes.to(workload),
        traffic=traffic,
        measured=tick.measured(plan),
        classes=tick.snapshot.controllers,
    )


def waits_for(tick: Tick, workload: Workload, spec: Spec | None) -> Iterable[Workload]:
    """The workloads of its namespace that must be awake before it, by the policy's `order`."""
    if spec is None or not spec.rule.wake_after:
        return
    for name in spec.rule.wake_after.get((workload.ref.kind, workload.ref.name), ()):
        yield from tick.by_name.get((workload.ref.namespace, name), ())


def waited_for_by(tick: Tick, workload: Workload, spec: Spec | None) -> Iterable[Workload]:
    """The workloads of its namespace that wait for it."""
    if spec is None:
        return
    for (kind, name), names in spec.rule.wake_after.items():
        if workload.ref.name in names:
            for other in tick.by_name.get((workload.ref.namespace, name), ()):
                if other.ref.kind == kind:
                    yield other


def _order_spec(tick: Tick, workload: Workload) -> Spec | None:
    """Whose order counts for a sleeper: the policy that counts, else the one that put it to sleep."""
    winner = tick.cover(workload).winner
    if winner is not None or workload.slept is None:
        return winner
    return tick.by_key.get(workload.slept.policy)


def _wake_what_is_needed(tick: Tick, sleepers: dict[str, Workload], wishes: dict[str, Wish]) -> None:
    """Turns the wish of each sleeper that a waking or running workload waits for."""
    edge = [key for key, wish in wishes.items() if wish.wake]
    for workload in sleepers.values():
        spec = _order_spec(tick, workload)
        runner = next((w for w in waited_for_by(tick, workload, spec) if runs(w)), None)
        if runner is not None and not wishes[workload.ref.key].wake:
            wishes[workload.ref.key] = _needed(runner, spec)
            edge.append(workload.ref.key)
    while edge:
        waiting = sleepers[edge.pop()]
        for other in waits_for(tick, waiting, _order_spec(tick, waiting)):
            key = other.ref.key
            if key in wishes and not wishes[key].wake:
                wishes[key] = _needed(waiting, wishes[key].spec)
                edge.append(key)


def _needed(by: Workload, spec: Spec | None) -> Wish:
    return Wish(True, Reason(reasons.NEEDED_BY_DEPENDANT, {"dependant": f"{by.ref.kind}/{by.ref.name}"}), spec)


def _rule(tick: Tick, workload: Workload, mark: SleptMark, wishes: dict[str, Wish]) -> None:
    wish = wishes[workload.ref.key]
    memory = tick.memory(workload).seen_asleep(mark.action)
    last = tick.context.actions.get(workload.ref.key)
    if last is not None and last.open and (last.state == "Running" or (last.kind != "Sleep" and last.state == "Due")):
        return  # a sleep that has not begun, or waits for people, must not keep anybody from waking
    if not wish.wake:
        tick.remember(workload, memory.waiting(None))
        tick.say(workload, Verdict.HOLD, wish.reason, spec=wish.spec, evidence=wish.evidence, saves=True)
        return
    memory = memory.waiting(memory.waiting_since or tick.now)
    tick.remember(workload, memory)
    blocker = next((w for w in waits_for(tick, workload, _order_spec(tick, workload)) if _not_ready(w)), None)
    waited = tick.now - (memory.waiting_since or tick.now)
    if blocker is not None and waited < WAIT_AT_MOST:
        reason = Reason(reasons.WAITS_FOR_DEPENDENCY, {"dependency": f"{blocker.ref.kind}/{blocker.ref.name}"})
        tick.say(workload, Verdict.HOLD, reason, spec=wish.spec)
    elif last is not None and last.kind == "Wake" and last.state == "Failed" and tick.now - last.at < WAKE_AGAIN_AFTER:
        tick.say(workload, Verdict.HOLD, Reason(reasons.RECENT_FAILURE, {"action": "Wake"}), spec=wish.spec)
    else:
        action = Wake(workload.ref, mark)
        tick.say(workload, Verdict.ACT, wish.reason, spec=wish.spec, evidence=wish.evidence, action=action)


def _not_ready(workload: Workload) -> bool:
    """Asleep, or running without a ready pod. What somebody else scaled to zero is not waited for."""
    if workload.ref.kind == "CronJob":
        return False
    return workload.slept is not None or (workload.replicas > 0 and workload.ready_replicas == 0)
