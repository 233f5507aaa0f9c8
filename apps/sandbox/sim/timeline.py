"""Many short lists of moments, such that "the last one at or before t" is one numpy call for all of them."""

from __future__ import annotations

import numpy as np

from apps.sandbox.sim.draw import Floats, Ints

NEVER = np.iinfo(np.int64).max
_TIME_BITS = 42  # ms since the epoch until the year 2109; two million rows above them
_LATEST = (1 << _TIME_BITS) - 1


class Timelines:
    """Rows of ascending moments (ms). Each entry may carry a number."""

    def __init__(self) -> None:
        self._times = np.full((8, 4), NEVER, dtype=np.int64)
        self._values = np.zeros((8, 4))
        self._lengths = np.zeros(8, dtype=np.int64)
        self._flat: tuple[Ints, Ints] | None = None
        self.rows = 0

    def add_row(self) -> int:
        """A new, empty row; returns its number."""
        if self.rows == len(self._lengths):
            self._times = np.concatenate([self._times, np.full_like(self._times, NEVER)])
            self._values = np.concatenate([self._values, np.zeros_like(self._values)])
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        self.rows += 1
        self._flat = None
        return self.rows - 1

    def append(self, row: int, *, at: int, value: float = 0.0) -> None:
        """Add a moment at the end of a row; earlier than the row's last is a ValueError."""
        length = int(self._lengths[row])
        if length and self._times[row, length - 1] > at:
            raise ValueError("moments are added in order")
        if length == self._times.shape[1]:
            self._times = np.concatenate([self._times, np.full_like(self._times, NEVER)], axis=1)
            self._values = np.concatenate([self._values, np.zeros_like(self._values)], axis=1)
        self._times[row, length] = at
        self._values[row, length] = value
        self._lengths[row] = length + 1
        self._flat = None

    def insert(self, row: int, *, at: int, value: float = 0.0) -> None:
        """Add a moment anywhere in a row; after those at the same moment."""
        length = int(self._lengths[row])
        if not length or self._times[row, length - 1] <= at:
            self.append(row, at=at, value=value)
            return
        kept = [*self.moments(row), (at, value)]
        self._lengths[row] = 0
        self._times[row] = NEVER
        for moment, number in sorted(kept, key=lambda pair: pair[0]):
            self.append(row, at=moment, value=number)

    def length(self, row: int) -> int:
        """How many moments the row holds."""
        return int(self._lengths[row])

    def moments(self, row: int) -> list[tuple[int, float]]:
        """The row's (moment, value) pairs."""
        length = self.length(row)
        return list(zip(self._times[row, :length].tolist(), self._values[row, :length].tolist(), strict=True))

    def index(self, rows: Ints, *, at: Ints) -> Ints:
        """For each pair the number of the last moment at or before `at`; -1 when there is none."""
        keys, firsts = self._flattened()
        wanted = (rows << _TIME_BITS) + np.clip(at, 0, _LATEST)
        return np.searchsorted(keys, wanted, side="right") - firsts[rows] - 1

    def _flattened(self) -> tuple[Ints, Ints]:
        """All moments of all rows, ascending, (row, moment) packed into one integer; and where each row begins."""
        if self._flat is None:
            lengths = self._lengths[: self.rows]
            used = np.arange(self._times.shape[1])[None, :] < lengths[:, None]
            packed = (np.arange(self.rows) << _TIME_BITS)[:, None] + np.clip(self._times[: self.rows], 0, _LATEST)
            self._flat = packed[used], np.cumsum(lengths) - lengths
        return self._flat

    def time_of(self, rows: Ints, *, index: Ints) -> Ints:
        """The moments at these indexes; index -1 gives the smallest integer."""
        first = np.iinfo(np.int64).min
        return np.where(index < 0, first, self._times[rows, np.maximum(index, 0)])

    def value_of(self, rows: Ints, *, index: Ints, default: float = 0.0) -> Floats:
        """The numbers at these indexes; index -1 gives `default`."""
        return np.where(index < 0, default, self._values[rows, np.maximum(index, 0)])

    def any_between(self, rows: Ints, *, after: Ints, until: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether a moment lies in (after, until] for each row."""
        return np.asarray(self.index(rows, at=until) > self.index(rows, at=after))
