"""The clock that settings name in these tests."""

from __future__ import annotations

from datetime import UTC, datetime

from apps.kernel.clock import ManualClock

CLOCK = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def clock() -> ManualClock:
    return CLOCK
