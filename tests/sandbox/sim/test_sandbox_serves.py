"""The sandbox as a whole: its demo fleet, its addresses, its state on disk, its process."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from apps.sandbox.kubeapi.builtin import DEPLOYMENTS, NODES, PERSISTENTVOLUMECLAIMS, PODS
from apps.sandbox.kubeapi.store import WriteOptions
from apps.sandbox.serve import Sandbox
from apps.sandbox.sim.clock import HOUR_MS, from_ms
from apps.sandbox.sim.cluster import SimCluster
from apps.sandbox.sim.demo import demo_fleets
from apps.sandbox.sim.fleet import Fleet, Node, Workload
from apps.sandbox.sim.traffic import Source
from apps.sandbox.sim.web import scrape_config

START = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)


def make_fleet(name: str = "little") -> Fleet:
    visits = Source("", per_hour=600, shape="flat")
    workloads = (
        Workload("Deployment", "shop", "web", replicas=2, route="nginx", sources=(visits,)),
        Workload("Deployment", "shop", "meshed", replicas=2, route="istio", sources=(visits,)),
        Workload("StatefulSet", "shop", "db", claim_gib=1),
    )
    nodes = (Node("n1", "m5.2xlarge", "eu-central-1", "eu-central-1a"), Node("n2", "m7g.2xlarge", "eu-central-1", "b"))
    return Fleet(name, "eu-central-1", "UTC", nodes, {"shop": {"env": "dev"}}, workloads, gateways=("nginx", "istio"))


def make_sandbox(folder: Path | None = None, *, start: datetime = START) -> Sandbox:
    return Sandbox(seed=3, fleets=[make_fleet()], speed=0, start=start, folder=folder)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_sandbox()


@asynccontextmanager
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    token = sandbox.contexts(1)["little"].token
    headers = {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="https://sandbox", headers=headers) as one:
        yield one


def fetch(sandbox: Sandbox, path: str, **params: str) -> httpx.Response:
    async def go() -> httpx.Response:
        async with client(sandbox) as one:
            return await one.get(path, params=params)

    return asyncio.run(go())


def deployment(cluster: SimCluster, name: str) -> dict[str, object]:
    return dict(cluster.store.get(DEPLOYMENTS, namespace="shop", name=name))


def scale(cluster: SimCluster, name: str, replicas: int) -> None:
    def change(obj: dict[str, dict[str, int]]) -> None:
        obj["spec"]["replicas"] = replicas

    options = WriteOptions(manager="test")
    cluster.store.modify(DEPLOYMENTS, namespace="shop", name=name, change=change, options=options)


def test_each_cluster_has_its_api_its_queries_and_its_exporters_under_its_name(sandbox: Sandbox) -> None:
    pods = fetch(sandbox, "/clusters/little/api/v1/namespaces/shop/pods").json()
    assert len(pods["items"]) == 5
    up = fetch(sandbox, "/clusters/little/prometheus/api/v1/query", query="count by (job) (up)").json()
    jobs = {one["metric"]["job"]: one["value"][1] for one in up["data"]["result"]}
    assert jobs == {"ingress-nginx": "2", "istio-gateways": "2", "istio-sidecars": "2", "kubelet": "2",
                    "kube-state-metrics": "1"}  # fmt: skip
    text = fetch(sandbox, "/clusters/little/exporters/ingress-nginx/nginx-gateway-0/metrics")
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "nginx_ingress_controller_requests{" in text.text
    assert fetch(sandbox, "/clusters/nothing/api").status_code == 404
    assert fetch(sandbox, "/").json() == {"clusters": ["little"]}


@pytest.mark.parametrize(
    ("path", "params", "status", "kind"),
    [
        ("query", {}, 400, "bad_data"),
        ("query", {"query": "sum("}, 400, "bad_data"),
        ("query", {"query": "up + on (job) up"}, 422, "execution"),
        ("query", {"query": "up", "time": "yesterday"}, 400, "bad_data"),
        ("query_range", {"query": "up", "start": "1", "end": "0", "step": "1"}, 400, "bad_data"),
        ("query_range", {"query": "up", "start": "0", "end": "99999", "step": "1"}, 400, "bad_data"),
        ("series", {}, 400, "bad_data"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused_as_prometheus_does(
    sandbox: Sandbox, path: str, params: dict[str, str], status: int, kind: str
) -> None:
    answer = fetch(sandbox, f"/clusters/little/prometheus/api/v1/{path}", **params)
    assert answer.status_code == status
    assert (answer.json()["status"], answer.json()["errorType"]) == ("error", kind)


def test_the_endpoints_that_tools_ask_for_are_there(sandbox: Sandbox) -> None:
    base = "/clusters/little/prometheus"
    assert fetch(sandbox, f"{base}/-/ready").status_code == 200
    assert "node" in fetch(sandbox, f"{base}/api/v1/labels").json()["data"]
    assert "ingress-nginx" in fetch(sandbox, f"{base}/api/v1/label/job/values").json()["data"]
    assert fetch(sandbox, f"{base}/api/v1/status/buildinfo").json()["data"]["version"] == "2.42.0"
    targets = fetch(sandbox, f"{base}/api/v1/targets").json()["data"]["activeTargets"]
    assert {one["health"] for one in targets} == {"up"}
    series = fetch(sandbox, f"{base}/api/v1/series", **{"match[]": 'up{job="kubelet"}'}).json()["data"]
    assert len(series) == 2
    assert fetch(sandbox, f"{base}/api/v1/nothing").status_code == 404


def test_a_week_of_history_is_there_at_the_start(sandbox: Sandbox) -> None:
    cluster = sandbox.clusters["little"]
    query = 'sum(increase(nginx_ingress_controller_requests{ingress="web"}[1h]))'
    for days in (0, 3, 7):
        at = from_ms(cluster.now_ms()) - timedelta(days=days)
        found = cluster.prometheus.query(query, at_ms=cluster.now_ms() - days * 24 * HOUR_MS)
        assert 400 < float(found["result"][0]["value"][1]) < 800, at


def test_a_mesh_counts_each_served_request_at_exactly_one_sidecar_through_pod_changes() -> None:
    cluster = make_sandbox().clusters["little"]
    start = cluster.now_ms()
    for minutes, replicas in ((10, 0), (30, 1), (50, 3)):
        cluster.advance(start + minutes * 60_000)
        scale(cluster, "meshed", replicas)
    cluster.advance(start + 2 * HOUR_MS)
    now, key = cluster.now_ms(), "Deployment/shop/meshed"
    asleep = cluster.served.asleep_intervals(key, until_ms=now)
    log = cluster.demand.requests(key, after_ms=cluster.origin_ms - 1, until_ms=now)
    served = sum(not any(low < one.at_ms <= high for low, high in asleep) for one in log)
    family = cluster.hub.registry.families["istio_requests_total"]
    rows = [i for i, one in enumerate(family.exposed) if one["reporter"] == "destination"]
    values, _ = family.values(np.asarray(rows), at=np.full(len(rows), now))
    assert len(asleep) == 1
    assert values.sum() == served
    assert served < len(log)


def test_a_restart_finds_what_was_put_to_sleep_still_asleep(tmp_path: Path) -> None:
    first = make_sandbox(tmp_path)
    cluster = first.clusters["little"]
    cluster.advance(cluster.now_ms() + 60_000)
    scale(cluster, "web", 0)
    cluster.advance(cluster.now_ms() + 60_000)
    asyncio.run(first.save())
    pods = {pod["metadata"]["uid"] for pod in cluster.store.items(PODS)}
    query = 'sum by (instance) (nginx_ingress_controller_requests{ingress="web",status="200"})'
    before = cluster.prometheus.query(query, at_ms=cluster.now_ms())

    again = make_sandbox(tmp_path, start=START + timedelta(minutes=1)).clusters["little"]
    assert again.now_ms() == cluster.now_ms()
    assert deployment(again, "web")["spec"] == deployment(cluster, "web")["spec"]
    assert again.prometheus.query(query, at_ms=cluster.now_ms()) == before
    again.advance(again.now_ms() + 120_000)
    assert {pod["metadata"]["uid"] for pod in again.store.items(PODS)} == pods
    assert not again.served.is_awake("Deployment/shop/web")
    assert again.served.is_awake("Deployment/shop/meshed")
    scale(again, "web", 2)
    again.advance(again.now_ms() + 60_000)
    assert again.served.is_awake("Deployment/shop/web")
    assert again.store.version > cluster.store.version


def test_a_broken_state_file_means_a_fresh_start(tmp_path: Path) -> None:
    (tmp_path / "little.json.gz").write_bytes(b"not gzip")
    assert len(list(make_sandbox(tmp_path).clusters["little"].store.items(PODS))) == 5


def test_a_real_prometheus_is_told_to_scrape_every_target(sandbox: Sandbox) -> None:
    config = scrape_config(sandbox.clusters["little"], host="127.0.0.1:1", ca_file="ca.pem")
    assert len(config["scrape_configs"]) == 9
    paths = {one["metrics_path"] for one in config["scrape_configs"]}
    assert "/clusters/little/exporters/ingress-nginx/nginx-gateway-0/metrics" in paths
    assert all(fetch(sandbox, path).status_code == 200 for path in paths)


@pytest.fixture(scope="module")
def demo() -> Sandbox:
    return Sandbox(seed=1, workloads=60, speed=0, start=START)


def test_the_demo_has_three_clusters_of_the_size_it_promises() -> None:
    fleets = demo_fleets(seed=1)
    assert [fleet.name for fleet in fleets] == ["eu-prod", "eu-dev", "us-gpu"]
    assert 390 <= sum(len(fleet.workloads) for fleet in fleets) <= 410
    assert 55 <= sum(len(fleet.nodes) for fleet in fleets) <= 65
    assert 35 <= sum(len(fleet.namespaces) for fleet in fleets) <= 45
    assert demo_fleets(seed=1) == fleets
    assert demo_fleets(seed=2) != fleets
    names = [workload.key for fleet in fleets for workload in fleet.workloads if fleet.name == "eu-dev"]
    assert len(names) == len(set(names))


def test_every_pod_of_the_demo_runs(demo: Sandbox) -> None:
    for cluster in demo.clusters.values():
        phases = {pod["status"]["phase"] for pod in cluster.store.items(PODS)}
        assert phases <= {"Running", "Succeeded"}, cluster.name
        labels = [node["metadata"]["labels"] for node in cluster.store.items(NODES)]
        assert all(one["node.kubernetes.io/instance-type"] for one in labels)


def test_the_demo_holds_the_things_worth_finding(demo: Sandbox) -> None:
    cluster = demo.clusters["eu-dev"]
    now = cluster.now_ms()
    idle = "Deployment/checkout-dev/idle-for-days"
    probed = "Deployment/checkout-dev/only-probes"
    assert cluster.demand.requests(idle, after_ms=cluster.origin_ms, until_ms=now) == []
    assert not cluster.demand.demanded(probed, after_ms=cluster.origin_ms, until_ms=now)
    assert cluster.demand.requests(probed, after_ms=now - HOUR_MS, until_ms=now)
    gap = cluster.prometheus.query('min_over_time(up{job="traefik"}[2h])', at_ms=now)
    assert {one["value"][1] for one in gap["result"]} == {"0", "1"}
    claims = [one["metadata"]["name"] for one in cluster.store.items(PERSISTENTVOLUMECLAIMS)]
    assert "old-postgres-data" in claims
    argo = cluster.store.get(DEPLOYMENTS, namespace="checkout-dev", name="owned-by-argocd")
    assert "argocd.argoproj.io/tracking-id" in argo["metadata"]["annotations"]
    assert any(one["manager"] == "argocd-controller" for one in argo["metadata"]["managedFields"])
    gpu = demo.clusters["us-gpu"]
    assert any(pod["metadata"]["name"] == "notebook-ada-0" for pod in gpu.store.items(PODS, namespace="ml-research"))


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    kubeconfig = tmp_path / "kubeconfig"
    code = (
        "from pathlib import Path; from apps.sandbox.serve import serve; import sys; "
        "serve(port=0, seed=1, workloads=1, speed=50, kubeconfig=Path(sys.argv[1]), state=Path(sys.argv[2]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(kubeconfig), str(tmp_path / "state")], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    yield child, kubeconfig
    if child.poll() is None:
        child.kill()
    child.wait(timeout=10)
    if child.stdout is not None:
        child.stdout.close()


def test_the_process_says_when_it_is_ready_serves_over_tls_and_ends_on_sigterm(
    process: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    child, kubeconfig = process
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line.startswith("Plimsoll sandbox is ready at https://127.0.0.1:")
    config = yaml.safe_load(kubeconfig.read_text())
    assert config["current-context"] == "eu-prod"
    assert [one["name"] for one in config["contexts"]] == ["eu-prod", "eu-dev", "us-gpu"]
    assert kubeconfig.stat().st_mode & 0o077 == 0
    ca = base64.b64decode(config["clusters"][1]["cluster"]["certificate-authority-data"]).decode()
    server, token = config["clusters"][1]["cluster"]["server"], config["users"][1]["user"]["token"]
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(verify=ssl.create_default_context(cadata=ca), headers=headers, timeout=20) as one:
        found = one.get(f"{server}/apis/apps/v1/namespaces/checkout-dev/deployments/idle-for-days").json()
        assert found["spec"]["replicas"] == 2
        asked = one.post(f"{server}/prometheus/api/v1/query", data={"query": "sum(up)"}).json()
        assert asked["status"] == "success"
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=20) == 0
    assert {path.name for path in (tmp_path / "state").glob("*.json.gz")} == {
        "eu-prod.json.gz", "eu-dev.json.gz", "us-gpu.json.gz",
    }  # fmt: skip
