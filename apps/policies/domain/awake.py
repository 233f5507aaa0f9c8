"""What to do with a workload that runs: whether it may sleep, and if not, the first reason why.

The order of the reasons is the order of the tests below: what never may (protected, owned by others) comes before what
may not now (schedule, minAwake), and traffic, which costs most, near the end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from apps.kernel.actions import Sleep
from apps.kernel.decisions import Alternative, Evidence, Operand, Reason, Verdict
from apps.kernel.vocab import SleptMark, Workload
from apps.policies.domain import reasons, schedule
from apps.policies.domain.asleep import idleness, waited_for_by
from apps.policies.domain.gitops import gitops_owner
from apps.policies.domain.idle import Activity, standing
from apps.policies.domain.match import Cover
from apps.policies.domain.spec import Mode, Spec
from apps.policies.domain.tick import Tick, moment, outranked, plan_of, runs

RESTORES_ALLOWED = 2
SLEEP_AGAIN_AFTER = timedelta(minutes=10)
ASK_AGAIN_AFTER = timedelta(hours=24)
GUARD = "apps.policies.guards.still_wanted"
NOT_NOW = frozenset({"Rejected", "Expired", "Cancelled"})

Judgement = tuple[Verdict, Reason]
Test = Callable[[Tick, Workload, Spec], Judgement | None]


def rule_on_awake(tick: Tick, workload: Workload, cover: Cover) -> None:
    """Adds a ruling for a covered workload that carries no mark."""
    if cover.winner is None:
        names = ", ".join(spec.ref.key for spec in cover.rivals)
        reason = Reason(reasons.POLICY_CONFLICT, {"policies": names, "priority": cover.rivals[0].priority})
        tick.say(workload, Verdict.REFUSE, reason, spec=cover.rivals[0], alternatives=outranked(cover))
        return
    spec = cover.winner
    mode = tick.mode(spec, workload.ref.namespace)
    for test in TESTS:
        found = test(tick, workload, spec)
        if found is not None:
            _stay_awake(tick, workload, cover, found, ())
            return
    _judge_traffic(tick, workload, cover, mode)


def _judge_traffic(tick: Tick, workload: Workload, cover: Cover, mode: Mode) -> None:
    spec = cover.winner
    assert spec is not None  # noqa: S101  the caller has one
    found = idleness(tick, workload, spec)
    evidence: tuple[Evidence, ...] = found.evidence if found else ()
    if found is not None and found.activity is not Activity.SILENCE:
        verdict = Verdict.REFUSE if found.reason.code == reasons.NO_ROUTE else Verdict.HOLD
        _stay_awake(tick, workload, cover, (verdict, found.reason), evidence)
        return
    late = next((judged for test in LATE_TESTS if (judged := test(tick, workload, spec))), None)
    if late is not None:
        _stay_awake(tick, workload, cover, late, evidence)
        return
    reason = found.reason if found else _outside(spec)
    if mode is Mode.ENFORCE and not _graced(tick, workload, cover, evidence):
        return
    _sleep(tick, workload, cover, reason, evidence)


def _outside(spec: Spec) -> Reason:
    zone = spec.rule.schedule.zone.key if spec.rule.schedule else "UTC"
    return Reason(reasons.OUTSIDE_SCHEDULE, {"timeZone": zone})


def _stay_awake(
    tick: Tick, workload: Workload, cover: Cover, judged: Judgement, evidence: tuple[Evidence, ...]
) -> None:
    memory = tick.memory(workload)
    if memory.announced_at is not None:
        tick.remember(workload, memory.announced(None))
    verdict, reason = judged
    alternatives = [Alternative("Sleep", reason), *outranked(cover)]
    mode = tick.mode(cover.winner, workload.ref.namespace) if cover.winner else None
    tick.say(workload, verdict, reason, spec=cover.winner, mode=mode, evidence=evidence, alternatives=alternatives)


def _graced(tick: Tick, workload: Workload, cover: Cover, evidence: tuple[Evidence, ...]) -> bool:
    """Whether the grace period is over; announces the sleep when it begins."""
    spec = cover.winner
    assert spec is not None  # noqa: S101  the caller has one
    grace = spec.rule.grace_period
    if not grace:
        return True
    memory, by = tick.memory(workload), revision(spec)
    begins = memory.announced_at is None or memory.announced_by != by
    at = tick.now if memory.announced_at is None or begins else memory.announced_at
    if not begins and tick.now >= at + grace:
        return True
    if begins:
        tick.remember(workload, memory.announced(tick.now, by))
    reason = Reason(reasons.GRACE_PERIOD, {"until": moment(at + grace), "policy": spec.ref.key})
    tick.say(
        workload,
        Verdict.HOLD,
        reason,
        spec=spec,
        mode=Mode.ENFORCE,
        evidence=evidence,
        alternatives=outranked(cover),
        announce=begins,
    )
    return False


def _sleep(tick: Tick, workload: Workload, cover: Cover, reason: Reason, evidence: tuple[Evidence, ...]) -> None:
    spec = cover.winner
    assert spec is not None  # noqa: S101  the caller has one
    mode = tick.mode(spec, workload.ref.namespace)
    last = tick.context.actions.get(workload.ref.key)
    if mode is Mode.ENFORCE:
        tick.remember(workload, tick.memory(workload).counting(_standing(tick, workload, spec)))
    if last is not None and last.open:
        return
    if mode is Mode.ENFORCE:
        if tick.sleeps >= tick.context.max_sleeps:
            limit = Reason(reasons.BLAST_RADIUS, {"limit": tick.context.max_sleeps})
            _stay_awake_keeping_notice(tick, workload, cover, limit, evidence)
            return
        tick.sleeps += 1
    tick.say(
        workload,
        Verdict.ACT,
        reason,
        spec=spec,
        mode=mode,
        evidence=evidence,
        alternatives=[*_cost_of_waking(tick, workload), *outranked(cover)],
        action=Sleep(workload.ref, mark_for(tick, workload, spec.ref.key), (GUARD,)),
        saves=True,
    )


def _standing(tick: Tick, workload: Workload, spec: Spec) -> dict[str, float] | None:
    """The counters that its sleep will be held against."""
    plan, traffic = plan_of(spec), spec.rule.traffic
    if plan is None or traffic is None or workload.ref.kind == "CronJob":
        return None
    return standing(workload, ways=tick.routes.to(workload), traffic=traffic, measured=tick.measured(plan))


def _stay_awake_keeping_notice(
    tick: Tick, workload: Workload, cover: Cover, reason: Reason, evidence: tuple[Evidence, ...]
) -> None:
    """Holds for one more pass without taking the announcement back."""
    tick.say(
        workload, Verdict.HOLD, reason, spec=cover.winner, mode=Mode.ENFORCE, evidence=evidence,
        alternatives=outranked(cover),
    )  # fmt: skip


def _cost_of_waking(tick: Tick, workload: Workload) -> list[Alternative]:
    saving = tick.saving(workload)
    if saving is None:
        return []
    operands: dict[str, Operand] = {"amount": float(saving.amount_per_hour), "currency": saving.currency}
    return [Alternative("KeepAwake", Reason(reasons.KEEPING_COSTS, operands))]


def mark_for(tick: Tick, workload: Workload, policy: str) -> SleptMark:
    """The mark that will wake the workload. Its `action` is set by submit, which knows the Decision's id."""
    cron = workload.ref.kind == "CronJob"
    return SleptMark(
        replicas=0 if cron else workload.replicas,
        policy=policy,
        action="",
        slept_at=tick.now,
        scaled_object=workload.scaled_object or None,
        paused_replicas=workload.paused_replicas if workload.scaled_object else None,
        suspended=workload.suspended if cron else None,
    )


def revision(spec: Spec) -> str:
    """One text for a policy and the revision of its spec."""
    return f"{spec.ref.key}@{spec.ref.generation}"


def _protected(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    if not tick.is_protected(workload.ref.namespace):
        return None
    return Verdict.REFUSE, Reason(reasons.PROTECTED_NAMESPACE, {"namespace": workload.ref.namespace})


def _owned(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    if workload.owner is None:
        return None
    owner = f"{workload.owner.kind}/{workload.owner.name}"
    return Verdict.REFUSE, Reason(reasons.OWNED_BY_CONTROLLER, {"owner": owner})


def _gitops(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    found = gitops_owner(workload)
    if found is None:
        return None
    operands = {"tool": found.tool, "owner": found.owner, "mend": found.mend}
    return Verdict.REFUSE, Reason(reasons.GITOPS_OWNS_REPLICAS, operands)


def _exempt(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    found = tick.matcher.exemption(spec, workload, tick.now)
    if found is None:
        return None
    operands = {"name": found.name, "why": found.reason, "until": moment(found.expires_at)}
    return Verdict.HOLD, Reason(reasons.EXCEPTION, operands)


def _restored(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    memory = tick.memory(workload)
    if memory.restores < RESTORES_ALLOWED or memory.restores_under != revision(spec):
        return None
    return Verdict.REFUSE, Reason(reasons.RESTORED_OUTSIDE, {"times": memory.restores, "policy": spec.ref.key})


def _cron_job(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    if workload.ref.kind != "CronJob" or (spec.rule.schedule is not None and spec.rule.schedule.windows):
        return None
    source = spec.rule.traffic.source if spec.rule.traffic else ""
    return Verdict.REFUSE, Reason(reasons.NO_ROUTE, {"kind": workload.ref.kind, "source": source})


def _at_zero(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    if runs(workload):
        return None
    code = reasons.ALREADY_SUSPENDED if workload.ref.kind == "CronJob" else reasons.ALREADY_AT_ZERO
    return Verdict.HOLD, Reason(code, {})


def _kept(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    until = spec.rule.keep_awake_until
    if until is None or tick.now >= until:
        return None
    return Verdict.HOLD, Reason(reasons.KEEP_AWAKE_UNTIL, {"until": moment(until)})


def _scheduled(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    found = spec.rule.schedule
    if found is None or not schedule.is_open(found, tick.now):
        return None
    return Verdict.HOLD, Reason(reasons.SCHEDULE_OPEN, {"timeZone": found.zone.key})


def _just_woken(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    """minAwake runs from the last wake; for one that never slept, from its creation."""
    since = tick.memory(workload).woken_at or workload.created_at
    until = since + spec.rule.min_awake
    if tick.now >= until:
        return None
    return Verdict.HOLD, Reason(reasons.MIN_AWAKE, {"until": moment(until)})


def _failed_before(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    last = tick.context.actions.get(workload.ref.key)
    if last is None or last.open or last.kind != "Sleep":
        return None
    if last.state in NOT_NOW and tick.now - last.at < ASK_AGAIN_AFTER:
        operands = {"state": last.state, "until": moment(last.at + ASK_AGAIN_AFTER)}
        return Verdict.HOLD, Reason(reasons.NOT_APPROVED, operands)
    if last.state in ("Failed", "Refused") and tick.now - last.at < SLEEP_AGAIN_AFTER:
        return Verdict.HOLD, Reason(reasons.RECENT_FAILURE, {"action": "Sleep"})
    return None


def _dependants(tick: Tick, workload: Workload, spec: Spec) -> Judgement | None:
    for other in waited_for_by(tick, workload, spec):
        if runs(other):
            return Verdict.HOLD, Reason(reasons.DEPENDANT_AWAKE, {"dependant": f"{other.ref.kind}/{other.ref.name}"})
    return None


TESTS: tuple[Test, ...] = (
    _protected, _owned, _gitops, _restored, _cron_job, _at_zero, _exempt, _kept, _scheduled, _just_woken,
)  # fmt: skip
LATE_TESTS: tuple[Test, ...] = (_dependants, _failed_before)
