"""The month of tests/benchmarks in small: all its levers over a change to summer time, judged by the request log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.benchmarks.month import Month, Report
from tests.benchmarks.own_database import sleeping_on_missing_data, world_settings
from tests.policies.direct_world import DirectWorld
from tests.policies.world import World

SUMMER_TIME = datetime(2026, 3, 28, 0, 0, tzinfo=UTC)


@pytest.fixture
def simulated(db: None) -> Iterator[None]:
    with world_settings(tick_seconds=900):
        yield


def run(*, days: int, workloads: int, tick: int, world: type[World], seed: int = 1) -> Report:
    month = Month(
        days=days, workloads=workloads, tick=timedelta(seconds=tick), seed=seed, start=SUMMER_TIME, world=world
    )
    return month.run()


def test_no_wrongful_sleep_no_missed_wake_and_exact_replicas(simulated: None) -> None:
    report = run(days=2, workloads=30, tick=900, world=DirectWorld)
    assert (report.wrongful, report.missed, report.inexact) == ([], [], [])
    assert report.sleeps > 60
    # The levers of a month stand in two days here; the month itself reaches more than 0.9.
    assert report.share >= 0.8, report.text()


def test_the_same_holds_for_the_whole_road(simulated: None) -> None:
    report = run(days=1, workloads=20, tick=900, world=World, seed=3)
    assert (report.wrongful, report.missed, report.inexact) == ([], [], [])
    assert report.sleeps > 15


def test_a_control_that_sleeps_on_missing_data_is_found_out(simulated: None) -> None:
    with sleeping_on_missing_data(True):
        report = run(days=2, workloads=30, tick=900, world=DirectWorld)
    assert report.wrongful
