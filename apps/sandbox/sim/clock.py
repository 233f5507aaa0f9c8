"""The simulator's time and the queue of what is still to happen.

Times inside the simulator are whole milliseconds since the Unix epoch (`ms`): exact to add, to compare and to send
to Prometheus.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch; the datetime must be aware."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The moment, aware, in UTC."""
    return EPOCH + timedelta(milliseconds=ms)


def stamp(ms: int) -> str:
    """The moment as Kubernetes writes it: RFC 3339, whole seconds, Z."""
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%SZ")


class SimClock:
    """Implements `kernel.clock.Clock`. Runs at `speed` times real time from `start`; at speed 0 only `set_ms` moves it.

    It never runs backwards: `set_ms` to the past is ignored.
    """

    def __init__(self, start: datetime, *, speed: float = 0.0) -> None:
        self.speed = speed
        self._base_ms = to_ms(start)
        self._base_real = time.monotonic()

    def start(self, *, speed: float) -> None:
        """Run from here on at `speed`; 0 stands still."""
        self._base_ms, self._base_real, self.speed = self.ms(), time.monotonic(), speed

    def ms(self) -> int:
        """The time in milliseconds since the epoch."""
        if not self.speed:
            return self._base_ms
        return self._base_ms + int((time.monotonic() - self._base_real) * 1000 * self.speed)

    def now(self) -> datetime:
        return from_ms(self.ms())

    def set_ms(self, ms: int) -> None:
        """Move to `ms`, which running clocks then run on from."""
        if ms > self.ms():
            self._base_ms, self._base_real = ms, time.monotonic()

    def wait(self, seconds: float, *, until: threading.Event | None = None) -> bool:
        """As `Clock.wait`; a clock that stands still moves itself and does not sleep."""
        if until is not None and until.is_set():
            return True
        if not self.speed:
            self.set_ms(self.ms() + int(seconds * 1000))
            return False
        if until is not None:
            return until.wait(seconds / self.speed)
        time.sleep(seconds / self.speed)
        return False


class EventQueue:
    """What is still to happen, in order of time, and of arrival within one millisecond."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, ms: int, action: Callable[[], None]) -> None:
        """Run `action` once the clock reaches `ms`."""
        heapq.heappush(self._heap, (ms, next(self._order), action))

    def next_ms(self) -> int | None:
        """When the next thing happens, or None when nothing is left."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, ms: int) -> tuple[int, Callable[[], None]] | None:
        """Take the next thing that is due at `ms`, or None."""
        if not self._heap or self._heap[0][0] > ms:
            return None
        due, _, action = heapq.heappop(self._heap)
        return due, action

    def __len__(self) -> int:
        return len(self._heap)
