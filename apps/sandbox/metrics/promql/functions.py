"""Functions of an instant vector, and of time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from apps.sandbox.metrics.labels import LabelFrame, LabelSet, without
from apps.sandbox.metrics.promql.values import QueryError, Vector, check_twins
from apps.sandbox.sim.draw import Floats

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_GO_TEMPLATE = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))")
ONE = LabelFrame([{}])

ELEMENTWISE: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs, "ceil": np.ceil, "floor": np.floor, "exp": np.exp, "sqrt": np.sqrt, "ln": np.log, "log2": np.log2,
    "log10": np.log10, "sgn": np.sign, "deg": np.degrees, "rad": np.radians, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
}  # fmt: skip

CALENDAR: dict[str, Callable[[datetime], int]] = {
    "minute": lambda t: t.minute,
    "hour": lambda t: t.hour,
    "day_of_week": lambda t: t.isoweekday() % 7,
    "day_of_month": lambda t: t.day,
    "day_of_year": lambda t: t.timetuple().tm_yday,
    "days_in_month": lambda t: (datetime(t.year + t.month // 12, t.month % 12 + 1, 1, tzinfo=UTC)
                                - datetime(t.year, t.month, 1, tzinfo=UTC)).days,
    "month": lambda t: t.month,
    "year": lambda t: t.year,
}  # fmt: skip


def calendar(name: str, *, values: Floats) -> Floats:
    """hour(), month() and their kin of Unix seconds, in UTC."""
    part = CALENDAR[name]
    flat = [part(datetime.fromtimestamp(int(v), UTC)) if np.isfinite(v) else np.nan for v in values.flat]
    return np.asarray(flat, dtype=np.float64).reshape(values.shape)


def rounded(values: Floats, *, nearest: Floats) -> Floats:
    """round(): to a multiple of `nearest`, ties up."""
    inverse = 1.0 / nearest
    return np.floor(values * inverse + 0.5) / inverse


def clamped(values: Floats, *, low: Floats, high: Floats) -> Floats:
    """clamp(): between two bounds."""
    return np.fmax(low, np.fmin(high, values))


def label_replace(vector: Vector, *, to: str, replacement: str, source: str, pattern: str) -> Vector:
    """As Prometheus: where the whole of `source` matches, `to` becomes the expanded replacement; empty removes it."""
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except re.error as e:
        raise QueryError(f"invalid regular expression in label_replace(): {pattern}") from e
    if not _LABEL_NAME.fullmatch(to):
        raise QueryError(f"invalid destination label name in label_replace(): {to}")

    def relabelled(labels: LabelSet) -> LabelSet:
        match = compiled.fullmatch(labels.get(source, ""))
        return labels if match is None else _with(labels, to=to, value=_expand(replacement, match))

    return _relabel(vector, key=("label_replace", to, replacement, source, pattern), change=relabelled)


def label_join(vector: Vector, *, to: str, separator: str, sources: tuple[str, ...]) -> Vector:
    """`to` becomes the values of `sources`, joined."""
    if not _LABEL_NAME.fullmatch(to):
        raise QueryError(f"invalid destination label name in label_join(): {to}")

    def relabelled(labels: LabelSet) -> LabelSet:
        return _with(labels, to=to, value=separator.join(labels.get(name, "") for name in sources))

    return _relabel(vector, key=("label_join", to, separator, sources), change=relabelled)


def histogram_quantile(vector: Vector, *, q: Floats) -> Vector:
    """The q-quantile of classic histograms: linear inside the bucket it falls in."""
    frame, place = vector.labels.grouped(("le",), keep=False)
    bounds = np.asarray([_bound(labels) for labels in vector.labels.sets])
    out = np.full((len(frame), vector.values.shape[1]), np.nan)
    present = np.zeros(out.shape, dtype=bool)
    for group in range(len(frame)):
        rows = np.flatnonzero((place == group) & ~np.isnan(bounds))
        rows = rows[np.argsort(bounds[rows], kind="stable")]
        for moment in range(out.shape[1]):
            here = rows[vector.present[rows, moment]]
            present[group, moment] = len(here) > 0
            out[group, moment] = _bucket_quantile(bounds[here], counts=vector.values[here, moment], q=float(q[moment]))
    return Vector(frame, out, present)


def _bucket_quantile(bounds: Floats, *, counts: Floats, q: float) -> float:
    if q != q or len(bounds) < 2 or not np.isposinf(bounds[-1]):
        return float("nan")
    if q < 0 or q > 1:
        return float("-inf") if q < 0 else float("inf")
    counts = np.maximum.accumulate(counts)
    total = counts[-1]
    if total == 0:
        return float("nan")
    rank = q * total
    bucket = int(np.searchsorted(counts[:-1], rank, side="left"))
    if bucket == len(bounds) - 1:
        return float(bounds[-2])
    if bucket == 0 and bounds[0] <= 0:
        return float(bounds[0])
    low = bounds[bucket - 1] if bucket else 0.0
    below = counts[bucket - 1] if bucket else 0.0
    return float(low + (bounds[bucket] - low) * ((rank - below) / (counts[bucket] - below)))


def _bound(labels: LabelSet) -> float:
    try:
        return float(labels.get("le", "nan").replace("Inf", "inf"))
    except ValueError:
        return float("nan")


def _relabel(vector: Vector, *, key: tuple[object, ...], change: Callable[[LabelSet], LabelSet]) -> Vector:
    frame = vector.labels.derived(key, lambda: LabelFrame([change(one) for one in vector.labels.sets]))
    check_twins(frame, present=vector.present)
    return Vector(frame, vector.values, vector.present)


def _with(labels: LabelSet, *, to: str, value: str) -> LabelSet:
    return {**labels, to: value} if value else without(labels, (to,))


def _expand(template: str, match: re.Match[str]) -> str:
    """Go's Regexp.Expand: $1, ${1}, $name, $$; a group that is not there is empty."""

    def group(found: re.Match[str]) -> str:
        if found.group(3):
            return "$"
        name = found.group(1) or found.group(2)
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except IndexError:
            return ""

    return _GO_TEMPLATE.sub(group, template)
