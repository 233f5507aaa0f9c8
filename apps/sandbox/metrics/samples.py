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
    pieces = [window_of(part, targets=targets, start=start, end=end) for part in selection.parts]
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


def window_of(part: Part, *, targets: Targets, start: int, end: int) -> Window:
    at, inside = ticks(part.targets, targets=targets, start=start, end=end)
    state = targets.state(part.targets[:, None], at=at)
    values, exposed = part.family.values(part.rows, at=at)
    kept = (state == UP) | ((state == DOWN) & part.family.meta)
    return Window(start, end, at, values, kept & exposed & inside)


def previous(found: Window) -> tuple[Floats, Flags]:
    """(the value of the valid sample before each sample, whether there is one)."""
    rows, width = found.valid.shape
    place = np.where(found.valid, np.arange(width)[None, :], -1)
    carried = np.maximum.accumulate(place, axis=1)
    before = np.hstack([np.full((rows, 1), -1, dtype=np.int64), carried[:, :-1]])
    return np.take_along_axis(found.values, np.maximum(before, 0), axis=1), before >= 0


def ticks(rows: Ints, *, targets: Targets, start: int, end: int) -> tuple[Ints, Flags]:
    interval, offset = targets.interval_ms, targets.offsets()[rows][:, None]
    first = -((offset - start) // interval) * interval + offset
    width = max((end - start) // interval + 1, 0)
    at = first + interval * np.arange(width)[None, :]
    return at, at <= end
