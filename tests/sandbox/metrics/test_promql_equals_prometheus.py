"""The evaluator answers as Debian's Prometheus does over the same samples, which promtool loads into its storage.

Aspects: range functions over restarts and gaps, instant functions, aggregation, matching, offsets, subqueries, errors.
Stale markers cannot be backfilled, so instant queries here stay clear of vanished series; the real scrape proves those.
"""

from __future__ import annotations

import math
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.sandbox.metrics.api import PrometheusApi
from apps.sandbox.metrics.exposition import openmetrics_history
from apps.sandbox.metrics.promql.values import QueryError
from apps.sandbox.sim.clock import HOUR_MS, MINUTE_MS
from tests.sandbox.metrics.metric_worlds import START, make_demand, make_registry

END = START + 8 * HOUR_MS
NAMES = ("requests_total", "upstream_total", "replicas", "process_start_time_seconds")

INSTANT = [
    "requests_total",
    "sum by (zone) (upstream_total)",
    "sum without (pod, instance) (upstream_total)",
    "avg(replicas)",
    "stddev by (zone) (upstream_total)",
    "quantile(0.3, upstream_total)",
    "count by (ingress) (upstream_total > 100)",
    "group by (ingress) (requests_total)",
    'count_values("v", replicas)',
    "topk(2, sum by (ingress) (upstream_total))",
    'bottomk by (zone) (1, upstream_total{instance=~"10.0.0.0.*"})',
    "rate(upstream_total[5m])",
    "increase(requests_total[2h])",
    "increase(upstream_total[2h] offset 30m)",
    "sum by (ingress) (increase(requests_total[1h]))",
    "rate(requests_total[37s])",
    "delta(replicas[3h])",
    "irate(upstream_total[5m])",
    "idelta(replicas[2h])",
    "resets(upstream_total[6h])",
    "changes(replicas[6h])",
    "changes(process_start_time_seconds[6h])",
    "count_over_time(requests_total[2h])",
    "sum_over_time(replicas[90m])",
    "avg_over_time(replicas[4h])",
    "min_over_time(replicas[4h])",
    "max_over_time(upstream_total[1h])",
    "last_over_time(requests_total[1h])",
    "present_over_time(requests_total[1h])",
    "stddev_over_time(replicas[5h])",
    "stdvar_over_time(replicas[5h])",
    "quantile_over_time(0.7, replicas[5h])",
    "deriv(upstream_total[30m])",
    "predict_linear(replicas[3h], 3600)",
    'absent(nothing{a="b", c=~"d"})',
    "absent(requests_total)",
    'absent_over_time(nothing{a="b"}[5m])',
    "absent_over_time(requests_total[5m])",
    "max_over_time(rate(upstream_total[5m])[1h:2m])",
    "sum_over_time((replicas > 1)[2h:])",
    "increase(upstream_total[1h:30s])",
    "requests_total unless on (ingress) (replicas > 2)",
    "requests_total and on (ingress) replicas > 0",
    "replicas > 2 or on (ingress) replicas",
    "requests_total * on (ingress) group_left () replicas",
    "requests_total * on (ingress) group_left (job) (replicas + 0 * replicas)",
    "sum by (ingress) (requests_total) / on (ingress) replicas",
    "requests_total / ignoring (status) upstream_total",
    "requests_total == upstream_total",
    "requests_total != bool upstream_total",
    "replicas > bool 1",
    "3 > replicas",
    "-replicas",
    "replicas % 2",
    "2 ^ replicas",
    "replicas atan2 2",
    "1 / (replicas - replicas)",
    'label_replace(replicas, "x", "$1-$2", "ingress", "(w)(.*)")',
    'label_replace(replicas, "ingress", "", "ingress", "w.*")',
    'label_join(replicas, "x", "-", "ingress", "job")',
    "clamp(replicas, 1, 3)",
    "clamp_min(replicas, 2)",
    "clamp_max(replicas, 2)",
    "round(replicas / 3, 0.25)",
    "sgn(replicas - 2)",
    "sqrt(replicas)",
    "ln(upstream_total)",
    "sort_desc(sum by (ingress) (upstream_total))",
    "time()",
    "timestamp(requests_total)",
    "timestamp(replicas + 0)",
    "vector(scalar(sum(replicas)))",
    "scalar(replicas)",
    "hour()",
    "day_of_week(vector(1700000000))",
    "days_in_month()",
    "requests_total @ 1774580000",
    "rate(upstream_total[10m] @ end())",
    "process_start_time_seconds offset 1h",
    '{__name__=~"requests_total|upstream_total", ingress="w1"}',
    'sum({__name__=~"requests_.*"})',
    'requests_total{ingress!~"w1|w2", zone!="b"}',
    "1 + 2 * 3",
    '"text"',
    "requests_total[2m]",
    "count(requests_total) or vector(0)",
]
RANGED = [
    "sum by (ingress) (rate(upstream_total[5m]))",
    "increase(requests_total[20m])",
    "replicas",
    "topk(1, replicas)",
    "replicas > 2",
    "max_over_time(replicas[30m])",
    "time() - timestamp(replicas)",
    "absent(replicas > 3)",
    "requests_total offset 20m",
    "upstream_total - upstream_total offset 1h",
    "scalar(count(replicas > 1))",
    "rate(upstream_total[5m] @ start())",
]
REFUSED = [
    "sum(",
    "rate(requests_total)",
    "requests_total + on (ingress) upstream_total",
    "requests_total * on (zone) group_left () upstream_total",
    "replicas * on (ingress) group_right (nothing) requests_total * on (zone) replicas",
    'rate({__name__=~"requests_total|upstream_total"}[5m])',
    "nonsense(replicas)",
    "{}",
    "1 > 2",
]


@pytest.fixture(scope="module")
def api() -> PrometheusApi:
    registry, _ = make_registry(make_demand())
    targets = registry.targets
    targets.restart(targets.all[0], at_ms=START + 2 * HOUR_MS + 17 * MINUTE_MS)
    targets.restart(targets.all[1], at_ms=START + 5 * HOUR_MS + 41_234, explained=False)
    targets.outage(targets.all[1], start_ms=START + 3 * HOUR_MS, end_ms=START + 3 * HOUR_MS + 10 * MINUTE_MS)
    targets.prometheus_gap(start_ms=START + 6 * HOUR_MS, end_ms=START + 6 * HOUR_MS + 12 * MINUTE_MS)
    return PrometheusApi(registry)


class Server:
    """A Prometheus on loopback."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, endpoint: str, **params: str | float) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/api/v1/{endpoint}", params=params, timeout=30).json())


@pytest.fixture(scope="module")
def prometheus(api: PrometheusApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    home = tmp_path_factory.mktemp("prometheus")
    _backfill(api, home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["prometheus", f"--config.file={home}/empty.yml", f"--storage.tsdb.path={home}/data",
         "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
    )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}")
    try:
        _wait_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _backfill(api: PrometheusApi, home: Path) -> None:
    with (home / "history.om").open("w") as out:
        out.writelines(openmetrics_history(api.registry, names=NAMES, start_ms=START, end_ms=END))
    (home / "empty.yml").write_text("global: {}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(home / "history.om"), str(home / "data")],
        check=True, capture_output=True,
    )  # fmt: skip


def _wait_ready(server: Server) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{server.url}/-/ready", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("Prometheus did not get ready")


def _key(one: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(one["metric"].items()))


def _points(one: dict[str, Any]) -> list[list[Any]]:
    return [one["value"]] if "value" in one else list(one["values"])


def assert_same(mine: dict[str, Any], theirs: dict[str, Any], query: str) -> None:
    assert mine["resultType"] == theirs["resultType"], query
    if mine["resultType"] in ("scalar", "string"):
        assert mine["result"] == theirs["result"], query
        return
    got = {_key(one): _points(one) for one in mine["result"]}
    want = {_key(one): _points(one) for one in theirs["result"]}
    assert got.keys() == want.keys(), query
    for key, points in want.items():
        assert [p[0] for p in got[key]] == [p[0] for p in points], (query, key)
        for (_, a), (at, b) in zip(got[key], points, strict=True):
            close = a == b or math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-9)
            assert close or (math.isnan(float(a)) and math.isnan(float(b))), (query, key, at, a, b)


# Moments: quiet, just after the restart, inside and after the gap of one target, inside and after Prometheus's own gap.
MOMENTS = [
    START + HOUR_MS + 123,
    START + 2 * HOUR_MS + 18 * MINUTE_MS,
    START + 4 * HOUR_MS,
    START + 5 * HOUR_MS + 2 * MINUTE_MS,
    START + 6 * HOUR_MS + 3 * MINUTE_MS,
    START + 7 * HOUR_MS + 59_999,
]


@pytest.mark.parametrize("query", INSTANT)
def test_an_instant_query_is_answered_as_prometheus_does(api: PrometheusApi, prometheus: Server, query: str) -> None:
    for at in MOMENTS:
        if at in (MOMENTS[1], MOMENTS[3]) and "requests_" in query and "[" not in query:
            continue  # a lazy series is stale after its restart, which a backfilled storage cannot know
        answer = prometheus.ask("query", query=query, time=at / 1000)
        if answer["status"] == "error":
            with pytest.raises(QueryError):
                api.query(query, at_ms=at)
        else:
            assert_same(api.query(query, at_ms=at), answer["data"], f"{query} at {at}")


@pytest.mark.parametrize("query", RANGED)
def test_a_range_query_is_answered_as_prometheus_does(api: PrometheusApi, prometheus: Server, query: str) -> None:
    start, end = START + 100_000, START + 2 * HOUR_MS
    answer = prometheus.ask("query_range", query=query, start=start / 1000, end=end / 1000, step=97)
    mine = api.query_range(query, start_ms=start, end_ms=end, step_ms=97_000)
    assert_same(mine, answer["data"], query)


@pytest.mark.parametrize("query", REFUSED)
def test_what_prometheus_refuses_is_refused_with_the_same_error_type(
    api: PrometheusApi, prometheus: Server, query: str
) -> None:
    at = START + 8 * HOUR_MS - 1
    answer = prometheus.ask("query", query=query, time=at / 1000)
    assert answer["status"] == "error"
    with pytest.raises(QueryError) as refused:
        api.query(query, at_ms=at)
    assert refused.value.kind == answer["errorType"]
