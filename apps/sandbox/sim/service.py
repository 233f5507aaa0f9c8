"""Which requests found a ready pod: the split of each row's requests into served and turned away, exactly.

For every change between awake and asleep the counts so far are kept, so a count at any moment is two lookups.
"""

from __future__ import annotations

import numpy as np

from apps.sandbox.sim.draw import Ints
from apps.sandbox.sim.timeline import Timelines
from apps.sandbox.sim.traffic import Demand

AWAKE, ASLEEP = 1, 0


class Served:
    """Awake and asleep times per workload over one `Demand`. A workload nobody spoke of has always been awake."""

    def __init__(self, demand: Demand) -> None:
        self.demand = demand
        self.version = 0
        self._changes = Timelines()
        self._row_of: dict[str, int] = {}
        self._workload_row: Ints = np.zeros(0, dtype=np.int64)
        self._marks = np.zeros((0, 1, 2), dtype=np.int64)  # [demand row, change, (served, all)]

    def set_awake(self, workload: str, *, awake: bool, at_ms: int) -> None:
        """Record a change; saying what already holds changes nothing."""
        row = self._row(workload)
        if self.is_awake(workload) == awake:
            return
        demand_rows = np.asarray(self.demand.rows_of.get(workload, []), dtype=np.int64)
        change = self._changes.length(row)
        if len(demand_rows):
            moment = np.full(len(demand_rows), at_ms)
            served, everything = self.counts(demand_rows, at=moment)
            self._make_room(change)
            self._marks[demand_rows, change, 0] = served
            self._marks[demand_rows, change, 1] = everything
        self._changes.append(row, at=at_ms, value=AWAKE if awake else ASLEEP)
        self.version += 1

    def is_awake(self, workload: str) -> bool:
        """Whether its pods serve since the last change."""
        moments = self._changes.moments(self._row(workload))
        return not moments or moments[-1][1] == AWAKE

    def moments(self) -> dict[str, list[tuple[int, float]]]:
        """Every change so far, as (ms, 1 for awake or 0): what `set_awake` needs to be told to get here again."""
        return {workload: self._changes.moments(row) for workload, row in self._row_of.items()}

    def asleep_intervals(self, workload: str, *, until_ms: int) -> list[tuple[int, int]]:
        """The (start, end) of each time asleep, in ms; the last one ends at `until_ms` when it lasts."""
        found: list[tuple[int, int]] = []
        start: int | None = None
        for moment, value in self._changes.moments(self._row(workload)):
            if value == ASLEEP:
                start = moment
            elif start is not None:
                found.append((start, moment))
                start = None
        return found if start is None else [*found, (start, until_ms)]

    def counts(self, rows: Ints, *, at: Ints) -> tuple[Ints, Ints]:
        """(served, all) requests of each demand row up to and including `at`; shapes as in `Demand.count`."""
        total = self.demand.count(rows, at=at)
        self._make_room(0)
        places = rows if at.ndim == 1 else rows[:, None]
        workload = self._workload_row[places]
        if self._changes.rows == 0:
            return total, total
        index = np.where(workload < 0, -1, self._changes.index(np.maximum(workload, 0), at=at))
        awake = self._changes.value_of(np.maximum(workload, 0), index=index, default=AWAKE).astype(np.int64)
        column = np.maximum(index, 0)
        mark_served = np.where(index < 0, 0, self._marks[places, column, 0])
        mark_all = np.where(index < 0, 0, self._marks[places, column, 1])
        return mark_served + awake * (total - mark_all), total

    def _row(self, workload: str) -> int:
        row = self._row_of.get(workload)
        if row is None:
            row = self._row_of[workload] = self._changes.add_row()
            self._make_room(0)
            self._workload_row[self.demand.rows_of.get(workload, [])] = row
        return row

    def _make_room(self, change: int) -> None:
        rows = len(self.demand.sources) * self.demand.lanes
        known = len(self._workload_row)
        if rows > known:
            fresh = [self._row_of.get(self.demand.row_source(row)[0].workload, -1) for row in range(known, rows)]
            self._workload_row = np.append(self._workload_row, np.asarray(fresh, dtype=np.int64))
            pad = np.zeros((rows - known, *self._marks.shape[1:]), dtype=np.int64)
            self._marks = np.concatenate([self._marks, pad])
        if change >= self._marks.shape[1]:
            self._marks = np.concatenate([self._marks, np.zeros_like(self._marks)], axis=1)
