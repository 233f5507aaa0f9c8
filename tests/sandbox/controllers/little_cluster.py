"""A small cluster with all controllers on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.sandbox.controllers.install import install
from apps.sandbox.controllers.manager import Manager, World
from apps.sandbox.kubeapi.builtin import NAMESPACES, NODES, PODS
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store, WriteOptions
from apps.sandbox.sim.clock import EventQueue, SimClock

Obj = dict[str, Any]
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class LittleCluster:
    store: Store
    clock: SimClock
    world: World
    manager: Manager

    def run(self, seconds: float) -> None:
        """Let time pass and everything happen that is due."""
        self.manager.drain()
        end = self.clock.ms() + int(seconds * 1000)
        while (due := self.world.queue.pop_due(end)) is not None:
            self.clock.set_ms(due[0])
            due[1]()
            self.manager.drain()
        self.clock.set_ms(end)

    def create(self, resource: Resource, obj: Obj) -> Obj:
        return self.store.create(resource, obj=obj, options=WriteOptions(manager="test"))

    def get(self, resource: Resource, name: str, namespace: str | None = "shop") -> Obj:
        return self.store.get(resource, namespace=namespace, name=name)

    def edit(self, resource: Resource, name: str, change: Any, namespace: str | None = "shop") -> None:
        self.store.modify(resource, namespace=namespace, name=name, change=change, options=WriteOptions(manager="test"))

    def pods(self, namespace: str = "shop") -> list[Obj]:
        return sorted(self.store.items(PODS, namespace=namespace), key=lambda pod: str(pod["metadata"]["name"]))

    def ready_pods(self) -> list[Obj]:
        return [pod for pod in self.pods() if _ready(pod)]


def _ready(pod: Obj) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def make_cluster(*, nodes: int = 3, utilisation: Any = None) -> LittleCluster:
    clock, queue = SimClock(START), EventQueue()
    store = Cluster("little", now=clock.now, tokens={}, seed=1).store
    world = World(store, clock.ms, queue, seed=1)
    extra = {"utilisation": utilisation} if utilisation else {}
    manager = install(world, **extra)
    cluster = LittleCluster(store, clock, world, manager)
    cluster.create(NAMESPACES, {"metadata": {"name": "shop"}})
    for number in range(nodes):
        cluster.create(NODES, make_node(f"n{number}"))
    cluster.run(1)
    return cluster


def make_node(name: str, *, cpu: str = "4", zone: str = "a", labels: dict[str, str] | None = None) -> Obj:
    room = {"cpu": cpu, "memory": "16Gi", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone, **(labels or {})}},
        "spec": {},
        "status": {"capacity": room, "allocatable": room, "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}]},
    }


def make_template(app: str = "web", *, image: str = "web:1", cpu: str = "100m", **notes: str) -> Obj:
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}
    annotations = {f"sandbox.plimsoll.dev/{name.replace('_', '-')}": value for name, value in notes.items()}
    return {"metadata": {"labels": {"app": app}, "annotations": annotations}, "spec": {"containers": [container]}}


def make_deployment(name: str = "web", *, replicas: int = 3, **template: str) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": make_template(name, **template),
        },
    }
