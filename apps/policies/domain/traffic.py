"""What the answers of one Plan mean: how many requests, and for which controllers every one of them was seen.

Steps of `measure`:
1. A reading that is missing, failed, stale or not a number makes the whole source unknown.
2. Each target of the source is judged: fresh in every minute of the window, no failed scrape, no restart, no counter
   that fell. The first fault of any target makes its controller unknown.
3. Requests are added up by group and part (see backends).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.kernel.decisions import Reason
from apps.kernel.vocab import Labels, Reading, Sample
from apps.policies.domain import reasons
from apps.policies.domain.backends import PLACES, Group, Place
from apps.policies.domain.spec import Source
from apps.policies.domain.traffic_templates import RECENT_SECONDS, TEMPLATES, Plan

OLDEST_READING = timedelta(minutes=3)
Counts = Mapping[Group, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One source over one window. `counts` is by how much counters rose, `appeared` what new ones hold, `recent` the
    rise of the last minutes, and `totals` the counters as they stand, for each target that is there now.

    `fault` makes all of it unknown; `faults` maps a controller ("" where the source does not name them) to what makes
    it unknown, None when it saw everything. `vanished` holds the parts of each group with a series that went away;
    `covered` the groups of a custom query with a value in every minute. `homes` are its targets' namespaces.
    """

    plan: Plan
    fault: Reason | None = None
    faults: Mapping[str, Reason | None] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)
    appeared: Counts = field(default_factory=dict)
    totals: Mapping[str, Counts] = field(default_factory=dict)
    recent: Counts = field(default_factory=dict)
    vanished: Mapping[Group, frozenset[str]] = field(default_factory=dict)
    covered: frozenset[Group] = frozenset()
    homes: frozenset[str] = frozenset()
    targets: int = 0

    def requests(self, place: Place, *, siblings: frozenset[str]) -> float | None:
        """Requests in the window; None when there is no series. A part that is nobody's (not among the `siblings`
        of the same group) counts for everybody."""
        return _total(self.counts, place, siblings)

    def new_requests(self, place: Place, *, siblings: frozenset[str]) -> float | None:
        """Requests by series that appeared in the window."""
        return _total(self.appeared, place, siblings)

    def standing(self, place: Place, *, siblings: frozenset[str]) -> dict[str, float]:
        """The counters as they stand, by target; only targets that are there now."""
        return {target: _total(counts, place, siblings) or 0.0 for target, counts in self.totals.items()}

    def recent_requests(self, place: Place, *, siblings: frozenset[str]) -> float | None:
        """The same over the last RECENT_SECONDS."""
        return _total(self.recent, place, siblings)

    def has_vanished(self, place: Place, *, siblings: frozenset[str]) -> bool:
        group, part = place
        return any(not part or other == part or other not in siblings for other in self.vanished.get(group, ()))


def _total(counts: Counts, place: Place, siblings: frozenset[str]) -> float | None:
    group, part = place
    parts = counts.get(group)
    if parts is None:
        return None
    mine = [value for other, value in parts.items() if not part or other == part or other not in siblings]
    return sum(mine) if mine else None


def measure(plan: Plan, readings: Mapping[str, Reading], now: datetime) -> Measured:
    """What `readings` (by the text of the query) say about the plan's source at `now`."""
    fault = _unusable(plan, readings, now)
    if fault is not None:
        return Measured(plan, fault=fault)
    counts = _counts(plan, plan.traffic, readings)
    if plan.source is Source.QUERY:
        return _measure_query(plan, readings, counts)
    targets = readings[plan.coverage].samples
    if not targets:
        return Measured(plan, fault=Reason(reasons.NO_TARGETS, {"source": plan.source}))
    return Measured(
        plan,
        fault=_unlabelled(plan, readings),
        faults=_faults(plan, readings, targets),
        counts=counts,
        appeared=_counts(plan, plan.appeared, readings),
        totals=_totals(plan, readings),
        recent=_counts(plan, plan.recent, readings),
        vanished=_vanished(plan, readings),
        homes=frozenset(home for sample in targets if (home := _home(sample.labels))),
        targets=len(targets),
    )


def _unusable(plan: Plan, readings: Mapping[str, Reading], now: datetime) -> Reason | None:
    for text in plan.texts:
        reading = readings.get(text)
        if reading is None or reading.error:
            error = reading.error if reading else "not asked yet"
            return Reason(reasons.METRICS_UNAVAILABLE, {"source": plan.source, "error": error[:300]})
        if now - reading.at > OLDEST_READING:
            age = (now - reading.at).total_seconds()
            return Reason(reasons.METRICS_STALE, {"source": plan.source, "ageSeconds": age})
    return None


def _counts(plan: Plan, texts: tuple[str, ...], readings: Mapping[str, Reading]) -> Counts:
    """Requests by group and part. A value that is not a number stays so, and makes what it counts for unknown."""
    place_of = PLACES[plan.source]
    out: dict[Group, dict[str, float]] = defaultdict(dict)
    for text in texts:
        for sample in readings[text].samples:
            place = place_of(sample.labels)
            if place is not None:
                group, part = place
                parts = out[group]
                parts[part] = parts.get(part, 0.0) + sample.value
    return out


def _totals(plan: Plan, readings: Mapping[str, Reading]) -> dict[str, Counts]:
    """The counters as they stand, by target. A target of the controller that is there without one has counted nothing;
    others (the proxies of a mesh) are heard where they have one."""
    place_of = PLACES[plan.source]
    out: dict[str, dict[Group, dict[str, float]]] = {
        "/".join(_identity(sample.labels)): defaultdict(dict) for sample in readings[plan.present].samples
    }
    for text in plan.totals:
        for sample in readings[text].samples:
            place = place_of(sample.labels)
            if place is not None:
                group, part = place
                counts = out.setdefault("/".join(_identity(sample.labels)), defaultdict(dict))
                counts[group][part] = counts[group].get(part, 0.0) + sample.value
    return dict(out)


def _vanished(plan: Plan, readings: Mapping[str, Reading]) -> dict[Group, frozenset[str]]:
    place_of = PLACES[plan.source]
    out: dict[Group, frozenset[str]] = {}
    for text in plan.vanished:
        for sample in readings[text].samples:
            place = place_of(sample.labels)
            if place is not None:
                out[place[0]] = out.get(place[0], frozenset()) | {place[1]}
    return out


def _unlabelled(plan: Plan, readings: Mapping[str, Reading]) -> Reason | None:
    """Series without the label that is to be filtered by: then nothing tells a probe from a visitor."""
    for text in plan.unlabelled:
        if readings[text].samples:
            template = TEMPLATES[plan.source]
            label = template.path_label if f"{template.path_label}=" in text else template.agent_label
            return Reason(reasons.TRAFFIC_LABEL_MISSING, {"source": plan.source, "label": label})
    return None


def _identity(labels: Labels) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _home(labels: Labels) -> str:
    return labels.get("controller_namespace") or labels.get("namespace", "")


def _faults(plan: Plan, readings: Mapping[str, Reading], targets: tuple[Sample, ...]) -> dict[str, Reason | None]:
    """The first fault among the targets of each controller."""
    failed = {_identity(s.labels) for s in readings[plan.failed].samples}
    restarted = {_identity(s.labels) for s in readings[plan.restarted].samples}
    reset = {_identity(s.labels) for text in plan.reset for s in readings[text].samples}
    label = TEMPLATES[plan.source].class_label
    out: dict[str, Reason | None] = {}
    unseen = _unseen(failed, targets)
    for sample in targets:
        who = _identity(sample.labels)
        fault = None
        if who in failed:
            fault = Reason(reasons.TARGET_DOWN, {"target": who[1], "job": who[0]})
        elif who in restarted:
            fault = Reason(reasons.CONTROLLER_RESTARTED, {"target": who[1], "job": who[0]})
        elif who in reset:
            fault = Reason(reasons.COUNTER_RESET, {"target": who[1], "job": who[0]})
        elif not sample.value >= plan.steps:
            missing = plan.steps - sample.value if math.isfinite(sample.value) else plan.steps
            fault = Reason(reasons.METRICS_GAP, {"target": who[1], "job": who[0], "minutes": float(missing)})
        elif who[0] in unseen:
            fault = Reason(reasons.TARGET_DOWN, {"target": unseen[who[0]], "job": who[0]})
        controller = sample.labels.get(label, "") if label else ""
        if out.get(controller) is None:
            out[controller] = fault
    return out


def _unseen(failed: set[tuple[str, str]], targets: tuple[Sample, ...]) -> dict[str, str]:
    """By job, a target whose scrapes have failed for the whole window: only `up` still tells that it is there."""
    seen = {_identity(sample.labels) for sample in targets}
    jobs = {job for job, _ in seen}
    return {job: instance for job, instance in sorted(failed - seen) if job in jobs}


def _measure_query(plan: Plan, readings: Mapping[str, Reading], counts: Counts) -> Measured:
    """A query of one's own proves silence only by a value in every minute: nobody knows its targets."""
    place_of = PLACES[plan.source]
    covered: dict[Group, bool] = {}
    for sample in readings[plan.coverage].samples:
        place = place_of(sample.labels)
        if place is not None:
            covered[place[0]] = covered.get(place[0], True) and sample.value >= plan.steps
    return Measured(
        plan,
        faults={"": None},
        counts=counts,
        recent=counts,
        covered=frozenset(group for group, whole in covered.items() if whole),
        targets=len(covered),
    )


def limit_for(plan: Plan, threshold: float) -> tuple[float, float]:
    """How many requests count as idle, in the window and over the last RECENT_SECONDS. For a custom query, whose
    values are rates already, both are the threshold."""
    if plan.source is Source.QUERY:
        return threshold, threshold
    return threshold * plan.window_seconds, threshold * RECENT_SECONDS
