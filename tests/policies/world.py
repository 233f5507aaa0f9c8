"""A simulated cluster with a request log, run by the real services: cache, metrics engine, evaluate, ledger, database.

Only the API server is the one in memory. Two replicas of ingress-nginx serve every request; their exporters count it
unless a lever says otherwise; the log is the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from apps.fleet.models import Cluster
from apps.fleet.services import ClusterCache
from apps.kernel import kinds, vocab
from apps.kernel.clock import ManualClock
from apps.kernel.ports import KubeConnection, Listing, WatchEvent
from apps.kernel.vocab import Sample, Series
from apps.ledger import services as ledger
from apps.policies import services
from apps.sandbox.metrics.api import present_rows
from apps.sandbox.metrics.families import Computed, Counted, Share, Stepped
from apps.sandbox.metrics.promql.engine import Engine
from apps.sandbox.metrics.promql.values import Vector
from apps.sandbox.metrics.registry import Registry
from apps.sandbox.metrics.targets import Targets
from apps.sandbox.sim.clock import to_ms
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.traffic import Demand, Source
from tests.policies.memory_cluster import MemoryKube

LANES = 2
CLASS = "k8s.io/ingress-nginx"
_worlds: dict[str, World] = {}
_clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def clock() -> ManualClock:
    """PLIMSOLL_PORTS["clock"] while a world runs."""
    return _clock


def kube_factory(connection: KubeConnection, *, cluster: str) -> MemoryKube:
    """PLIMSOLL_PORTS["kubernetes"] while a world runs."""
    return _worlds[cluster].kube


def connect(cluster: Cluster) -> MemoryKube:
    """PLIMSOLL_CONNECT while a world runs."""
    return _worlds[cluster.name].kube


class EngineMetrics:
    """The Metrics port over the sandbox's PromQL engine."""

    def __init__(self, registry: Registry) -> None:
        self._engine = Engine(registry)
        self._lock = threading.Lock()  # a registry grows while it is read

    def query(self, promql: str, *, at: datetime) -> Sequence[Sample]:
        with self._lock:
            found = self._engine.instant(promql, at_ms=to_ms(at))
        assert isinstance(found, Vector)
        labels, values, moment = found.labels.sets, found.values, at.timestamp()
        return [Sample(labels[row], float(values[row, 0]), moment) for row in present_rows(found).tolist()]

    def query_range(self, promql: str, *, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        raise NotImplementedError("no policy asks for ranges")

    def close(self) -> None:
        """Nothing is open."""


class World:
    """`step` moves it by one tick of Plimsoll. `plimsoll_up` False: nothing of Plimsoll runs meanwhile."""

    def __init__(self, name: str, *, start: datetime, seed: int = 1, tick: timedelta = timedelta(seconds=30)) -> None:
        global _clock
        _clock = ManualClock(start)
        self.clock, self.tick, self.plimsoll_up = _clock, tick, True
        self.start_ms = to_ms(start)
        self.kube = MemoryKube(now=self.clock.now)
        self.demand = Demand(seed=seed, origin_ms=self.start_ms - 86_400_000, lanes=LANES)
        self.served = Served(self.demand)
        self.targets = Targets(seed=seed)
        self.registry = Registry(self.targets)
        self.metrics = EngineMetrics(self.registry)
        self._controllers()
        self.row = Cluster.objects.create(name=name, server="memory", sealed_credentials="sealed", state="Connected")
        self.cache = ClusterCache(vocab.Cluster(self.row.pk, name))
        _worlds[name] = self
        for source in self.cache.sources:
            self.cache.load(source.kind, [Listing([], "1")], now=self.clock.now())
        self.kube.listeners.append(self._watch)
        self.add_object("networking.k8s.io/v1", "IngressClass", "", "nginx", {"controller": CLASS})

    def _watch(self, kind: kinds.Kind, event: WatchEvent) -> None:
        if kind in {source.kind for source in self.cache.sources}:
            self.cache.apply(kind, event, now=self.clock.now())
        if kind.kind in ("Deployment", "StatefulSet"):
            meta, spec = event.object["metadata"], event.object.get("spec", {})
            key = f"{kind.kind}/{meta['namespace']}/{meta['name']}"
            ready = event.object.get("status", {}).get("readyReplicas", 0)
            awake = spec.get("replicas", 0) > 0 and ready > 0
            self.served.set_awake(key, awake=awake, at_ms=to_ms(self.clock.now()))

    def _controllers(self) -> None:
        """Two replicas of ingress-nginx with what they expose."""
        begun = self.start_ms - 86_400_000
        self.controllers = [
            self.targets.add(
                {
                    "job": "ingress-nginx",
                    "instance": f"10.0.0.{lane}:10254",
                    "namespace": "ingress-nginx",
                    "pod": f"ingress-{lane}",
                    "service": "ingress-nginx-metrics",
                },
                start_ms=begun,
            )
            for lane in range(LANES)
        ]
        self.requests = Counted(
            "nginx_ingress_controller_requests", help_text="", targets=self.targets, served=self.served
        )
        alive = Stepped("nginx_ingress_controller_config_last_reload_successful", help_text="", targets=self.targets)
        up = Computed("up", kind="gauge", help_text="", targets=self.targets, meta=True, function=self._up)
        self._starts = Computed(
            "process_start_time_seconds", kind="gauge", help_text="", targets=self.targets, function=self._started
        )
        self.registry.register(self.requests, alive, up, self._starts)
        self._up_family = up
        for target in self.controllers:
            labels = {"controller_class": CLASS, "controller_namespace": "ingress-nginx"}
            alive.set(target.row, exposed=labels, target=target, value=1.0, at_ms=begun)
            up.add({}, target=target)
            self._starts.add({}, target=target)

    def _up(self, rows: Any, at: Any) -> Any:
        targets = self._up_family.target_rows()[rows]
        lifted = targets if at.ndim == 1 else targets[:, None]
        return (self.targets.state(lifted, at=at) == 1).astype(np.float64), np.ones(at.shape, dtype=bool)

    def _started(self, rows: Any, at: Any) -> Any:
        targets = self._starts.target_rows()[rows]
        lifted = targets if at.ndim == 1 else targets[:, None]
        return self.targets.process_starts(lifted, at=at) / 1000, np.ones(at.shape, dtype=bool)

    # Building it.

    def add_object(self, api: str, kind: str, namespace: str, name: str, spec: Mapping[str, Any], **meta: Any) -> None:
        where = {"namespace": namespace} if namespace else {}
        self.kube.add(
            {"apiVersion": api, "kind": kind, "metadata": {"name": name, **where, **meta}, "spec": dict(spec)}
        )

    def add_namespace(self, name: str, **labels: str) -> None:
        self.add_object("v1", "Namespace", "", name, {}, labels=labels)

    def add_workload(
        self, name: str, *, namespace: str, replicas: int = 2, kind: str = "Deployment", routed: bool = True
    ) -> str:
        """A workload that has run for a day, its Service and Ingress; returns its key."""
        labels = {"app": name}
        created = (self.clock.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        spec: dict[str, Any] = {"template": {"metadata": {"labels": labels}, "spec": {"containers": []}}}
        api = "apps/v1"
        if kind == "CronJob":
            api, spec = "batch/v1", {"schedule": "0 * * * *", "suspend": False, "jobTemplate": {"spec": spec}}
        else:
            spec["replicas"] = replicas
        obj = {
            "apiVersion": api,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "labels": labels, "creationTimestamp": created},
            "spec": spec,
            "status": {"readyReplicas": replicas},
        }
        self.kube.add(obj)
        if routed:
            self._route(name, namespace)
        return f"{kind}/{namespace}/{name}"

    def _route(self, name: str, namespace: str) -> None:
        ports = [{"name": "http", "port": 80}]
        self.add_object("v1", "Service", namespace, name, {"selector": {"app": name}, "ports": ports})
        backend = {"service": {"name": name, "port": {"number": 80}}}
        rules = [{"host": f"{name}.test", "http": {"paths": [{"path": "/", "backend": backend}]}}]
        self.add_object(
            "networking.k8s.io/v1", "Ingress", namespace, name, {"ingressClassName": "nginx", "rules": rules}
        )

    def add_traffic(self, source: Source) -> None:
        """Requests to a workload, counted by both controllers under the path's label."""
        _, namespace, name = source.workload.split("/")
        rows = self.demand.add(source)
        for lane, row in enumerate(rows):
            labels = {"namespace": namespace, "ingress": name, "service": name, "path": source.path, "status": "200"}
            self.requests.add(labels, target=self.controllers[lane], shares=[Share(row)])

    def add_policy(self, obj: dict[str, Any]) -> None:
        obj["metadata"].pop("uid", None)
        obj["metadata"].pop("generation", None)
        self.kube.add(obj)

    # Running it.

    def step(self) -> None:
        self.clock.advance(self.tick)
        self.kube.settle()
        if self.plimsoll_up:
            self.evaluate()
            self.work()

    def run(self, span: timedelta) -> None:
        until = self.clock.now() + span
        while self.clock.now() < until:
            self.step()

    def evaluate(self, *, epoch: int | None = None) -> services.EvaluateResult:
        for source in self.cache.sources:
            self.cache.alive(source.kind, now=self.clock.now())
        return services.evaluate(
            cluster=self.row,
            cache=self.cache,
            kube=self.kube,  # type: ignore[arg-type]  # watch, can and version are the reflector's part
            metrics=self.metrics,
            now=self.clock.now(),
            epoch=epoch,
        )

    def work(self) -> None:
        """The worker's part: everything that is due."""
        while ledger.run_due(holder="test", limit=200, now=self.clock.now()):
            pass

    def restart_plimsoll(self) -> None:
        """Everything that is only in memory is gone."""
        services.forget()
        ledger._forget()

    def replicas(self, key: str) -> int:
        kind, namespace, name = key.split("/")
        return int(self.kube.objects[kind, namespace, name]["spec"]["replicas"])

    def obj(self, key: str) -> dict[str, Any]:
        kind, namespace, name = key.split("/")
        return self.kube.objects[kind, namespace, name]

    def truly_asked_for(self, key: str, *, after: datetime, until: datetime) -> bool:
        """By the log: whether anything but probes came in (after, until]."""
        return self.demand.demanded(key, after_ms=to_ms(after), until_ms=to_ms(until))
