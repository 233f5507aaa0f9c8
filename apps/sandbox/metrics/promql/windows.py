"""Functions of a range of samples, each from all series of one window at once.

`rate`, `increase` and `delta` follow extrapolatedRate of Prometheus 2.42 (promql/functions.go): extend to the borders
of the window when the first and last sample lie near them, never below zero for a counter, else by half an interval.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from apps.sandbox.metrics.edges import Edges
from apps.sandbox.metrics.promql.aggregation import quantile
from apps.sandbox.metrics.samples import Window, previous
from apps.sandbox.metrics.targets import Flags
from apps.sandbox.sim.draw import Floats

Result = tuple[Floats, Flags]

# name -> (is it a counter function, is it per second)
EXTRAPOLATED = {"rate": (True, True), "increase": (True, False), "delta": (False, False)}


def extrapolated(edges: Edges, *, start: int, end: int, counter: bool, per_second: bool) -> Result:
    """rate, increase or delta over [start, end] ms."""
    enough = edges.count >= 2
    sampled = np.where(enough, (edges.last_at - edges.first_at) / 1000.0, 1.0)
    to_start = (edges.first_at - start) / 1000.0
    to_end = (end - edges.last_at) / 1000.0
    between = sampled / np.maximum(edges.count - 1, 1)
    change = edges.rise if counter else edges.last - edges.first
    if counter:
        rising = enough & (change > 0) & (edges.first >= 0)
        to_zero = sampled * np.divide(edges.first, np.where(rising, change, 1.0))
        to_start = np.where(rising & (to_zero < to_start), to_zero, to_start)
    threshold = between * 1.1
    covered = sampled + np.where(to_start < threshold, to_start, between / 2)
    covered = covered + np.where(to_end < threshold, to_end, between / 2)
    factor = covered / sampled
    if per_second:
        factor = factor / ((end - start) / 1000.0)
    return change * factor, enough


# What needs no more of a window than its Edges.
OF_EDGES: dict[str, Callable[[Edges], Floats]] = {
    "last_over_time": lambda found: found.last,
    "count_over_time": lambda found: found.count.astype(np.float64),
    "present_over_time": lambda found: np.ones(len(found.count)),
    "resets": lambda found: found.falls.astype(np.float64),
}


def of_edges(name: str, *, edges: Edges, start: int, end: int) -> Result:
    """The function `name`, one of OF_EDGES or EXTRAPOLATED, over [start, end] ms."""
    if name in EXTRAPOLATED:
        counter, per_second = EXTRAPOLATED[name]
        return extrapolated(edges, start=start, end=end, counter=counter, per_second=per_second)
    return OF_EDGES[name](edges), edges.count > 0


def _counted(made: Floats, found: Window) -> Result:
    return made, np.asarray(found.valid.any(axis=1))


def _masked(found: Window, fill: float) -> Floats:
    return np.where(found.valid, found.values, fill)


def _sum(found: Window) -> Result:
    return _counted(_masked(found, 0.0).sum(axis=1), found)


def _avg(found: Window) -> Result:
    return _counted(_masked(found, 0.0).sum(axis=1) / np.maximum(found.valid.sum(axis=1), 1), found)


def _min(found: Window) -> Result:
    return _counted(np.fmin.reduce(_masked(found, np.nan), axis=1, initial=np.nan), found)


def _max(found: Window) -> Result:
    return _counted(np.fmax.reduce(_masked(found, np.nan), axis=1, initial=np.nan), found)


def _stdvar(found: Window) -> Result:
    mean, _ = _avg(found)
    spread = np.where(found.valid, (found.values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return _counted(spread / np.maximum(found.valid.sum(axis=1), 1), found)


def _stddev(found: Window) -> Result:
    made, present = _stdvar(found)
    return np.sqrt(made), present


def _changes(found: Window) -> Result:
    before, has_before = previous(found)
    same = (found.values == before) | (np.isnan(found.values) & np.isnan(before))
    return _counted((found.valid & has_before & ~same).sum(axis=1).astype(np.float64), found)


def _instant(found: Window, *, per_second: bool) -> Result:
    """irate and idelta: from the last two samples."""
    rows, width = found.valid.shape
    if width < 2:
        return np.zeros(rows), np.zeros(rows, dtype=bool)
    every = np.arange(rows)
    last = width - 1 - found.valid[:, ::-1].argmax(axis=1)
    rest = found.valid.copy()
    rest[every, last] = False
    before = width - 1 - rest[:, ::-1].argmax(axis=1)
    enough = found.valid.sum(axis=1) >= 2
    new, old = found.values[every, last], found.values[every, before]
    made = np.where(per_second & (new < old), new, new - old)
    seconds = (found.at[every, last] - found.at[every, before]) / 1000.0
    return (made / np.where(enough, seconds, 1.0) if per_second else made), enough


def regression(found: Window, *, at_ms: int | None) -> tuple[Floats, Floats, Flags]:
    """(slope per second, value at `at_ms`, enough samples) of the least-squares line; None: the first sample."""
    count = np.maximum(found.valid.sum(axis=1), 1)
    first = found.at[np.arange(len(count)), found.valid.argmax(axis=1)] if found.valid.size else np.zeros(len(count))
    origin = first if at_ms is None else np.full(len(count), at_ms)
    x = np.where(found.valid, (found.at - origin[:, None]) / 1000.0, 0.0)
    y = _masked(found, 0.0)
    mean_x, mean_y = x.sum(axis=1) / count, y.sum(axis=1) / count
    covariance = (x * y).sum(axis=1) - count * mean_x * mean_y
    variance = (x * x).sum(axis=1) - count * mean_x**2
    slope = np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance != 0)
    return slope, mean_y - slope * mean_x, found.valid.sum(axis=1) >= 2


def _deriv(found: Window) -> Result:
    slope, _, enough = regression(found, at_ms=None)
    return slope, enough


WINDOWED: dict[str, Callable[[Window], Result]] = {
    "sum_over_time": _sum, "avg_over_time": _avg, "min_over_time": _min, "max_over_time": _max,
    "stdvar_over_time": _stdvar, "stddev_over_time": _stddev, "changes": _changes, "deriv": _deriv,
    "irate": lambda found: _instant(found, per_second=True),
    "idelta": lambda found: _instant(found, per_second=False),
}  # fmt: skip


def quantile_over_time(found: Window, *, q: float) -> Result:
    """The q-quantile of each series' samples."""
    made = [quantile(values[valid], q=q) for values, valid in zip(found.values, found.valid, strict=True)]
    return _counted(np.asarray(made), found)


def predict_linear(found: Window, *, seconds: float, at_ms: int) -> Result:
    """The line through the samples, `seconds` after the evaluation."""
    slope, value, enough = regression(found, at_ms=at_ms)
    return value + slope * seconds, enough
