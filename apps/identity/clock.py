"""The time, from the clock that settings name: tests and the sandbox bring their own."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from apps.kernel.clock import Clock
from apps.kernel.ports import load


def now() -> datetime:
    """The time now, aware, in UTC."""
    clock: Clock = load(settings.PLIMSOLL_PORTS["clock"])()
    return clock.now()
