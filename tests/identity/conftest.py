"""A clock that stands still, a user, and hashes that cost nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings as django_settings

from apps.identity.models import User
from apps.kernel.clock import ManualClock
from tests.identity import clocks

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def clock(settings: Any) -> ManualClock:
    settings.PLIMSOLL_PORTS = {**django_settings.PLIMSOLL_PORTS, "clock": "tests.identity.clocks.clock"}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    clocks.CLOCK = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    return clocks.CLOCK


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("olga", password="correct horse battery")
