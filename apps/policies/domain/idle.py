"""Traffic, Silence or Unknown: what one workload did during its window.

Traffic is certain as soon as the counters of its routes rose by more than the threshold allows. Silence needs proof: a
route exists, every controller behind every route was seen all the while, and nothing that would have counted went away;
then a missing series is zero, and one that appeared is as many requests as it says. Everything else is Unknown and
keeps the workload awake.

For a sleeper the question is another one: did anybody ask for it since? Its counters as they stood when it was put to
sleep are remembered, and held against those of now. That needs no window, so no gap can hide a request or invent one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from apps.kernel.decisions import Evidence, Operand, Reason
from apps.kernel.vocab import Route, Workload
from apps.policies.domain import reasons
from apps.policies.domain.backends import Place, groups
from apps.policies.domain.routes import Way
from apps.policies.domain.spec import Source, Traffic
from apps.policies.domain.traffic import Measured, limit_for
from apps.policies.domain.traffic_templates import MARGIN_SECONDS, TEMPLATES


class Activity(StrEnum):
    TRAFFIC = "Traffic"
    SILENCE = "Silence"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Idleness:
    """What a workload did, why that is believed, and the numbers that were compared."""

    activity: Activity
    reason: Reason
    evidence: tuple[Evidence, ...] = ()


WELL_KNOWN_CLASSES: Mapping[str, str] = {
    "nginx": "k8s.io/ingress-nginx",
    "traefik": "traefik.io/ingress-controller",
    "istio": "istio.io/gateway-controller",
    "envoy-gateway": "gateway.envoyproxy.io/gatewayclass-controller",
    "eg": "gateway.envoyproxy.io/gatewayclass-controller",
}
"""Used for a class that has no IngressClass or GatewayClass object."""


def judge(
    workload: Workload,
    *,
    ways: tuple[Way, ...],
    traffic: Traffic,
    measured: Measured,
    classes: Mapping[str, str],
) -> Idleness:
    """What `workload` did during the window that `measured` covers. `classes`: see Snapshot.controllers."""
    places = dict.fromkeys(groups(traffic.source, workload, ways))
    siblings = _siblings(ways)
    counted = _Counted.over(places, measured, siblings)
    limit, recent_limit = limit_for(measured.plan, traffic.threshold)
    if counted.rose > limit or counted.recent > recent_limit:
        return _active(counted, traffic, measured)
    unknown = _unknown(workload, ways, traffic, measured, classes) or _unproven(places, counted, measured, siblings)
    if unknown is not None:
        return Idleness(Activity.UNKNOWN, unknown, _evidence(counted, traffic, measured))
    if counted.requests > limit:
        return _active(counted, traffic, measured)
    reason = Reason(reasons.IDLE, _operands(counted, traffic, measured))
    return Idleness(Activity.SILENCE, reason, _evidence(counted, traffic, measured))


def standing(workload: Workload, *, ways: tuple[Way, ...], traffic: Traffic, measured: Measured) -> dict[str, float]:
    """The workload's request counters as they stand, by target; empty when they cannot be read."""
    if measured.fault is not None:
        return {}
    siblings = _siblings(ways)
    out: dict[str, float] = {}
    for place in dict.fromkeys(groups(traffic.source, workload, ways)):
        for target, value in measured.standing(place, siblings=siblings).items():
            out[target] = out.get(target, 0.0) + value
    return {target: value for target, value in out.items() if math.isfinite(value)}


@dataclass(frozen=True, slots=True)
class Demand:
    """How many requests came since the counters stood at what was remembered, and what to remember now: where a
    counter began again, it counts from zero."""

    requests: float
    counted: Mapping[str, float]


def demand_since(counted: Mapping[str, float], now: Mapping[str, float]) -> Demand:
    """Holds the counters of `now` against those that were remembered, target by target. Requests that a target served
    between its last scrape and its end are seen by nobody."""
    kept = dict(counted)
    requests = 0.0
    for target, value in now.items():
        before = kept.get(target, 0.0)
        if value > before:
            requests += value - before
        elif value < before:
            requests += value
            kept[target] = 0.0
    return Demand(requests, kept)


def _active(counted: _Counted, traffic: Traffic, measured: Measured) -> Idleness:
    reason = Reason(reasons.TRAFFIC, _operands(counted, traffic, measured))
    return Idleness(Activity.TRAFFIC, reason, _evidence(counted, traffic, measured))


def _siblings(ways: tuple[Way, ...]) -> frozenset[str]:
    """Every Service that the same routes lead to: their traffic is told apart by name."""
    return frozenset(backend.service for route, _ in ways for backend in route.backends)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Requests over all places of a workload: by how much counters `rose`, what those hold that `appeared`, and the
    rise of the last minutes; `nan` when one of them was not a number."""

    rose: float = 0.0
    appeared: float = 0.0
    recent: float = 0.0
    nan: bool = False

    @property
    def requests(self) -> float:
        return self.rose + self.appeared

    @classmethod
    def over(cls, places: Mapping[Place, None], measured: Measured, siblings: frozenset[str]) -> _Counted:
        rose = appeared = recent = 0.0
        for place in places:
            appeared += measured.new_requests(place, siblings=siblings) or 0.0
            rose += measured.requests(place, siblings=siblings) or 0.0
            recent += measured.recent_requests(place, siblings=siblings) or 0.0
        if math.isfinite(rose) and math.isfinite(appeared) and math.isfinite(recent):
            return cls(rose, appeared, recent)
        return cls(nan=True)


def _operands(counted: _Counted, traffic: Traffic, measured: Measured) -> dict[str, Operand]:
    return {
        "source": traffic.source,
        "requests": _shown(counted.requests, traffic.source),
        "windowSeconds": measured.plan.window_seconds - MARGIN_SECONDS,
    }


def _shown(requests: float, source: Source) -> float:
    """Requests as a person counts them: `increase` extrapolates, and less than one is one all the same. What a query
    of one's own gives is a rate, and stays what it is."""
    if source is Source.QUERY or not math.isfinite(requests):
        return round(requests, 3)
    return max(round(requests), 1) if requests > 0 else 0


def _evidence(counted: _Counted, traffic: Traffic, measured: Measured) -> tuple[Evidence, ...]:
    limit, _ = limit_for(measured.plan, traffic.threshold)
    unit = "requests/s" if traffic.source is Source.QUERY else "requests"
    query = measured.plan.traffic[0]
    if counted.nan:
        requests = Evidence("requests", "NaN", source=query)
    else:
        requests = Evidence("requests", counted.requests, unit, limit, query)
    return (
        requests,
        Evidence("window", float(measured.plan.window_seconds), "s", None, "spec.scaleToZero.idleAfter"),
        Evidence("targets", float(measured.targets), "targets", 1.0, measured.plan.coverage),
    )


def _unknown(
    workload: Workload, ways: tuple[Way, ...], traffic: Traffic, measured: Measured, classes: Mapping[str, str]
) -> Reason | None:
    """Why the source cannot tell about this workload's routes."""
    if not ways and traffic.source is not Source.QUERY:
        return Reason(reasons.NO_ROUTE, {"kind": workload.ref.kind, "source": traffic.source})
    if measured.fault is not None:
        return measured.fault
    if traffic.source is Source.QUERY:
        return None
    return next(_route_faults(ways, traffic, measured, classes), None)


def _route_faults(
    ways: tuple[Way, ...], traffic: Traffic, measured: Measured, classes: Mapping[str, str]
) -> Iterator[Reason]:
    for route, _ in ways:
        controller = _observed_by(route, traffic.source, measured, classes)
        if controller is None:
            yield Reason(
                reasons.ROUTE_NOT_OBSERVED,
                {"route": f"{route.ref.kind} {route.ref.name}", "class": route.route_class, "source": traffic.source},
            )
        elif (fault := measured.faults[controller]) is not None:
            yield fault


def _observed_by(route: Route, source: Source, measured: Measured, classes: Mapping[str, str]) -> str | None:
    """The key of `measured.faults` that stands for the controller of a route; None when the source does not see it."""
    template = TEMPLATES[source]
    controller = classes.get(route.route_class) or WELL_KNOWN_CLASSES.get(route.route_class, route.route_class)
    if template.class_label:
        return controller if controller in measured.faults else None
    seen = route.ref.kind in template.kinds or controller in template.controllers
    return "" if seen and "" in measured.faults else None


def _unproven(
    places: Mapping[Place, None], counted: _Counted, measured: Measured, siblings: frozenset[str]
) -> Reason | None:
    """Why the absence of requests proves nothing."""
    source = measured.plan.source
    if counted.nan:
        return Reason(reasons.NOT_A_NUMBER, {"source": source})
    if any(measured.has_vanished(place, siblings=siblings) for place in places):
        return Reason(reasons.SERIES_VANISHED, {"source": source})
    if source is Source.QUERY:
        seen = [place[0] for place in places if place[0] in measured.counts]
        if not seen:
            return Reason(reasons.NO_SERIES, {"source": source})
        if any(group not in measured.covered for group in seen):
            return Reason(reasons.METRICS_GAP, {"target": "query", "job": source, "minutes": 0.0})
    return None
