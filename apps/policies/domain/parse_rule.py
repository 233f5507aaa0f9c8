"""`spec.scaleToZero` -> ScaleToZero. See parse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import promql_parser

from apps.policies.domain.reading import Problems, as_list, as_map, as_text, day, moment, one_of, span
from apps.policies.domain.spec import ScaleToZero, Schedule, Source, Traffic, Window

FIELD = "spec.scaleToZero"
SHORTEST_IDLE = timedelta(minutes=5)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CARRY_PATH = (Source.INGRESS_NGINX, Source.ISTIO)
CARRY_AGENT = (Source.ISTIO, Source.TRAEFIK)


def parse_scale_to_zero(raw: Mapping[str, Any], problems: Problems) -> ScaleToZero:
    """The rule; what is wrong is added to `problems`."""
    idle_after = span(raw["idleAfter"], f"{FIELD}.idleAfter", problems) if "idleAfter" in raw else None
    if idle_after is not None and idle_after < SHORTEST_IDLE:
        problems.add(f"{FIELD}.idleAfter", "must be at least 5m")
    schedule = _schedule(raw["schedule"], problems) if "schedule" in raw else None
    if idle_after is None and not (schedule and schedule.windows):
        problems.add(f"{FIELD}.idleAfter", "set idleAfter, or a schedule with keepAwake windows, or both")
    if idle_after is None and "traffic" in raw:
        problems.add(f"{FIELD}.traffic", "traffic needs idleAfter")
    until = raw.get("keepAwakeUntil")
    return ScaleToZero(
        idle_after,
        _traffic(raw.get("traffic", {}), problems) if idle_after is not None else None,
        schedule,
        span(raw.get("gracePeriod", "0s"), f"{FIELD}.gracePeriod", problems),
        span(raw.get("minAwake", "15m"), f"{FIELD}.minAwake", problems),
        moment(until, f"{FIELD}.keepAwakeUntil", problems) if until is not None else None,
        _order(raw, problems),
    )


def _traffic(value: Any, problems: Problems) -> Traffic:
    field = f"{FIELD}.traffic"
    raw = as_map(value, field, problems)
    source = Source(one_of(raw.get("source", "IngressNginx"), [s.value for s in Source], f"{field}.source", problems))
    query = str(raw.get("query", ""))
    if bool(query) is not (source is Source.QUERY):
        problems.add(f"{field}.query", "query goes with source Query, and only with it")
    elif query:
        _check_query(query, f"{field}.query", problems)
    paths = tuple(as_text(p, f"{field}.ignorePaths", problems) for p in raw.get("ignorePaths") or ())
    agents = tuple(as_text(a, f"{field}.ignoreUserAgents", problems) for a in raw.get("ignoreUserAgents") or ())
    if paths and source not in CARRY_PATH:
        problems.add(f"{field}.ignorePaths", f"the metrics of {source} carry no path: leave it out, or use a query")
    if agents and source not in CARRY_AGENT:
        problems.add(
            f"{field}.ignoreUserAgents", f"the metrics of {source} carry no user agent: leave it out, or use a query"
        )
    return Traffic(source, query, _threshold(raw.get("threshold", "0"), problems), paths, agents)


def _threshold(value: Any, problems: Problems) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        problems.add(f"{FIELD}.traffic.threshold", f"{value!r} is not a number of requests per second")
        return 0.0
    return number


def _check_query(query: str, field: str, problems: Problems) -> None:
    """That it parses, and gives series: a number or a text has no labels to find a workload by."""
    try:
        parsed = promql_parser.parse(query)
    except ValueError as e:
        problems.add(field, f"is not PromQL: {str(e).strip()[:300]}")
        return
    if isinstance(parsed, (promql_parser.NumberLiteral, promql_parser.StringLiteral, promql_parser.MatrixSelector)):
        problems.add(field, "must give an instant vector: one series for each workload, in requests per second")


def _schedule(value: Any, problems: Problems) -> Schedule:
    field = f"{FIELD}.schedule"
    raw = as_map(value, field, problems)
    name = as_text(raw.get("timeZone", "UTC"), f"{field}.timeZone", problems)
    windows = [
        _window(as_map(item, f"{field}.keepAwake[{i}]", problems), f"{field}.keepAwake[{i}]", problems)
        for i, item in enumerate(as_list(raw.get("keepAwake", []), f"{field}.keepAwake", problems))
    ]
    days = [
        day(item, f"{field}.holidays[{i}]", problems)
        for i, item in enumerate(as_list(raw.get("holidays", []), f"{field}.holidays", problems))
    ]
    return Schedule(_zone(name, f"{field}.timeZone", problems), tuple(windows), frozenset(d for d in days if d))


def _zone(name: str, field: str, problems: Problems) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.add(field, f"{name!r} is not in the time zone database of this Plimsoll: write it like Europe/Berlin")
        return ZoneInfo("UTC")


def _window(raw: Mapping[str, Any], field: str, problems: Problems) -> Window:
    names = as_list(raw.get("days"), f"{field}.days", problems)
    if not names:
        problems.add(f"{field}.days", "at least one day is needed")
    numbers = frozenset(DAYS.index(one_of(name, DAYS, f"{field}.days", problems)) for name in names)
    start = _clock_time(raw.get("from"), f"{field}.from", problems)
    end = None if raw.get("to") == "24:00" else _clock_time(raw.get("to"), f"{field}.to", problems)
    if end is not None and end <= start:
        problems.add(f"{field}.to", "from must be before to (a window that crosses midnight is two windows)")
    return Window(numbers, start, end)


def _clock_time(value: Any, field: str, problems: Problems) -> time:
    try:
        return time.fromisoformat(as_text(value, field, problems) or "00:00")
    except ValueError:
        problems.add(field, f"{value!r} is not a time of day: write it like 09:00")
        return time(0)


def _order(raw: Mapping[str, Any], problems: Problems) -> dict[tuple[str, str], tuple[str, ...]]:
    field = f"{FIELD}.order"
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for i, item in enumerate(as_list(raw.get("order", []), field, problems)):
        one = as_map(item, f"{field}[{i}]", problems)
        kind = as_text(one.get("kind"), f"{field}[{i}].kind", problems)
        name = as_text(one.get("name"), f"{field}[{i}].name", problems)
        if (kind, name) in found:
            problems.add(f"{field}[{i}]", f"{kind} {name} is listed twice")
        waits = as_list(one.get("wakeAfter", []), f"{field}[{i}].wakeAfter", problems)
        found[kind, name] = tuple(as_text(w, f"{field}[{i}].wakeAfter", problems) for w in waits)
    for name in _circle(found):
        problems.add(field, f"{name} waits for itself through others, so it could never wake")
    return found


def _circle(order: Mapping[tuple[str, str], tuple[str, ...]]) -> list[str]:
    """The names that wait for themselves, directly or through others."""
    waits: dict[str, set[str]] = {}
    for (_, name), others in order.items():
        waits.setdefault(name, set()).update(others)
    return [name for name in waits if name in _reachable(name, waits)]


def _reachable(name: str, waits: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    edge = set(waits.get(name, ()))
    while edge:
        seen |= edge
        edge = {further for one in edge for further in waits.get(one, ())} - seen
    return seen
