"""Traffic, Silence or Unknown: what one workload did during its window.

Traffic is certain as soon as one route shows more requests than the threshold allows. Silence needs proof: a route
exists, every controller behind every route was seen all the while, and nothing that would have counted went away; then
a missing series is zero. Everything else is Unknown and keeps the workload awake.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
    siblings = frozenset(way[1].service for way in ways)
    siblings |= _siblings(ways)
    counted = _Counted.over(places, measured, siblings)
    evidence = _evidence(counted, traffic, measured)
    limit, recent_limit = limit_for(measured.plan, traffic.threshold)
    if counted.requests > limit or counted.recent > recent_limit:
        return Idleness(Activity.TRAFFIC, _traffic_reason(counted, traffic, measured), evidence)
    unknown = _unknown(workload, ways, traffic, measured, classes) or _unproven(places, counted, measured, siblings)
    if unknown is not None:
        return Idleness(Activity.UNKNOWN, unknown, evidence)
    idle = Reason(
        reasons.IDLE,
        {
            "source": traffic.source,
            "requests": counted.requests,
            "windowSeconds": measured.plan.window_seconds - MARGIN_SECONDS,
        },
    )
    return Idleness(Activity.SILENCE, idle, evidence)


def _siblings(ways: tuple[Way, ...]) -> frozenset[str]:
    """Every Service that the same routes lead to: their traffic is told apart by name."""
    return frozenset(backend.service for route, _ in ways for backend in route.backends)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Requests over all places of a workload; `nan` when one of them was not a number."""

    requests: float = 0.0
    recent: float = 0.0
    nan: bool = False
    series: bool = False

    @classmethod
    def over(cls, places: Mapping[Place, None], measured: Measured, siblings: frozenset[str]) -> _Counted:
        out = cls()
        for place in places:
            found = measured.requests(place, siblings=siblings)
            if found is None:
                continue
            recent = measured.recent_requests(place, siblings=siblings) or 0.0
            if math.isfinite(found) and math.isfinite(recent):
                out = replace(out, requests=out.requests + found, recent=out.recent + recent, series=True)
            else:
                out = replace(out, nan=True, series=True)
        return out


def _traffic_reason(counted: _Counted, traffic: Traffic, measured: Measured) -> Reason:
    operands: dict[str, Operand] = {
        "source": traffic.source,
        "requests": round(counted.requests, 3),
        "windowSeconds": measured.plan.window_seconds - MARGIN_SECONDS,
    }
    return Reason(reasons.TRAFFIC, operands)


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
