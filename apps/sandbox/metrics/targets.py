"""What is scraped: addresses, the moments they are scraped at, and everything that can go wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.sandbox.sim import draw
from apps.sandbox.sim.draw import Ints
from apps.sandbox.sim.timeline import NEVER, Timelines

SCRAPE_INTERVAL_MS = 30_000
LOOKBACK_MS = 300_000

# What a scrape moment left behind. ABSENT: the target was not known; GAP: Prometheus itself was not there.
UP, DOWN, ABSENT, GAP = 1, 0, -1, 2

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Target:
    """One scraped address. `labels` hold job, instance and what service discovery adds.

    `row` numbers it; `offset_ms` is where in the interval it is scraped. With `honor_labels` off, an exposed label
    that a target label also names is kept as `exported_NAME`, as Prometheus does.
    """

    row: int
    labels: Mapping[str, str]
    offset_ms: int
    honor_labels: bool = False
    path: str = "/metrics"

    @property
    def job(self) -> str:
        return self.labels["job"]

    @property
    def name(self) -> str:
        """What names it in URLs: the pod, else the instance."""
        return self.labels.get("pod") or self.labels["instance"]

    def scraped_labels(self, exposed: Mapping[str, str]) -> dict[str, str]:
        """The labels a series ends up with in Prometheus."""
        if self.honor_labels:
            return {**self.labels, **exposed}
        kept = {(f"exported_{name}" if name in self.labels else name): value for name, value in exposed.items()}
        return {**kept, **self.labels}


@dataclass
class Targets:
    """All targets of one cluster, with their levers. Times are ms; spans are [start, end)."""

    seed: int
    interval_ms: int = SCRAPE_INTERVAL_MS
    all: list[Target] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._life = Timelines()  # UP or DOWN or ABSENT from that moment on
        self._bases = Timelines()  # counters begin at zero again
        self._starts = Timelines()  # process_start_time_seconds changes
        self._gaps = Timelines()  # GAP from that moment on, or UP
        self._gaps.add_row()
        self._gaps.append(0, at=np.iinfo(np.int64).min, value=UP)
        self.version = 0  # grows with every target and lever
        self._offsets: Ints = np.zeros(0, dtype=np.int64)

    def offsets(self) -> Ints:
        """Where in the interval each target is scraped, by row."""
        if len(self._offsets) < len(self.all):
            self._offsets = np.asarray([target.offset_ms for target in self.all], dtype=np.int64)
        return self._offsets

    def add(
        self, labels: Mapping[str, str], *, start_ms: int, honor_labels: bool = False, path: str = "/metrics"
    ) -> Target:
        """A target whose process started at `start_ms`, known to Prometheus from then on."""
        row = self._life.add_row()
        for lines in (self._bases, self._starts):
            lines.add_row()
            lines.append(row, at=start_ms)
        self._life.append(row, at=start_ms, value=UP)
        offset = int(draw.number(self.seed, row, 11) * self.interval_ms)
        target = Target(row, dict(labels), offset, honor_labels, path)
        self.all.append(target)
        self.version += 1
        return target

    def remove(self, target: Target, *, at_ms: int) -> None:
        """Its pod is gone: series go stale at the next scrape."""
        self._life.insert(target.row, at=at_ms, value=ABSENT)
        self.version += 1

    def outage(self, target: Target, *, start_ms: int, end_ms: int) -> None:
        """A lever: scrapes fail for this span, `up` is 0; the process goes on counting."""
        self._life.insert(target.row, at=start_ms, value=DOWN)
        self._life.insert(target.row, at=end_ms, value=UP)
        self.version += 1

    def restart(self, target: Target, *, at_ms: int, explained: bool = True) -> None:
        """A lever: counters begin at zero again; `explained` says whether process_start_time_seconds tells so."""
        self._bases.insert(target.row, at=at_ms)
        if explained:
            self._starts.insert(target.row, at=at_ms)
        self.version += 1

    def prometheus_gap(self, *, start_ms: int, end_ms: int) -> None:
        """A lever: Prometheus itself is away; nothing is scraped, nothing is marked stale."""
        self._gaps.insert(0, at=start_ms, value=GAP)
        self._gaps.insert(0, at=end_ms, value=UP)
        self.version += 1

    def exists(self, target: Target, *, at_ms: int) -> bool:
        """Whether Prometheus knows the target now."""
        rows = np.asarray([target.row])
        return bool(self._state(rows, at=np.asarray([at_ms]))[0] != ABSENT)

    def state(self, rows: Ints, *, at: Ints) -> Ints:
        """UP, DOWN, ABSENT or GAP for each scrape moment."""
        life = self._state(rows, at=at)
        gap = self._gaps.value_of(np.zeros(1, dtype=np.int64), index=self._gaps.index(np.zeros_like(at), at=at))
        return np.where((gap == GAP) & (life != ABSENT), GAP, life)

    def quiet(self, rows: Ints, *, after: Ints, until: Ints) -> Flags:
        """True where the target was up, whole and scraped for all of the span: nothing happened to its counters."""
        same = np.zeros_like(rows)
        changed = self._life.any_between(rows, after=after, until=until)
        changed |= self._bases.any_between(rows, after=after, until=until)
        changed |= self._gaps.any_between(same, after=after, until=until)
        return np.asarray(~changed & (self.state(rows, at=after) == UP))

    def calm_spans(self, row: int, *, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end] in which the target was up and scraped, cut where its counters began anew."""
        lines = ((self._life, row), (self._bases, row), (self._gaps, 0))
        cuts = {moment for line, number in lines for moment, _ in line.moments(number) if start < moment <= end}
        borders = [start, *sorted(cuts), end + 1]
        rows = np.asarray([row])
        return [
            (low, high - 1)
            for low, high in zip(borders, borders[1:], strict=False)
            if low < high and self.state(rows, at=np.asarray([low]))[0] == UP
        ]

    def bases(self, rows: Ints, *, at: Ints) -> Ints:
        """When the counters last began at zero; before the first start, never (then a counter is zero)."""
        index = self._bases.index(rows, at=at)
        return np.where(index < 0, NEVER, self._bases.time_of(rows, index=index))

    def process_starts(self, rows: Ints, *, at: Ints) -> Ints:
        """What process_start_time_seconds tells, in ms."""
        index = np.maximum(self._starts.index(rows, at=at), 0)
        return self._starts.time_of(rows, index=index)

    def _state(self, rows: Ints, *, at: Ints) -> Ints:
        index = self._life.index(rows, at=at)
        return self._life.value_of(rows, index=index, default=ABSENT).astype(np.int64)
