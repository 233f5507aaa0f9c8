"""One simulated cluster, whole: its API side, its controllers, its requests, and what a Prometheus would know of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from apps.sandbox.controllers.install import install
from apps.sandbox.controllers.kubelet import Kubelet
from apps.sandbox.controllers.light import LightWorkloads
from apps.sandbox.controllers.manager import Manager, World
from apps.sandbox.kubeapi.builtin import DEPLOYMENTS, STATEFULSETS
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.request import User
from apps.sandbox.metrics.api import PrometheusApi
from apps.sandbox.metrics.exporters.gateways import Gateway
from apps.sandbox.metrics.exporters.hub import Hub
from apps.sandbox.metrics.exporters.kubelets import Kubelets
from apps.sandbox.metrics.exporters.sidecars import Sidecars
from apps.sandbox.metrics.exporters.state import StateMetrics
from apps.sandbox.sim.awake import AwakeTracker
from apps.sandbox.sim.clock import EventQueue, SimClock, from_ms
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.traffic import Demand
from apps.sandbox.sim.usage import Usage

HISTORY = timedelta(days=8)


class SimCluster:
    """`advance` moves a cluster whose clock stands still; `run_due` serves one whose clock runs.

    The history that the metrics show begins at `origin_ms`. While `seeding_ms` is set the cluster lives at that moment:
    so that what it holds is older than the program that made it. Without `state_metrics` there is neither
    kube-state-metrics nor cAdvisor, whose series cost some 4 kB of memory a pod. Without `pods` only the status of
    Deployments and StatefulSets moves.
    """

    def __init__(
        self, name: str, *, seed: int, clock: SimClock, tokens: Mapping[str, User], origin_ms: int | None = None,
        ca_pem: str = "", honor_labels: bool = True, token_key: bytes | None = None, state_metrics: bool = True,
        pods: bool = True,
    ) -> None:  # fmt: skip
        self.name, self.seed, self.clock = name, seed, clock
        now = clock.ms()
        self.origin_ms = now - HISTORY // timedelta(milliseconds=1) if origin_ms is None else origin_ms
        self.seeding_ms: int | None = self.origin_ms
        self.queue = EventQueue()
        self.api = Cluster(
            name, now=lambda: from_ms(self.now_ms()), tokens=tokens, seed=seed, ca_pem=ca_pem, token_key=token_key
        )
        self.store = self.api.store
        self.world = World(self.store, self.now_ms, self.queue, seed=seed)
        self.demand = Demand(seed=seed, origin_ms=self.origin_ms)
        self.served = Served(self.demand)
        self.hub = Hub(self.demand, self.served, self.origin_ms, honor_labels=honor_labels)
        self.usage = Usage(self)
        self.awake = AwakeTracker(self.store, served=self.served, now_ms=self.now_ms)
        self.kubelet = Kubelet(self.world)
        self.light: list[LightWorkloads] = []
        if pods:
            self.manager = install(self.world, kubelet=self.kubelet, utilisation=self.usage.utilisation)
        else:
            self.manager = Manager(self.world)
            self._install_light()
        self.prometheus = PrometheusApi(self.hub.registry)
        self.mesh = Sidecars(self.hub, now_ms=self.now_ms)
        self.awake.listeners.append(self.mesh.pod_changed)
        self.state: StateMetrics | None = None
        if state_metrics:
            self.kubelets = Kubelets(self.hub, usage=self.usage, now_ms=self.now_ms)
            self.awake.listeners.append(self.kubelets.pod_changed)
            self.state = StateMetrics(self.hub, store=self.store, now_ms=self.now_ms)
        self.gateways: dict[str, Gateway] = {}

    def _install_light(self) -> None:
        for resource in (DEPLOYMENTS, STATEFULSETS):
            one = LightWorkloads(self.world, resource, self._set_awake)
            self.light.append(one)
            self.manager.add(one, watches=[resource])

    def _set_awake(self, workload: str, awake: bool) -> None:
        self.served.set_awake(workload, awake=awake, at_ms=self.now_ms())

    def set_instant(self, instant: bool) -> None:
        """While on, pods and workloads are up as soon as they are made."""
        self.kubelet.instant = instant
        for one in self.light:
            one.instant = instant

    def now_ms(self) -> int:
        """The cluster's time."""
        return self.clock.ms() if self.seeding_ms is None else self.seeding_ms

    def gateway(self, kind: str) -> Gateway:
        """The controller of this kind, made when it is first asked for, one replica a lane."""
        if kind not in self.gateways:
            pods = tuple(f"{kind}-gateway-{lane}" for lane in range(self.demand.lanes))
            self.gateways[kind] = Gateway(self.hub, kind, pods)
        return self.gateways[kind]

    def advance(self, to_ms: int) -> None:
        """Let everything happen that is due until `to_ms`, each at its own moment. For clocks that stand still."""
        self.manager.drain()
        while (due := self.queue.pop_due(to_ms)) is not None:
            self.clock.set_ms(max(due[0], self.clock.ms()))
            due[1]()
            self.manager.drain()
        self.clock.set_ms(to_ms)

    def run_due(self, *, limit: int = 200) -> float | None:
        """Do what is due now, at most about `limit` steps; returns the simulated seconds until the next thing, 0 when
        more is due already, None when nothing is planned."""
        now = self.now_ms()
        for _ in range(limit):
            due = self.queue.pop_due(now)
            if due is None:
                break
            due[1]()
        if self.manager.drain(limit=limit):
            return 0.0
        following = self.queue.next_ms()
        return None if following is None else max(following - self.now_ms(), 0) / 1000
