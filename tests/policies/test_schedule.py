"""Windows hold in local time: over both changes of the clock, on holidays, to the last minute of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.policies.domain.parse import parse
from apps.policies.domain.schedule import is_open, next_change
from apps.policies.domain.spec import Schedule
from tests.policies.build import make_policy


def make_schedule(zone: str, *windows: tuple[str, str, str], holidays: tuple[str, ...] = ()) -> Schedule:
    listed: list[dict[str, Any]] = [{"days": d.split(), "from": a, "to": b} for d, a, b in windows]
    rule = {"schedule": {"timeZone": zone, "keepAwake": listed, "holidays": list(holidays)}}
    found = parse(make_policy(rule=rule)).rule.schedule
    assert found is not None
    return found


OFFICE = make_schedule("Europe/Berlin", ("Mon Tue Wed Thu Fri", "08:00", "18:00"), holidays=("2026-04-03",))

CASES = {
    "winter morning, one minute early": ("2026-03-27T06:59:00Z", False),
    "winter morning": ("2026-03-27T07:00:00Z", True),
    "summer morning, one minute early": ("2026-03-30T05:59:00Z", False),
    "summer morning": ("2026-03-30T06:00:00Z", True),
    "the end is outside": ("2026-03-30T16:00:00Z", False),
    "the last minute": ("2026-03-30T15:59:59Z", True),
    "a Saturday": ("2026-03-28T10:00:00Z", False),
    "a holiday": ("2026-04-03T10:00:00Z", False),
    "the day after it": ("2026-04-06T10:00:00Z", True),
}


@pytest.mark.parametrize("case", CASES)
def test_office_hours_in_berlin(case: str) -> None:
    at, want = CASES[case]
    assert is_open(OFFICE, datetime.fromisoformat(at)) is want


def test_24_00_is_the_end_of_the_day_and_two_windows_cross_midnight() -> None:
    night = make_schedule("UTC", ("Mon", "22:00", "24:00"), ("Tue", "00:00", "02:00"))
    opened = datetime(2026, 3, 9, 22, tzinfo=UTC)
    want = [timedelta(minutes=m) for m in range(0, 240, 7)]
    assert all(is_open(night, opened + span) for span in want)
    assert not is_open(night, opened + timedelta(hours=4))
    assert not is_open(night, opened - timedelta(seconds=1))


def test_the_hour_that_comes_twice_is_inside_both_times() -> None:
    early = make_schedule("Europe/Berlin", ("Sun", "02:00", "03:00"))
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert is_open(early, first)
    assert is_open(early, second)


def test_the_hour_that_is_skipped_opens_nothing() -> None:
    early = make_schedule("Europe/Berlin", ("Sun", "02:00", "03:00"))
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert not any(is_open(early, start + timedelta(minutes=m)) for m in range(180))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
def test_next_change_is_the_first_minute_that_differs(zone: str) -> None:
    schedule = make_schedule(zone, ("Mon Wed Fri Sun", "01:30", "02:30"), ("Sat", "20:00", "24:00"))
    for start in (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        at, want = start, next_change(schedule, start)
        while is_open(schedule, at) is is_open(schedule, start):
            at += timedelta(minutes=1)
        assert want == at
