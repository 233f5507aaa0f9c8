"""Windows in which nothing sleeps, in a time zone with its summer time and its holidays.

A window is a span of local wall-clock time. On the day clocks go forward, a time that does not exist is the same
moment as its neighbour an hour on; on the day they go back, an hour that comes twice is inside both times.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from apps.policies.domain.spec import Schedule


def is_open(schedule: Schedule, now: datetime) -> bool:
    """Whether a window is open at `now` (aware)."""
    local = now.astimezone(schedule.zone)
    if local.date() in schedule.holidays:
        return False
    clock = local.time().replace(tzinfo=None)
    weekday = local.weekday()
    return any(
        weekday in window.days and window.start <= clock and (window.end is None or clock < window.end)
        for window in schedule.windows
    )


def next_change(schedule: Schedule, now: datetime, *, days: int = 10) -> datetime | None:
    """The next moment at which it opens or closes, in UTC; None when nothing changes for `days`."""
    local = now.astimezone(schedule.zone)
    state = is_open(schedule, now)
    for offset in range(days + 1):
        day = local.date() + timedelta(days=offset)
        for clock in _edges(schedule):
            at = datetime.combine(day, clock, tzinfo=schedule.zone).astimezone(UTC)
            if at > now and is_open(schedule, at) is not state:
                return at
    return None


def _edges(schedule: Schedule) -> list[time]:
    """Every clock time at which something may change; midnight, for holidays and days."""
    edges = {time(0)}
    for window in schedule.windows:
        edges.add(window.start)
        if window.end is not None:
            edges.add(window.end)
    return sorted(edges)
