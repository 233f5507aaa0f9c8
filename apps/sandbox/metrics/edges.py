"""What rate, increase and their kin need of a window, in closed form: no sample is written out where none has to be.

A counter that counts the request log only rises while nothing happens to its target. So within a quiet span the first
and the last sample tell everything, and where a series begins inside the span is found by bisection. Spans end where a
target restarts, fails, comes or goes, or Prometheus itself is away; the pieces are then joined. Other series (gauges,
counters that may vanish) are written out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from apps.sandbox.metrics.families import Family
from apps.sandbox.metrics.registry import Part, Selection
from apps.sandbox.metrics.samples import Window, previous, window_of
from apps.sandbox.metrics.targets import Targets
from apps.sandbox.sim.draw import Floats, Ints


@dataclass(frozen=True, slots=True)
class Edges:
    """Of each series in a window: how many samples, the first and the last with their times, how much a counter rose
    between them (resets reckoned in), and how often it fell. Where `count` is 0 the rest means nothing."""

    count: Ints
    first_at: Ints
    last_at: Ints
    first: Floats
    last: Floats
    rise: Floats
    falls: Ints


_KEPT = 4
_NAMES = tuple(one.name for one in fields(Edges))


def edges(selection: Selection, *, targets: Targets, start: int, end: int) -> Edges:
    """The `Edges` of each series over [start, end]; the last few answers are kept, for queries often share a window."""
    key = (start, end, selection.version())
    if key not in selection.memo:
        if len(selection.memo) >= _KEPT:
            selection.memo.clear()
        selection.memo[key] = _edges(selection, targets=targets, start=start, end=end)
    found = selection.memo[key]
    if not isinstance(found, Edges):
        raise TypeError("a memo holds Edges")
    return found


def _edges(selection: Selection, *, targets: Targets, start: int, end: int) -> Edges:
    pieces = [_edges_of(part, targets=targets, start=start, end=end) for part in selection.parts]
    if not pieces:
        return _none(0)
    return pieces[0] if len(pieces) == 1 else _joined(pieces)


def of_window(found: Window) -> Edges:
    """The same from samples that are written out."""
    rows, width = found.valid.shape
    if not width:
        return _none(rows)
    every = np.arange(rows)
    first = found.valid.argmax(axis=1)
    last = width - 1 - found.valid[:, ::-1].argmax(axis=1)
    first_value, last_value = found.values[every, first], found.values[every, last]
    before, has_before = previous(found)
    fell = found.valid & has_before & (found.values < before)
    rise = last_value - first_value + np.where(fell, before, 0.0).sum(axis=1)
    return Edges(
        found.valid.sum(axis=1), found.at[every, first], found.at[every, last], first_value, last_value, rise,
        fell.sum(axis=1),
    )  # fmt: skip


def _edges_of(part: Part, *, targets: Targets, start: int, end: int) -> Edges:
    if not part.family.only_rises:
        return of_window(window_of(part, targets=targets, start=start, end=end))
    interval, offset = targets.interval_ms, targets.offsets()[part.targets]
    first_at = -((offset - start) // interval) * interval + offset
    last_at = (end - offset) // interval * interval + offset
    quiet = targets.quiet(part.targets, after=first_at, until=last_at) & (first_at <= last_at)
    out = _none(len(part.rows))
    calm = np.flatnonzero(quiet)
    if len(calm):
        made = _quiet(part.family, part.rows[calm], first_at=first_at[calm], last_at=last_at[calm], interval=interval)
        _put(out, calm, made)
    for target in np.unique(part.targets[~quiet]).tolist():
        place = np.flatnonzero((part.targets == target) & ~quiet)
        for span in targets.calm_spans(target, start=start, end=end):
            piece = _piece(part.family, part.rows[place], targets=targets, target=target, span=span)
            _put(out, place, _appended(_take(out, place), piece))
    return out


def _piece(family: Family, rows: Ints, *, targets: Targets, target: int, span: tuple[int, int]) -> Edges:
    interval, offset = targets.interval_ms, int(targets.offsets()[target])
    first = -((offset - span[0]) // interval) * interval + offset
    last = (span[1] - offset) // interval * interval + offset
    if first > last:
        return _none(len(rows))
    return _quiet(family, rows, first_at=np.full(len(rows), first), last_at=np.full(len(rows), last), interval=interval)


def _quiet(family: Family, rows: Ints, *, first_at: Ints, last_at: Ints, interval: int) -> Edges:
    """Between two scrapes with nothing in between: a series is there from some scrape on, and only rises."""
    values, exposed = family.values(rows, at=np.stack([first_at, last_at], axis=1))
    there = exposed[:, 1]
    first, first_value = first_at.copy(), values[:, 0].copy()
    late = np.flatnonzero(there & ~exposed[:, 0])
    if len(late):
        first[late] = _begin(family, rows[late], low=first_at[late], high=last_at[late], interval=interval)
        first_value[late] = family.values(rows[late], at=first[late])[0]
    count = np.where(there, (last_at - first) // interval + 1, 0)
    zeros = np.zeros(len(rows), dtype=np.int64)
    return Edges(count, first, last_at.copy(), first_value, values[:, 1], values[:, 1] - first_value, zeros)


def _begin(family: Family, rows: Ints, *, low: Ints, high: Ints, interval: int) -> Ints:
    """The first scrape at which each series is exposed: not at `low`, but at `high`."""
    absent, there = np.zeros(len(rows), dtype=np.int64), (high - low) // interval
    while (there - absent > 1).any():
        middle = (absent + there) // 2
        _, exposed = family.values(rows, at=low + middle * interval)
        there, absent = np.where(exposed, middle, there), np.where(exposed, absent, middle)
    return np.asarray(low + there * interval)


def _appended(head: Edges, tail: Edges) -> Edges:
    """Two spans of the same series, one after the other."""
    no_head, no_tail = head.count == 0, tail.count == 0
    both = ~no_head & ~no_tail
    fell = both & (tail.first < head.last)
    step = np.where(fell, tail.first, tail.first - head.last)
    rise = np.where(no_head, 0.0, head.rise) + np.where(no_tail, 0.0, tail.rise) + np.where(both, step, 0.0)
    return Edges(
        head.count + tail.count,
        np.where(no_head, tail.first_at, head.first_at),
        np.where(no_tail, head.last_at, tail.last_at),
        np.where(no_head, tail.first, head.first),
        np.where(no_tail, head.last, tail.last),
        rise,
        head.falls + tail.falls + fell,
    )


def _take(found: Edges, place: Ints) -> Edges:
    return Edges(*(getattr(found, name)[place] for name in _NAMES))


def _put(found: Edges, place: Ints, new: Edges) -> None:
    for name in _NAMES:
        getattr(found, name)[place] = getattr(new, name)


def _joined(pieces: list[Edges]) -> Edges:
    return Edges(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in _NAMES))


def _none(rows: int) -> Edges:
    ints, floats = [np.zeros(rows, dtype=np.int64) for _ in range(4)], [np.zeros(rows) for _ in range(3)]
    return Edges(ints[0], ints[1], ints[2], floats[0], floats[1], floats[2], ints[3])
