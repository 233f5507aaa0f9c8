"""A database in memory and the settings of a simulated world, for benchmarks that run outside of pytest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def own_database() -> Iterator[None]:
    """Django set up on an empty database of its own, migrated; gone afterwards."""
    import os

    import tests.environment  # noqa: F401  sets the environment before any setting is read

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PLIMSOLL_LOG_LEVEL", "ERROR")
    import django

    django.setup()
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    config = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(config)


@contextmanager
def world_settings(tick_seconds: int = 30) -> Iterator[None]:
    """The clock, cluster and connections of tests.policies.world. The most that may fall asleep at once is scaled to
    the length of a tick: 50 in half a minute."""
    from django.conf import settings
    from django.test import override_settings

    ports: dict[str, Any] = {
        **settings.PLIMSOLL_PORTS,
        "clock": "tests.policies.world.clock",
        "kubernetes": "tests.policies.world.kube_factory",
    }
    most = 50 * max(1, tick_seconds // 30)
    with override_settings(
        PLIMSOLL_PORTS=ports, PLIMSOLL_CONNECT="tests.policies.world.connect", PLIMSOLL_MAX_SLEEPS_PER_PASS=most
    ):
        yield


@contextmanager
def sleeping_on_missing_data(on: bool) -> Iterator[None]:
    """The control: takes everything that is unknown for silence."""
    from apps.policies.domain import idle

    kept = idle._unknown, idle._unproven
    if on:
        idle._unknown = lambda *args: None  # type: ignore[assignment]
        idle._unproven = lambda *args: None  # type: ignore[assignment]
    try:
        yield
    finally:
        idle._unknown, idle._unproven = kept
