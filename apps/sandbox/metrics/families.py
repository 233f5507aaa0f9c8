"""Every metric's series and their values as functions of time. No sample is stored; a scrape is a function call.

Family          name, type, help, and the exposed labels and target of each series
├── Counted     requests of the log, since the process started: the ingress controllers and meshes
├── Stepped     gauges that hold until they change: kube-state-metrics
└── Computed    anything else as a function of (rows, moments): usage, process start times
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

import numpy as np

from apps.sandbox.metrics.labels import NAME, LabelSet
from apps.sandbox.metrics.targets import Flags, Target, Targets
from apps.sandbox.sim.draw import Floats, Ints
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.timeline import NEVER, Timelines

ALL, SERVED, REFUSED = 0, 1, 2
_ALWAYS = np.iinfo(np.int64).min


class Family:
    """One metric. `meta` families (up, ...) are written by Prometheus itself, also when a scrape fails."""

    def __init__(self, name: str, *, kind: str, help_text: str, targets: Targets, meta: bool = False) -> None:
        self.name, self.kind, self.help, self.meta = name, kind, help_text, meta
        self.only_rises = False  # while its target is quiet; see `edges`
        self.targets = targets
        self.exposed: list[Mapping[str, str]] = []
        self.generation = 0
        self._target_rows: list[int] = []
        self._target_array: Ints = np.zeros(0, dtype=np.int64)
        self._scraped: list[LabelSet] = []

    def __len__(self) -> int:
        return len(self.exposed)

    def _add(self, exposed: Mapping[str, str], target: Target) -> int:
        self.exposed.append(exposed)
        self._target_rows.append(target.row)
        self.generation += 1
        return len(self.exposed) - 1

    def target_rows(self) -> Ints:
        """The target of each series."""
        if len(self._target_array) < len(self._target_rows):
            self._target_array = np.asarray(self._target_rows, dtype=np.int64)
        return self._target_array

    def label_sets(self) -> list[LabelSet]:
        """The labels of each series as Prometheus holds them."""
        for i in range(len(self._scraped), len(self.exposed)):
            labels = self.targets.all[self._target_rows[i]].scraped_labels(self.exposed[i])
            self._scraped.append({NAME: self.name} | {k: v for k, v in labels.items() if v})
        return self._scraped

    def version(self) -> tuple[int, ...]:
        """Changes whenever a value may have changed in retrospect or a series was added."""
        return (self.generation, self.targets.version)

    def values(self, rows: Ints, *, at: Ints) -> tuple[Floats, Flags]:
        """(value, exposed) of each series at moments `at`, [n] or [n, k]."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Share:
    """What a series counts of the log: one row of the demand, while this process was the one to serve it.

    `part` is ALL of it, what was SERVED, or what was REFUSED because no pod was ready.
    """

    demand_row: int
    start_ms: int = _ALWAYS
    end_ms: int = NEVER
    part: int = ALL


class Counted(Family):
    """Requests counted since the process started. A series is exposed from its first request on (a client library
    makes a label set when it is first used), or from the start with `zero_visible` (Envoy)."""

    def __init__(
        self, name: str, *, help_text: str, targets: Targets, served: Served, zero_visible: bool = False
    ) -> None:
        super().__init__(name, kind="counter", help_text=help_text, targets=targets)
        self.only_rises = True
        self._served = served
        self._zero_visible = zero_visible
        self._shares: list[list[Share]] = []
        self._row_of: dict[object, int] = {}
        self._shares_version = 0
        self._table: tuple[Ints, Ints, Ints, Ints] | None = None

    def add(self, exposed: Mapping[str, str], *, target: Target, shares: list[Share]) -> int:
        """A series, or more shares for the one that has these labels on this target already."""
        key = (target.row, tuple(sorted(exposed.items())))
        self._table = None
        self._shares_version += 1
        row = self._row_of.get(key)
        if row is None:
            row = self._row_of[key] = self._add(exposed, target)
            self._shares.append([])
        self._shares[row] += shares
        return row

    def version(self) -> tuple[int, ...]:
        return (*super().version(), self._shares_version, self._served.version, self._served.demand.version)

    def end_shares(self, target: Target, *, at_ms: int, demand_rows: Container[int] | None = None) -> None:
        """The open shares of the series on this target end; all of them, or those of some demand rows."""
        for row in np.flatnonzero(self.target_rows() == target.row).tolist():
            self._shares[row] = [
                replace(share, end_ms=at_ms)
                if share.end_ms == NEVER and (demand_rows is None or share.demand_row in demand_rows) else share
                for share in self._shares[row]
            ]  # fmt: skip
        self._table = None
        self._shares_version += 1

    def values(self, rows: Ints, *, at: Ints) -> tuple[Floats, Flags]:
        demand, start, end, part = self._tabulated()
        base = self.targets.bases(_lift(self.target_rows()[rows], at), at=at)
        total = np.zeros(at.shape, dtype=np.int64)
        for column in range(demand.shape[1]):
            chosen = np.flatnonzero(demand[rows, column] >= 0)
            if len(chosen):
                picked = rows[chosen]
                low, high = _lift(start[picked, column], at), _lift(end[picked, column], at)
                until = np.minimum(np.maximum(at[chosen], low), high)
                since = np.minimum(np.maximum(base[chosen], low), until)
                total[chosen] += self._between(demand[picked, column], part[picked, column], since=since, until=until)
        exposed = (base < NEVER) & ((total > 0) | self._zero_visible)
        return total.astype(np.float64), exposed

    def _between(self, demand_rows: Ints, part: Ints, *, since: Ints, until: Ints) -> Ints:
        served_then, all_then = self._served.counts(demand_rows, at=since)
        served_now, all_now = self._served.counts(demand_rows, at=until)
        served, everything = served_now - served_then, all_now - all_then
        choice = _lift(part, until)
        return np.where(choice == ALL, everything, np.where(choice == SERVED, served, everything - served))

    def _tabulated(self) -> tuple[Ints, Ints, Ints, Ints]:
        if self._table is None:
            width = max((len(shares) for shares in self._shares), default=1) or 1
            shape = (len(self._shares), width)
            demand = np.full(shape, -1, dtype=np.int64)
            start, end, part = (np.zeros(shape, dtype=np.int64) for _ in range(3))
            for i, shares in enumerate(self._shares):
                for j, share in enumerate(shares):
                    demand[i, j], start[i, j], end[i, j] = share.demand_row, share.start_ms, share.end_ms
                    part[i, j] = share.part
            self._table = demand, start, end, part
        return self._table


class Stepped(Family):
    """Gauges that hold their value until told otherwise. NaN means the series is not exposed from then on."""

    def __init__(self, name: str, *, help_text: str, targets: Targets) -> None:
        super().__init__(name, kind="gauge", help_text=help_text, targets=targets)
        self._steps = Timelines()
        self._writes = 0
        self._row_of: dict[object, int] = {}

    def set(self, key: object, *, exposed: Mapping[str, str], target: Target, value: float, at_ms: int) -> None:
        """The series known by `key` (its labels never change) has this value from `at_ms` on."""
        row = self._row_of.get(key)
        if row is None:
            row = self._row_of[key] = self._add(exposed, target)
            self._steps.add_row()
        self._write(row, value=value, at_ms=at_ms)

    def drop(self, key: object, *, at_ms: int) -> None:
        """The series is exposed no more."""
        row = self._row_of.get(key)
        if row is not None:
            self._write(row, value=np.nan, at_ms=at_ms)

    def values(self, rows: Ints, *, at: Ints) -> tuple[Floats, Flags]:
        lifted = _lift(rows, at)
        found = self._steps.value_of(lifted, index=self._steps.index(lifted, at=at), default=np.nan)
        return found, ~np.isnan(found)

    def version(self) -> tuple[int, ...]:
        return (*super().version(), self._writes)

    def _write(self, row: int, *, value: float, at_ms: int) -> None:
        self._writes += 1
        moments = self._steps.moments(row) if self._steps.length(row) else []
        if not moments or not _same(moments[-1][1], value):
            self._steps.append(row, at=max(at_ms, moments[-1][0] if moments else at_ms), value=value)


class Computed(Family):
    """Values by a function of (rows, moments) that gives (value, exposed)."""

    def __init__(
        self, name: str, *, kind: str, help_text: str, targets: Targets,
        function: Callable[[Ints, Ints], tuple[Floats, Flags]], meta: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, kind=kind, help_text=help_text, targets=targets, meta=meta)
        self._function = function
        self._asked = 0

    def add(self, exposed: Mapping[str, str], *, target: Target) -> int:
        """A series; returns the row that the function will be asked about."""
        return self._add(exposed, target)

    def version(self) -> tuple[int, ...]:
        self._asked += 1  # its values may depend on anything, so nothing about it is kept
        return (*super().version(), self._asked)

    def values(self, rows: Ints, *, at: Ints) -> tuple[Floats, Flags]:
        return self._function(rows, at)


def _lift(rows: Ints, like: Ints) -> Ints:
    """`rows` shaped so that it broadcasts against moments [n] or [n, k]."""
    return rows if like.ndim == 1 else rows[:, None]


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)
