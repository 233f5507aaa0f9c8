"""Snapshot in, Decisions out.

Steps of `decide`:
1. A Snapshot that has not been read whole decides nothing.
2. Each workload is asleep (marked, no pods asked for), awake, or in between (marked, yet it runs: somebody woke it).
3. Wakes that happened since the last pass are noticed and remembered.
4. Sleepers are ruled on together, since they wake in order; awake ones one by one, if a policy covers them.

The same Snapshot, policies, time and context give the same Decisions, ids apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.kernel.actions import WAKE, Forget
from apps.kernel.decisions import Decision, PolicyRef, Reason, Verdict
from apps.kernel.errors import InvalidInput
from apps.kernel.vocab import Json, SleptMark, Snapshot, Workload
from apps.policies.domain import reasons
from apps.policies.domain.asleep import rule_on_sleepers
from apps.policies.domain.awake import revision, rule_on_awake
from apps.policies.domain.match import Policies
from apps.policies.domain.memory import Memory
from apps.policies.domain.parse import KINDS, parse, policy_ref
from apps.policies.domain.spec import Spec
from apps.policies.domain.tick import SETTLE, Context, Ruling, Tick, plan_of, runs


@dataclass(frozen=True, slots=True)
class Decided:
    """What one pass gives: rulings, the memories that changed (by uid), and which workloads each policy covers:
    `wins` and `shares` count, by PolicyRef.key, where it counts and where another policy covers the same; `rivals`
    names those others. `faults` is what keeps a policy from seeing any traffic."""

    rulings: tuple[Ruling, ...] = ()
    memories: Mapping[str, Memory] = field(default_factory=dict)
    wins: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, int] = field(default_factory=dict)
    rivals: Mapping[str, frozenset[str]] = field(default_factory=dict)
    faults: Mapping[str, Reason] = field(default_factory=dict)

    @property
    def decisions(self) -> list[Decision]:
        return [ruling.decision for ruling in self.rulings]


class PolicyReader:
    """Parses policy objects, each revision once."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[PolicyRef, Spec | InvalidInput]] = {}

    def read(self, raw: Mapping[str, Mapping[str, Json]]) -> Policies:
        """Every policy object of a Snapshot, parsed; what cannot be read is kept with what is wrong."""
        specs: list[Spec] = []
        invalid: dict[str, InvalidInput] = {}
        fresh: dict[str, tuple[PolicyRef, Spec | InvalidInput]] = {}
        for obj in raw.values():
            ref = policy_ref(obj)
            kept = self._kept.get(ref.key)
            found = kept[1] if kept is not None and kept[0] == ref and ref.generation else _parsed(obj)
            fresh[ref.key] = (ref, found)
            if isinstance(found, Spec):
                specs.append(found)
            else:
                invalid[ref.key] = found
        self._kept = fresh
        return Policies(tuple(specs), invalid)


def _parsed(obj: Mapping[str, Json]) -> Spec | InvalidInput:
    try:
        return parse(obj)
    except InvalidInput as e:
        return e


def read_policies(raw: Mapping[str, Mapping[str, Json]]) -> Policies:
    """The same, read once."""
    return PolicyReader().read(raw)


def queries(policies: Policies) -> list[str]:
    """The texts of every query that these policies need, each once, in a stable order."""
    found: dict[str, None] = {}
    for spec in policies.specs:
        plan = None if spec.suspended else plan_of(spec)
        if plan is not None:
            found.update(dict.fromkeys(plan.texts))
    return list(found)


def decide(snapshot: Snapshot, policies: Policies, now: datetime, context: Context) -> Decided:
    """What should happen to every workload that a policy covers or that sleeps."""
    if not snapshot.synced:
        return Decided()
    tick = Tick(snapshot, policies, now, context)
    sleepers: list[tuple[Workload, SleptMark]] = []
    for workload in snapshot.workloads.values():
        if workload.ref.kind in KINDS:
            if workload.slept is not None and not runs(workload):
                sleepers.append((workload, workload.slept))
            else:
                _rule_on_runner(tick, workload)
    rule_on_sleepers(tick, sleepers)
    wins, shares, rivals = _counts(tick)
    return Decided(tuple(tick.rulings), tick.changed, wins, shares, rivals, _faults(tick))


def _rule_on_runner(tick: Tick, workload: Workload) -> None:
    """A workload without a mark, or with one it does not obey."""
    if workload.slept_raw and workload.slept is None:
        tick.say(workload, Verdict.REFUSE, Reason(reasons.MARK_UNREADABLE, {"text": workload.slept_raw[:200]}))
        return
    if _unsettled(tick, workload):
        return
    if workload.slept is not None:
        _rule_on_woken(tick, workload, workload.slept)
        return
    memory = tick.memory(workload)
    if memory.asleep_action and runs(workload):
        winner = tick.cover(workload).winner
        outside = workload.ref.key not in tick.context.woken_by_us
        under = revision(winner) if winner else ""
        tick.remember(workload, memory.woken(tick.now, outside=outside, under=under))
    if workload.annotations.get(WAKE) == "now" and runs(workload):
        empty = SleptMark(workload.replicas, "", "")
        action = Forget(workload.ref, empty)
        tick.say(workload, Verdict.ACT, Reason(reasons.WAKE_NOT_NEEDED, {"annotation": WAKE}), action=action)
        return
    cover = tick.cover(workload)
    if cover.winner is not None or cover.rivals:
        rule_on_awake(tick, workload, cover)


def _rule_on_woken(tick: Tick, workload: Workload, mark: SleptMark) -> None:
    """Marked, yet it runs, and no action of ours is on its way: somebody woke it. The marks go, and once they are
    gone its waking is noticed and counted."""
    memory = tick.memory(workload)
    tick.remember(workload, memory.seen_asleep(mark.action or mark.policy or "unknown"))
    reason = Reason(reasons.WOKEN_OUTSIDE, {"replicas": workload.replicas, "policy": mark.policy})
    tick.say(workload, Verdict.ACT, reason, action=Forget(workload.ref, mark))


def _unsettled(tick: Tick, workload: Workload) -> bool:
    """Whether the object may be about to change by an action of ours, or may be seen as it was before one."""
    last = tick.context.actions.get(workload.ref.key)
    if last is None:
        return False
    if last.open:
        return last.state != "WaitingApproval"
    return last.state == "Done" and tick.now - last.at < SETTLE


def _counts(tick: Tick) -> tuple[dict[str, int], dict[str, int], dict[str, frozenset[str]]]:
    wins: dict[str, int] = {}
    shares: dict[str, int] = {}
    rivals: dict[str, frozenset[str]] = {}
    for workload in tick.snapshot.workloads.values():
        if workload.ref.kind not in KINDS:
            continue
        cover = tick.cover(workload)
        if cover.winner is not None:
            wins[cover.winner.ref.key] = wins.get(cover.winner.ref.key, 0) + 1
        if cover.rivals:
            keys = frozenset(spec.ref.key for spec in (cover.winner, *cover.rivals) if spec is not None)
            for key in keys:
                shares[key] = shares.get(key, 0) + 1
                rivals[key] = rivals.get(key, frozenset()) | (keys - {key})
    return wins, shares, rivals


def _faults(tick: Tick) -> dict[str, Reason]:
    """What keeps each policy from seeing any traffic at all, by PolicyRef.key."""
    found: dict[str, Reason] = {}
    for spec in tick.policies.specs:
        plan = None if spec.suspended else plan_of(spec)
        fault = tick.measured(plan).fault if plan is not None else None
        if fault is not None:
            found[spec.ref.key] = fault
    return found
