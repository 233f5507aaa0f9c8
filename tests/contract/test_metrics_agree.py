"""Every query of every traffic source, asked of the sandbox and of Debian's Prometheus: the same answers.

The sandbox's exporters serve a little fleet that has each kind of controller. Its history is loaded into Prometheus, so
that windows of hours can be asked about at once; the suite of the sandbox itself scrapes it live.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn

from apps.adapters.prometheus import connect
from apps.kernel.ports import Metrics, MetricsConnection
from apps.policies.domain.spec import Source, Traffic
from apps.policies.domain.traffic_templates import TEMPLATES, plan_for
from apps.sandbox.metrics.exposition import openmetrics_history
from apps.sandbox.serve import Sandbox
from apps.sandbox.sim.fleet import Fleet, Node, Workload
from apps.sandbox.sim.traffic import Source as Visits
from apps.sandbox.sim.web import scrape_config
from tests import prometheus_server
from tests.cluster.conftest import eventually

NOW = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
GATEWAYS = ("nginx", "istio", "linkerd", "traefik", "envoy")
IDLE_AFTER = timedelta(hours=2)

TRAFFICS = {
    **{source.value: Traffic(source) for source in Source if source is not Source.QUERY},
    "with a threshold": Traffic(Source.INGRESS_NGINX, threshold=0.5),
    "without probes by path": Traffic(Source.INGRESS_NGINX, ignore_paths=("/healthz*",)),
    "without scrapers by agent": Traffic(Source.ISTIO, ignore_user_agents=("kube-probe*",)),
    "a query of one's own": Traffic(
        Source.QUERY, query="sum by (exported_namespace) (rate(nginx_ingress_controller_requests[5m]))"
    ),
}


def little_fleet() -> Fleet:
    """A busy and an idle workload behind each kind of controller."""
    workloads = []
    for gateway in GATEWAYS:
        busy = (Visits("", per_hour=600, shape="flat"),)
        workloads.append(Workload("Deployment", "shop", f"{gateway}-busy", replicas=2, route=gateway, sources=busy))
        workloads.append(Workload("Deployment", "dev", f"{gateway}-idle", replicas=1, route=gateway))
    nodes = tuple(Node(f"n{number}", "m5.2xlarge", "eu-central-1", "eu-central-1a") for number in range(3))
    return Fleet("little", "eu-central-1", "UTC", nodes, {"shop": {}, "dev": {}}, tuple(workloads), gateways=GATEWAYS)


@dataclass(frozen=True)
class Both:
    """The same history behind the sandbox's query API and in a real Prometheus."""

    sandbox: Metrics
    prometheus: Metrics


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    sandbox = Sandbox(seed=3, fleets=[little_fleet()], speed=0, start=NOW)
    registry = sandbox.clusters["little"].hub.registry
    end = sandbox.clusters["little"].now_ms()
    start = end - int((IDLE_AFTER + timedelta(hours=1)) / timedelta(milliseconds=1))
    folder = tmp_path_factory.mktemp("prometheus")
    history = openmetrics_history(registry, names=sorted(registry.families), start_ms=start, end_ms=end)
    prometheus_server.backfill(folder, openmetrics=history)
    with prometheus_server.serve(folder) as url, serving(sandbox) as port:
        ca_pem = sandbox.certificates.ca_pem.decode()
        address = f"https://127.0.0.1:{port}/clusters/little/prometheus"
        pair = Both(connect(MetricsConnection(url=address, ca_pem=ca_pem)), connect(MetricsConnection(url=url)))
        yield pair
        pair.sandbox.close()
        pair.prometheus.close()


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[int]:
    """The port on which the sandbox answers, over TLS, from a thread of its own."""
    files = sandbox.certificates
    config = uvicorn.Config(
        sandbox,
        ssl_certfile=str(files.cert_file),
        ssl_keyfile=str(files.key_file),
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def main() -> None:
            async with sandbox.running():
                await server.serve(sockets=[listener])

        thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=10)


Answer = dict[tuple[tuple[str, str], ...], float]


def answer(metrics: Metrics, query: str, *, at: datetime) -> Answer:
    return {tuple(sorted(sample.labels.items())): sample.value for sample in metrics.query(query, at=at)}


@pytest.mark.parametrize("case", TRAFFICS)
def test_each_query_of_a_source_is_answered_alike(both: Both, case: str) -> None:
    plan = plan_for(TRAFFICS[case], IDLE_AFTER)
    told = 0
    for query in plan.texts:
        for back in (timedelta(0), timedelta(minutes=17)):
            want = answer(both.prometheus, query, at=NOW - back)
            found = answer(both.sandbox, query, at=NOW - back)
            assert found == pytest.approx(want, rel=1e-9, nan_ok=True), query
            told += len(want)
    assert told, "nothing was compared: no query of this source had an answer"


def test_ranges_are_answered_alike(both: Both) -> None:
    query = "sum by (exported_service, exported_namespace) (rate(nginx_ingress_controller_requests[10m]))"
    start, step = NOW - timedelta(hours=1), timedelta(minutes=3)
    found, want = (
        {
            tuple(sorted(series.labels.items())): dict(series.points)
            for series in metrics.query_range(query, start=start, end=NOW, step=step)
        }
        for metrics in (both.sandbox, both.prometheus)
    )
    assert found.keys() == want.keys()
    assert want
    for labels, points in want.items():
        assert found[labels] == pytest.approx(points, rel=1e-9)


def test_a_real_prometheus_scrapes_every_exporter_with_the_labels_that_the_sandbox_answers(tmp_path: Path) -> None:
    """Live: the counters grow between two scrapes, so what is held equal is the series and the gauges."""
    sandbox = Sandbox(seed=3, fleets=[little_fleet()], speed=1)
    cluster = sandbox.clusters["little"]
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(sandbox.certificates.ca_pem)
    with serving(sandbox) as port:
        jobs = scrape_config(cluster, host=f"127.0.0.1:{port}", ca_file=str(ca_file))["scrape_configs"]
        with prometheus_server.serve(tmp_path, scrape=jobs, interval_seconds=2) as url:
            real = connect(MetricsConnection(url=url))
            address = f"https://127.0.0.1:{port}/clusters/little/prometheus"
            ours = connect(MetricsConnection(url=address, ca_pem=sandbox.certificates.ca_pem.decode()))
            eventually(lambda: _up(real) == len(jobs), what="every target was scraped")
            now = datetime.now(UTC)
            for name in sorted(cluster.hub.registry.families):
                want, found = answer(real, name, at=now), answer(ours, name, at=now)
                assert found.keys() == want.keys(), name
                if name in ALWAYS_THE_SAME:
                    assert found == pytest.approx(want), name
            real.close()
            ours.close()


ALWAYS_THE_SAME = {
    "up",
    "process_start_time_seconds",
    *(template.alive.partition("{")[0] for template in TEMPLATES.values()),
}


def _up(metrics: Metrics) -> int:
    return sum(sample.value == 1 for sample in metrics.query("up", at=datetime.now(UTC)))
