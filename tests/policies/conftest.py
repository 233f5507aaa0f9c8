"""Worlds for the tests of the policies app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from apps.policies import services
from tests.policies.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(db: None) -> Iterator[MakeWorld]:
    """Makes a World whose clock, cluster and connections are the ones that all services use."""
    ports: dict[str, Any] = {
        **django_settings.PLIMSOLL_PORTS,
        "clock": "tests.policies.world.clock",
        "kubernetes": "tests.policies.world.kube_factory",
    }
    with override_settings(PLIMSOLL_PORTS=ports, PLIMSOLL_CONNECT="tests.policies.world.connect"):

        def make(
            *, start: datetime = datetime(2026, 3, 11, 8, 0, tzinfo=UTC), tick: timedelta = timedelta(seconds=30)
        ) -> World:
            services.forget()
            return World("c1", start=start, tick=tick)

        yield make
    services.forget()
