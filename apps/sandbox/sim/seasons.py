"""How much of its traffic a workload gets in each hour: hour of day, weekday, holidays, in its people's time zone.

Hours are whole UTC hours since the epoch. A zone that is half an hour off gets the local hour its UTC hour begins in.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from apps.sandbox.sim.draw import Floats, Ints

_OFFICE = [0.0] * 7 + [0.3, 0.8, 1.0, 1.0, 0.9, 0.7, 0.9, 1.0, 1.0, 0.8, 0.5, 0.1] + [0.0] * 5
_CONSUMER = [
    0.20, 0.12, 0.08, 0.07, 0.09, 0.18, 0.35, 0.55, 0.70, 0.80, 0.85, 0.95,
    1.00, 0.90, 0.82, 0.80, 0.85, 0.95, 1.10, 1.25, 1.30, 1.10, 0.75, 0.40,
]  # fmt: skip
_NIGHTLY = [0.0, 1.0, 1.0, 0.6] + [0.0] * 20
_FLAT = [1.0] * 24

# name -> (share by local hour, share by weekday from Monday, share on a holiday)
SHAPES: dict[str, tuple[list[float], list[float], float]] = {
    "office": (_OFFICE, [1.0, 1.0, 1.0, 1.0, 0.9, 0.0, 0.0], 0.0),
    "consumer": (_CONSUMER, [0.9, 0.9, 0.9, 1.0, 1.1, 1.2, 1.1], 1.3),
    "nightly": (_NIGHTLY, [1.0] * 7, 1.0),
    "flat": (_FLAT, [1.0] * 7, 1.0),
    "idle": ([0.0] * 24, [0.0] * 7, 0.0),
}
SHAPE_NAMES = tuple(SHAPES)

# Fixed-date public holidays, as (month, day); moving feasts are left out on purpose: nobody can check them by eye.
_HOLIDAYS: dict[str, frozenset[tuple[int, int]]] = {
    "Europe": frozenset({(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)}),
    "America": frozenset({(1, 1), (7, 4), (11, 11), (12, 24), (12, 25), (12, 31)}),
    "Asia": frozenset({(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)}),
}


def is_holiday(zone: str, day: date) -> bool:
    """Whether `day` is one of the fixed-date holidays of the zone's continent."""
    return (day.month, day.day) in _HOLIDAYS.get(zone.partition("/")[0], frozenset())


def factors(shape: str, *, zone: str, hours: Ints) -> Floats:
    """The share of its base rate that a shape gets in each hour."""
    by_hour, by_day, on_holiday = SHAPES[shape]
    out = np.empty(len(hours))
    for i, hour in enumerate(hours):
        local_hour, weekday, holiday = _local(zone, int(hour))
        out[i] = by_hour[local_hour] * (on_holiday if holiday else by_day[weekday])
    return out


@lru_cache(maxsize=20_000)
def _local(zone: str, hour: int) -> tuple[int, int, bool]:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    local = moment.astimezone(ZoneInfo(zone))
    return local.hour, local.weekday(), is_holiday(zone, local.date())
