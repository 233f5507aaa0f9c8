"""Ages as kubectl prints them (apimachinery `util/duration.HumanDuration`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def human_duration(span: timedelta) -> str:
    """`47h`, `3d4h`, `2m5s`: precise when short, coarse when long."""
    seconds = int(span.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    return _minutes_and_hours(seconds) if seconds < 48 * 3600 else _days(seconds // 3600)


def _pair(big: int, unit: str, *, small: int, small_unit: str) -> str:
    return f"{big}{unit}{small}{small_unit}" if small else f"{big}{unit}"


def _minutes_and_hours(seconds: int) -> str:
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return _pair(minutes, "m", small=seconds % 60, small_unit="s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", small=minutes % 60, small_unit="m")
    return f"{hours}h"


def _days(hours: int) -> str:
    days = hours // 24
    if days < 8:
        return _pair(days, "d", small=hours % 24, small_unit="h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _pair(days // 365, "y", small=days % 365, small_unit="d")
    return f"{days // 365}y"


def parse_time(text: str) -> datetime:
    """The moment of an RFC 3339 time with or without fractions."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def age(text: str | None, *, now: datetime) -> str:
    """How long ago a timestamp is; `<unknown>` when there is none."""
    if not text:
        return "<unknown>"
    return human_duration(now - parse_time(text))
