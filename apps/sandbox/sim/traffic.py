"""Who asks what, when: the request log that is the truth for tests, and exact counters over it.

The number of requests of one row (a source on one lane) in one hour is a Poisson draw from its rate in that hour. The
k-th of n requests in an hour lies in the k-th of n equal slots, at a drawn place inside it. So the log can be written
out for any span, and the number of requests up to any millisecond is known without writing it out: cumulative hours
plus one integer comparison. Both use the same integers, so a counter equals the count of its log exactly.

A lane is the controller replica or pod slot that serves the request. Requests up to and including t count at t.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from apps.sandbox.sim import draw, seasons
from apps.sandbox.sim.clock import HOUR_MS
from apps.sandbox.sim.draw import Floats, Ints

_SUBSLOTS = 1 << 16
_GROW_HOURS = 24 * 7
_ACTIVE, _BURST, _BURST_HOUR, _COUNT, _PLACE = 3, 4, 5, 6, 7


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of request to one workload. `per_hour` is its mean rate at the busiest regular hour, over all lanes.

    `workload` is `Kind/namespace/name`. `probe` marks what nobody would call demand: probes, scrapers, uptime robots.
    `status` is the answer when pods are ready. On a day that the draw makes inactive (1 - `active_day_chance`) the
    whole workload gets nothing from this source; `burst_chance` is the chance of one hour a day at `burst_factor`.
    """

    workload: str
    path: str = "/"
    agent: str = "Mozilla/5.0"
    method: str = "GET"
    status: int = 200
    per_hour: float = 0.0
    shape: str = "flat"
    zone: str = "UTC"
    active_day_chance: float = 1.0
    burst_chance: float = 0.0
    burst_factor: float = 6.0
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the log. `at_ms` is its arrival."""

    at_ms: int
    workload: str
    path: str
    agent: str
    method: str
    lane: int
    probe: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """A lever: from `start_ms` until `end_ms` (both rounded down to the hour) a workload gets only what `hit` adds."""

    start_ms: int
    end_ms: int
    probes_too: bool = False


class Demand:
    """All requests to one cluster from `origin_ms` (rounded down to the hour) on. Rows are numbered as added."""

    def __init__(self, *, seed: int, origin_ms: int, lanes: int = 2) -> None:
        self.seed = seed
        self.origin_hour = origin_ms // HOUR_MS
        self.lanes = lanes
        self.version = 0  # grows with every source, silence and hit
        self.sources: list[Source] = []
        self.rows_of: dict[str, list[int]] = {}
        self._silences: dict[str, list[Silence]] = {}
        self._extras: dict[int, Ints] = {}
        self._totals = np.zeros((0, 1), dtype=np.int64)

    def add(self, source: Source) -> list[int]:
        """Add a source; returns its rows, one a lane."""
        rows = [len(self.sources) * self.lanes + lane for lane in range(self.lanes)]
        self.sources.append(source)
        self.version += 1
        self.rows_of.setdefault(source.workload, []).extend(rows)
        return rows

    def row_source(self, row: int) -> tuple[Source, int]:
        """The source and lane of a row."""
        return self.sources[row // self.lanes], row % self.lanes

    def silence(self, workload: str, *, span: Silence) -> None:
        """Pull the lever, also for hours that have been drawn already."""
        self._silences.setdefault(workload, []).append(span)
        self.version += 1
        rows = self.rows_of.get(workload, [])
        drawn = [row for row in rows if row < len(self._totals)]
        if drawn:
            hours = self.origin_hour + np.arange(self._totals.shape[1] - 1)
            self._totals[drawn, 1:] = np.cumsum(self._draw(np.asarray(drawn), hours=hours), axis=1)

    def hit(self, row: int, *, at_ms: int) -> None:
        """One more request, at this millisecond."""
        old = self._extras.get(row, np.zeros(0, dtype=np.int64))
        self._extras[row] = np.sort(np.append(old, at_ms))
        self.version += 1

    def count(self, rows: Ints, *, at: Ints) -> Ints:
        """How many requests of each row arrived up to and including `at` (ms); shape [n] or [n, k] with rows [n]."""
        self._draw_until(int(at.max(initial=0)))
        places = rows if at.ndim == 1 else rows[:, None]
        elapsed = np.maximum(at, self.origin_hour * HOUR_MS - 1) - self.origin_hour * HOUR_MS
        hour, inside = elapsed // HOUR_MS, elapsed % HOUR_MS
        hour = np.maximum(hour, 0)
        before = self._totals[places, hour]
        count = self._totals[places, hour + 1] - before
        scaled = (inside + 1) * count
        whole = scaled // HOUR_MS
        place = (whole << 16) + self._place(places, hour=hour, slot=whole)
        partial = (whole < count) & (place * HOUR_MS < scaled << 16)
        total = np.where(elapsed < 0, 0, before + whole + partial)
        return self._with_extras(rows, at=at, total=total)

    def arrivals(self, row: int, *, after_ms: int, until_ms: int) -> Ints:
        """The row's arrivals in (after, until], ascending, in ms."""
        self._draw_until(until_ms)
        first = max(after_ms // HOUR_MS, self.origin_hour)
        found = [self._hour_arrivals(row, hour=hour) for hour in range(first, until_ms // HOUR_MS + 1)]
        found.append(self._extras.get(row, np.zeros(0, dtype=np.int64)))
        moments = np.sort(np.concatenate(found))
        return moments[(moments > after_ms) & (moments <= until_ms)]

    def requests(self, workload: str, *, after_ms: int, until_ms: int) -> list[Request]:
        """The log of one workload for (after, until], in order of arrival."""
        log: list[Request] = []
        for row in self.rows_of.get(workload, []):
            source, lane = self.row_source(row)
            log += [
                Request(int(at), workload, source.path, source.agent, source.method, lane, source.probe)
                for at in self.arrivals(row, after_ms=after_ms, until_ms=until_ms)
            ]
        return sorted(log, key=lambda request: request.at_ms)

    def rate(self, rows: Iterable[int], *, hours: Ints) -> Floats:
        """The expected requests an hour, per row and hour: what usage follows."""
        return self._rates(np.asarray(list(rows), dtype=np.int64), hours=hours)

    def demanded(self, workload: str, *, after_ms: int, until_ms: int) -> bool:
        """The truth: whether anything but probes asked for the workload in (after, until]."""
        rows = [row for row in self.rows_of.get(workload, []) if not self.row_source(row)[0].probe]
        if not rows:
            return False
        places = np.asarray(rows)
        spans = np.broadcast_to(np.asarray([after_ms, until_ms]), (len(rows), 2))
        counts = self.count(places, at=spans)
        return bool((counts[:, 1] > counts[:, 0]).any())

    def _hour_arrivals(self, row: int, *, hour: int) -> Ints:
        index = hour - self.origin_hour
        count = int(self._totals[row, index + 1] - self._totals[row, index])
        slots = np.arange(count)
        place = (slots << 16) + self._place(np.asarray(row), hour=np.asarray(index), slot=slots)
        return hour * HOUR_MS + place * HOUR_MS // max(count << 16, 1)

    def _place(self, rows: Ints, *, hour: Ints, slot: Ints) -> Ints:
        """Where inside its slot each request lies, in 65536ths; `hour` counts from the origin."""
        drawn = draw.words(self.seed, rows, hour + self.origin_hour, slot, _PLACE)
        return (drawn & np.uint64(_SUBSLOTS - 1)).astype(np.int64)

    def _with_extras(self, rows: Ints, *, at: Ints, total: Ints) -> Ints:
        if self._extras:
            for position in np.flatnonzero(np.isin(rows, list(self._extras))):
                extra = self._extras[int(rows[position])]
                total[position] += np.searchsorted(extra, at[position], side="right")
        return total

    def _draw_until(self, ms: int) -> None:
        """Make the table long and tall enough for this moment and all rows."""
        rows = len(self.sources) * self.lanes
        hours = self._totals.shape[1] - 1
        needed = ms // HOUR_MS - self.origin_hour + 1
        if needed > hours:
            grown = (needed // _GROW_HOURS + 1) * _GROW_HOURS
            span = self.origin_hour + np.arange(hours, grown)
            more = self._draw(np.arange(len(self._totals)), hours=span)
            np.cumsum(more, axis=1, out=more)
            self._totals = np.hstack([self._totals, more + self._totals[:, -1:]])
        if rows > len(self._totals):
            new = np.arange(len(self._totals), rows)
            drawn = self._draw(new, hours=self.origin_hour + np.arange(self._totals.shape[1] - 1))
            first = np.zeros((len(new), 1), dtype=np.int64)
            self._totals = np.vstack([self._totals, np.hstack([first, np.cumsum(drawn, axis=1)])])

    def _draw(self, rows: Ints, *, hours: Ints) -> Ints:
        place = (rows[:, None], hours[None, :], _COUNT)
        return draw.poisson(self._rates(rows, hours=hours), seed=self.seed, place=place)

    def _rates(self, rows: Ints, *, hours: Ints) -> Floats:
        """Expected requests per row and hour."""
        sources = [self.sources[row // self.lanes] for row in rows]
        kinds = {(s.shape, s.zone) for s in sources}
        table = {kind: seasons.factors(kind[0], zone=kind[1], hours=hours) for kind in kinds}
        rates = np.empty((len(rows), len(hours)))
        for i, source in enumerate(sources):
            rates[i] = table[(source.shape, source.zone)] * (source.per_hour / self.lanes)
        self._modulate(rates, sources=sources, rows=rows, hours=hours)
        self._apply_silences(rates, sources=sources, hours=hours)
        return rates

    def _modulate(self, rates: Floats, *, sources: list[Source], rows: Ints, hours: Ints) -> None:
        """Inactive days and bursts; all lanes of a source share them."""
        number, day = (rows // self.lanes)[:, None], (hours // 24)[None, :]
        chance = np.asarray([s.active_day_chance for s in sources])[:, None]
        if (chance < 1).any():
            rates *= draw.uniform(self.seed, number, day, _ACTIVE) < chance
        burst = np.asarray([s.burst_chance for s in sources])[:, None]
        if (burst > 0).any():
            on_day = draw.uniform(self.seed, number, day, _BURST) < burst
            at_hour = (draw.uniform(self.seed, number, day, _BURST_HOUR) * 24).astype(np.int64)
            factor = np.asarray([s.burst_factor for s in sources])[:, None]
            rates *= np.where(on_day & (at_hour == (hours % 24)[None, :]), factor, 1.0)

    def _apply_silences(self, rates: Floats, *, sources: list[Source], hours: Ints) -> None:
        for i, source in enumerate(sources):
            for span in self._silences.get(source.workload, ()):
                if span.probes_too or not source.probe:
                    inside = (hours >= span.start_ms // HOUR_MS) & (hours < span.end_ms // HOUR_MS)
                    rates[i, inside] = 0.0
