"""What one pass over a Snapshot shares: indexes built once, answers kept, rulings and memories gathered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from apps.kernel.actions import Action
from apps.kernel.decisions import Alternative, Decision, Evidence, Operand, Reason, Saving, Verdict
from apps.kernel.ids import uuid7
from apps.kernel.vocab import Snapshot, Workload
from apps.policies.domain import reasons
from apps.policies.domain.match import Cover, Matcher, Policies
from apps.policies.domain.memory import Memory
from apps.policies.domain.routes import RouteMap
from apps.policies.domain.spec import Mode, Source, Spec
from apps.policies.domain.traffic import Measured, measure
from apps.policies.domain.traffic_templates import Plan, plan_for

PROTECTED = frozenset({"kube-system", "kube-public", "kube-node-lease", "plimsoll-system"})
RULE = "ScaleToZero"
SETTLE = timedelta(seconds=20)
"""After an action has ended, the watch may still show the object as it was; nothing is concluded from it so long."""


@dataclass(frozen=True, slots=True)
class LastAction:
    """The newest action on a workload. `at` is when it ended, or was asked for while it is `open`."""

    kind: str
    state: str
    at: datetime
    open: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What decide must be told beside the Snapshot.

    `memories` by uid; `actions` by `ObjectRef.key`. `woken_by_us`: targets whose last wake was an action
    of Plimsoll's. `protected`: namespaces in which nothing sleeps, beside those that always are. `max_sleeps`: how
    many may be put to sleep in one pass.
    """

    memories: Mapping[str, Memory] = field(default_factory=dict)
    actions: Mapping[str, LastAction] = field(default_factory=dict)
    woken_by_us: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    max_sleeps: int = 50


@dataclass(frozen=True, slots=True)
class Ruling:
    """A Decision with what submit must know of it. `mode` None: it is carried out whatever the mode (wakes).
    `announce`: a sleep that is announced now."""

    decision: Decision
    spec: Spec | None = None
    mode: Mode | None = None
    announce: bool = False


class Tick:
    """One pass. `rulings` and `changed` (memories by uid) are its result."""

    def __init__(self, snapshot: Snapshot, policies: Policies, now: datetime, context: Context) -> None:
        self.snapshot, self.policies, self.now, self.context = snapshot, policies, now, context
        self.rulings: list[Ruling] = []
        self.changed: dict[str, Memory] = {}
        self.matcher = Matcher(policies.specs, snapshot.namespaces)
        self.routes = RouteMap(snapshot)
        self.by_key = policies.by_key()
        self.sleeps = 0
        self.covers: dict[str, Cover] = {}
        self._measured: dict[Plan, Measured] = {}
        self._modes: dict[tuple[str, str], Mode] = {}

    def cover(self, workload: Workload) -> Cover:
        key = workload.ref.key
        found = self.covers.get(key)
        if found is None:
            found = self.covers[key] = self.matcher.cover(workload)
        return found

    def mode(self, spec: Spec, namespace: str) -> Mode:
        place = (spec.ref.key, namespace)
        found = self._modes.get(place)
        if found is None:
            found = spec.mode_in(namespace, self.matcher.namespace_labels(namespace))
            self._modes[place] = found
        return found

    def measured(self, plan: Plan) -> Measured:
        found = self._measured.get(plan)
        if found is None:
            found = self._measured[plan] = measure(plan, self.snapshot.readings, self.now)
        return found

    def memory(self, workload: Workload) -> Memory:
        uid = workload.ref.uid
        return self.changed.get(uid) or self.context.memories.get(uid) or NOTHING

    def remember(self, workload: Workload, memory: Memory) -> None:
        uid = workload.ref.uid
        if memory != (self.context.memories.get(uid) or NOTHING):
            self.changed[uid] = memory
        else:
            self.changed.pop(uid, None)

    def saving(self, workload: Workload) -> Saving | None:
        """What its pods cost an hour while it is awake; None when no price is known."""
        price = self.snapshot.prices.get(workload.ref.key)
        return None if price is None else Saving(price, self.snapshot.currency)

    def is_protected(self, namespace: str) -> bool:
        """Nothing sleeps there: the system's own, what the settings name, and where a traffic controller runs."""
        return namespace in PROTECTED or namespace in self.context.protected or namespace in self._homes

    @cached_property
    def _homes(self) -> frozenset[str]:
        found: set[str] = set()
        for spec in self.policies.specs:
            plan = plan_of(spec)
            if plan is not None and plan.source in GATE_KEEPERS:
                found |= self.measured(plan).homes
        return frozenset(found)

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], list[Workload]]:
        """Workloads by (namespace, name), for the order among dependants."""
        found: dict[tuple[str, str], list[Workload]] = defaultdict(list)
        for workload in self.snapshot.workloads.values():
            found[workload.ref.namespace, workload.ref.name].append(workload)
        return found

    def say(
        self,
        workload: Workload,
        verdict: Verdict,
        reason: Reason,
        *,
        spec: Spec | None = None,
        mode: Mode | None = None,
        evidence: tuple[Evidence, ...] = (),
        alternatives: Iterable[Alternative] = (),
        action: Action | None = None,
        announce: bool = False,
        saves: bool = False,
    ) -> None:
        """Rule on a workload. `saves`: its saving is worth telling."""
        decision = Decision(
            id=uuid7(),
            kind=RULE,
            subject=workload.ref,
            verdict=verdict,
            reason=reason,
            decided_at=self.now,
            snapshot_id=self.snapshot.id,
            policy=spec.ref if spec else None,
            evidence=evidence,
            alternatives=tuple(alternatives),
            action=action,
            saving=self.saving(workload) if saves else None,
            disruption_pods=workload.replicas if action is not None and action.kind == "Sleep" else 0,
        )
        self.rulings.append(Ruling(decision, spec, mode, announce))


NOTHING = Memory()
GATE_KEEPERS = frozenset({Source.INGRESS_NGINX, Source.TRAEFIK, Source.ENVOY_GATEWAY, Source.ISTIO})
"""Sources whose targets are the controllers themselves, so that their namespaces must stay awake."""


def plan_of(spec: Spec) -> Plan | None:
    """The queries a policy needs, None when its schedule alone decides."""
    if spec.rule.traffic is None or spec.rule.idle_after is None:
        return None
    return plan_for(spec.rule.traffic, spec.rule.idle_after)


def runs(workload: Workload) -> bool:
    """Whether the object asks for pods: for a CronJob, whether it is not suspended."""
    return not workload.suspended if workload.ref.kind == "CronJob" else workload.replicas > 0


def moment(at: datetime) -> str:
    """A moment as an operand."""
    return at.isoformat(timespec="seconds")


def outranked(cover: Cover) -> list[Alternative]:
    """The other policies that cover a workload, as refused alternatives."""
    winner = cover.winner
    operands: dict[str, Operand] = {"policy": winner.ref.key, "priority": winner.priority} if winner else {}
    return [Alternative(rival.ref.key, Reason(reasons.OUTRANKED, operands)) for rival in cover.rivals]
