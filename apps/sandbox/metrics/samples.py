"""What the scrapes would have kept, read at query time: the latest sample of a series, or a window of them.

Scrape k of a target happens at offset + k x interval. Rules of Prometheus 2.42, which realises them in its storage:
a failed scrape and a vanished series leave a stale marker, after which an instant query finds nothing; while Prometheus
itself is away nothing is marked and the last sample is found for 5 minutes. Windows are closed at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.sandbox.metrics.registry import Part, Selection
from apps.sandbox.metrics.targets import DOWN, GAP, LOOKBACK_MS, UP, Flags, Targets
from apps.sandbox.sim.draw import Floats, Ints


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest sample of each series at each moment, [series, moments]; `at` is the sample's own time, in ms."""

    values: Floats
    present: Flags
    at: Ints


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of each series between `start` and `end` (ms): [series, k], where `valid`, oldest first."""

    start: int
    end: int
    at: Ints
    values: Floats
    valid: Flags


@dataclass(frozen=True, slots=True)
class Edges:
    """Of each series in a window: how many samples, the first and the last, and the sum of increases between them.

    What rate, increase and their kin need, in closed form where nothing happened to the target in between.
    """

    count: Ints
    first_at: Ints
    last_at: Ints
    first: Floats
    last: Floats
    increase: Floats


def latest(selection: Selection, *, targets: Targets, moments: Ints) -> Latest:
    """The instant vector of a selection at each moment."""
    shape = (len(selection.labels), len(moments))
    out = Latest(np.zeros(shape), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64))
    row = 0
    for part in selection.parts:
        span = slice(row, row + len(part.rows))
        _latest_of(part, targets=targets, moments=moments, out=out, span=span)
        row += len(part.rows)
    return out


def _latest_of(part: Part, *, targets: Targets, moments: Ints, out: Latest, span: slice) -> None:
    interval = targets.interval_ms
    offset = targets.offsets()[part.targets][:, None]
    at = (moments[None, :] - offset) // interval * interval + offset
    state = targets.state(part.targets[:, None], at=at)
    for _ in range(LOOKBACK_MS // interval):
        gap = state == GAP
        if not gap.any():
            break
        at = np.where(gap, at - interval, at)
        state = targets.state(part.targets[:, None], at=at)
    values, exposed = part.family.values(part.rows, at=at)
    kept = (state == UP) & exposed if not part.family.meta else ((state == UP) | (state == DOWN)) & exposed
    out.values[span], out.at[span] = values, at
    out.present[span] = kept & (at >= moments[None, :] - LOOKBACK_MS)


def window(selection: Selection, *, targets: Targets, start: int, end: int) -> Window:
    """All samples of a selection in [start, end]."""
    pieces = [_window_of(part, targets=targets, start=start, end=end) for part in selection.parts]
    width = max((piece.at.shape[1] for piece in pieces), default=0)
    total = len(selection.labels)
    out = Window(
        start, end, np.zeros((total, width), dtype=np.int64), np.zeros((total, width)),
        np.zeros((total, width), dtype=bool),
    )  # fmt: skip
    row = 0
    for piece in pieces:
        span = (slice(row, row + len(piece.at)), slice(0, piece.at.shape[1]))
        out.at[span], out.values[span], out.valid[span] = piece.at, piece.values, piece.valid
        row += len(piece.at)
    return out


def _window_of(part: Part, *, targets: Targets, start: int, end: int) -> Window:
    at, inside = _ticks(part.targets, targets=targets, start=start, end=end)
    state = targets.state(part.targets[:, None], at=at)
    values, exposed = part.family.values(part.rows, at=at)
    kept = (state == UP) | ((state == DOWN) & part.family.meta)
    return Window(start, end, at, values, kept & exposed & inside)


def edges(selection: Selection, *, targets: Targets, start: int, end: int, counter: bool) -> Edges:
    """The `Edges` of each series over [start, end]; with `counter` off, `increase` is last minus first."""
    pieces = [_edges_of(part, targets=targets, start=start, end=end, counter=counter) for part in selection.parts]
    if not pieces:
        return _no_edges(0)
    return pieces[0] if len(pieces) == 1 else _stack(pieces)


def _edges_of(part: Part, *, targets: Targets, start: int, end: int, counter: bool) -> Edges:
    """Counters of targets to which nothing happened need two samples; for the rest the window is written out."""
    if part.family.kind != "counter":
        return edges_of_window(_window_of(part, targets=targets, start=start, end=end), counter=counter)
    interval, offset = targets.interval_ms, targets.offsets()[part.targets]
    first_at = -((offset - start) // interval) * interval + offset
    last_at = (end - offset) // interval * interval + offset
    values, exposed = part.family.values(part.rows, at=np.stack([first_at, last_at], axis=1))
    quiet = targets.quiet(part.targets, after=first_at, until=last_at) & (first_at <= last_at)
    whole = quiet & exposed[:, 0] & exposed[:, 1]
    empty = quiet & ~exposed[:, 1]
    count = np.where(whole, (last_at - first_at) // interval + 1, 0)
    out = Edges(count, first_at, last_at, values[:, 0], values[:, 1], values[:, 1] - values[:, 0])
    odd = np.flatnonzero(~(whole | empty))
    if len(odd):
        some = Part(part.family, part.rows[odd], part.targets[odd])
        exact = edges_of_window(_window_of(some, targets=targets, start=start, end=end), counter=counter)
        for name in ("count", "first_at", "last_at", "first", "last", "increase"):
            getattr(out, name)[odd] = getattr(exact, name)
    return out


def edges_of_window(found: Window, *, counter: bool) -> Edges:
    """The same from samples that are written out."""
    rows, width = found.valid.shape
    if not width:
        return _no_edges(rows)
    every = np.arange(rows)
    first = found.valid.argmax(axis=1)
    last = width - 1 - found.valid[:, ::-1].argmax(axis=1)
    first_value, last_value = found.values[every, first], found.values[every, last]
    increase = last_value - first_value
    if counter:
        before, has_before = previous(found)
        fell = found.valid & has_before & (found.values < before)
        increase = increase + np.where(fell, before, 0.0).sum(axis=1)
    return Edges(
        found.valid.sum(axis=1), found.at[every, first], found.at[every, last], first_value, last_value, increase
    )


def previous(found: Window) -> tuple[Floats, Flags]:
    """(the value of the valid sample before each sample, whether there is one)."""
    rows, width = found.valid.shape
    place = np.where(found.valid, np.arange(width)[None, :], -1)
    carried = np.maximum.accumulate(place, axis=1)
    before = np.hstack([np.full((rows, 1), -1, dtype=np.int64), carried[:, :-1]])
    return np.take_along_axis(found.values, np.maximum(before, 0), axis=1), before >= 0


def _ticks(rows: Ints, *, targets: Targets, start: int, end: int) -> tuple[Ints, Flags]:
    interval, offset = targets.interval_ms, targets.offsets()[rows][:, None]
    first = -((offset - start) // interval) * interval + offset
    width = max((end - start) // interval + 1, 0)
    at = first + interval * np.arange(width)[None, :]
    return at, at <= end


def _no_edges(rows: int) -> Edges:
    ints, floats = np.zeros(rows, dtype=np.int64), np.zeros(rows)
    return Edges(ints, ints, ints, floats, floats, floats)


def _stack(pieces: list[Edges]) -> Edges:
    names = ("count", "first_at", "last_at", "first", "last", "increase")
    return Edges(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))
