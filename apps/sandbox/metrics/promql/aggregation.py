"""Aggregation operators: many series to one a group, at every moment at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from apps.sandbox.metrics.labels import LabelFrame
from apps.sandbox.metrics.promql.values import QueryError, Scalar, Text, Value, Vector, empty
from apps.sandbox.metrics.targets import Flags
from apps.sandbox.sim.draw import Floats, Ints


def aggregate(operator: str, *, vector: Vector, param: Value | None, names: tuple[str, ...], keep: bool) -> Vector:
    """`operator by/without (names) (param, vector)`; `keep` for by. Raises QueryError for one that is not known."""
    if not len(vector.labels):
        return empty(vector.values.shape[1])
    frame, place = vector.labels.grouped(names, keep=keep)
    if operator in ("topk", "bottomk"):
        return _top(vector, place=place, count=_number(param), largest=operator == "topk")
    if operator == "count_values":
        return _count_values(vector, frame=frame, place=place, label=param)
    order, starts = frame.derived(("order", id(place)), lambda: _order(place))
    values, present = vector.values[order], vector.present[order]
    counts = np.add.reduceat(present.astype(np.int64), starts, axis=0)
    if operator == "quantile":
        made = _quantiles(vector, place=place, groups=len(frame), q=_number(param))
    elif operator in _SIMPLE:
        made = _SIMPLE[operator](values, present, starts, counts)
    else:
        raise QueryError(f"the sandbox does not know the aggregation {operator!r}")
    return Vector(frame, made, counts > 0)


def _order(place: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(place, kind="stable")
    return order, np.flatnonzero(np.diff(place[order], prepend=-1))


def _sum(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return np.asarray(np.add.reduceat(np.where(present, values, 0.0), starts, axis=0))


def _avg(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return _sum(values, present, starts, counts) / np.maximum(counts, 1)


def _min(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return np.asarray(np.fmin.reduceat(np.where(present, values, np.nan), starts, axis=0))


def _max(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return np.asarray(np.fmax.reduceat(np.where(present, values, np.nan), starts, axis=0))


def _count(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return counts.astype(np.float64)


def _group(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return np.ones(counts.shape)


def _stdvar(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    mean = _avg(values, present, starts, counts)
    sizes = np.diff(np.append(starts, len(values)))
    spread = np.where(present, (values - np.repeat(mean, sizes, axis=0)) ** 2, 0.0)
    return np.add.reduceat(spread, starts, axis=0) / np.maximum(counts, 1)


def _stddev(values: Floats, present: Flags, starts: Ints, counts: Ints) -> Floats:
    return np.sqrt(_stdvar(values, present, starts, counts))


_SIMPLE: dict[str, Callable[[Floats, Flags, Ints, Ints], Floats]] = {
    "sum": _sum, "avg": _avg, "min": _min, "max": _max, "count": _count, "group": _group,
    "stdvar": _stdvar, "stddev": _stddev,
}  # fmt: skip


def _top(vector: Vector, *, place: Ints, count: float, largest: bool) -> Vector:
    """The `count` largest (or smallest) of each group keep their labels; NaN comes last either way."""
    kept = np.zeros_like(vector.present)
    limit = max(int(count), 0) if count == count else 0
    for moment in range(vector.values.shape[1]):
        here = np.flatnonzero(vector.present[:, moment])
        value = vector.values[here, moment]
        rank = np.where(np.isnan(value), np.inf, -value if largest else value)
        taken: dict[int, int] = {}
        for i in np.argsort(rank, kind="stable"):
            group = int(place[here[i]])
            if taken.get(group, 0) < limit:
                taken[group] = taken.get(group, 0) + 1
                kept[here[i], moment] = True
    last = vector.values[:, -1]
    order = np.lexsort((np.where(np.isnan(last), np.inf, -last if largest else last), place))
    return Vector(vector.labels, vector.values, kept, order)


def _count_values(vector: Vector, *, frame: LabelFrame, place: Ints, label: Value | None) -> Vector:
    if not isinstance(label, Text):
        raise QueryError("count_values needs a label name")
    counts: dict[tuple[int, str], Floats] = {}
    for row, moment in np.argwhere(vector.present):
        key = (int(place[row]), format_value(float(vector.values[row, moment])))
        counts.setdefault(key, np.zeros(vector.values.shape[1]))[moment] += 1
    sets = [{**frame.sets[group], label.value: text} for group, text in counts]
    made = np.asarray(list(counts.values())).reshape(len(sets), vector.values.shape[1])
    return Vector(LabelFrame(sets), made, made > 0)


def _quantiles(vector: Vector, *, place: Ints, groups: int, q: float) -> Floats:
    out = np.full((groups, vector.values.shape[1]), np.nan)
    for group in range(groups):
        rows = np.flatnonzero(place == group)
        for moment in range(out.shape[1]):
            out[group, moment] = quantile(vector.values[rows, moment][vector.present[rows, moment]], q=q)
    return out


def quantile(values: Floats, *, q: float) -> float:
    """Prometheus's quantile: linear between the two nearest ranks; beyond 0 and 1 an infinity; NaN of nothing."""
    if not len(values) or q != q:
        return float("nan")
    if q < 0 or q > 1:
        return float("-inf") if q < 0 else float("inf")
    ranked = np.sort(values)
    rank = q * (len(ranked) - 1)
    low = max(0, int(rank))
    high = min(len(ranked) - 1, low + 1)
    weight = rank - int(rank)
    return float(ranked[low] * (1 - weight) + ranked[high] * weight)


def format_value(value: float) -> str:
    """A number as Prometheus writes it: the shortest digits that read back, exponents only beyond 1e21 and 1e-6."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = repr(value)
        text = np.format_float_positional(value, trim="-") if "e" in text else text
        return text.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    sign, digits = exponent[0], exponent.lstrip("+-").zfill(2)
    return f"{mantissa.removesuffix('.0')}e{sign if sign == '-' else '+'}{digits}"


def _number(param: Value | None) -> float:
    if not isinstance(param, Scalar):
        raise QueryError("expected a scalar parameter")
    return float(param.values[0])
