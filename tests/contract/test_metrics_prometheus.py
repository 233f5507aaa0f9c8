"""The Metrics port on a real Prometheus: what the misbehaving servers of tests/adapters only pretend."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from apps.adapters.prometheus import connect
from apps.kernel.errors import InvalidInput
from apps.kernel.ports import Metrics, MetricsConnection
from tests import prometheus_server

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOON = START + 12 * HOUR


def history() -> Iterator[str]:
    """Two counters by namespace: `shop` gets one request a minute, `idle` none after the first minute."""
    yield "# TYPE requests unknown\n"
    for namespace in ("shop", "idle"):
        for minute in range(24 * 60):
            value = minute if namespace == "shop" else min(minute, 1)
            yield f'requests{{namespace="{namespace}"}} {value} {START.timestamp() + 60 * minute:.3f}\n'
    yield "# EOF\n"


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    folder = tmp_path_factory.mktemp("prometheus")
    prometheus_server.backfill(folder, openmetrics=history())
    with prometheus_server.serve(folder) as url:
        source = connect(MetricsConnection(url=url))
        yield source
        source.close()


def test_an_instant_query_gives_each_series(metrics: Metrics) -> None:
    found = metrics.query("sum by (namespace) (increase(requests[1h]))", at=NOON)
    by_namespace = {sample.labels["namespace"]: sample.value for sample in found}
    assert by_namespace["shop"] == pytest.approx(60)
    assert by_namespace["idle"] == 0
    assert {sample.at for sample in found} == {NOON.timestamp()}


def test_nothing_known_is_an_empty_answer(metrics: Metrics) -> None:
    assert metrics.query("no_such_metric", at=NOON) == []


def test_a_moment_before_all_history_is_empty(metrics: Metrics) -> None:
    assert metrics.query("requests", at=START - HOUR) == []


def test_a_scalar_is_one_sample(metrics: Metrics) -> None:
    (found,) = metrics.query("1 + 1", at=NOON)
    assert (found.labels, found.value) == ({}, 2.0)


def test_no_number_and_no_bound_are_kept(metrics: Metrics) -> None:
    assert math.isnan(metrics.query("0 * requests / 0", at=NOON)[0].value)
    assert metrics.query('requests{namespace="shop"} / 0', at=NOON)[0].value == math.inf


def test_a_range_includes_both_ends(metrics: Metrics) -> None:
    (found,) = metrics.query_range(
        'requests{namespace="shop"}', start=NOON, end=NOON + HOUR, step=timedelta(minutes=30)
    )
    assert [at - NOON.timestamp() for at, _ in found.points] == [0, 1800, 3600]
    assert [value for _, value in found.points] == [720, 750, 780]


@pytest.mark.parametrize("query", ["sum(", "requests[5m", "nope(requests)", "requests + on(namespace) group_left 1"])
def test_a_query_that_cannot_be_parsed_names_the_query(metrics: Metrics, query: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        metrics.query(query, at=NOON)
    assert caught.value.field == "query"


def test_a_query_that_cannot_be_carried_out_names_the_query(metrics: Metrics) -> None:
    with pytest.raises(InvalidInput, match="execution") as caught:
        metrics.query("requests * on() requests", at=NOON)
    assert caught.value.field == "query"


def test_a_range_of_too_many_points_names_the_query(metrics: Metrics) -> None:
    with pytest.raises(InvalidInput) as caught:
        metrics.query_range("requests", start=START, end=START + 24 * HOUR, step=timedelta(seconds=1))
    assert caught.value.field == "query"


def test_a_matrix_is_no_instant_answer(metrics: Metrics) -> None:
    with pytest.raises(InvalidInput, match="matrix"):
        metrics.query("requests[5m]", at=NOON)
