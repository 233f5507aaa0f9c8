"""cAdvisor, as the kubelet of each node serves it: what containers have used since they began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from apps.kernel.units import memory_bytes
from apps.sandbox.metrics.exporters.hub import Hub
from apps.sandbox.metrics.families import Computed
from apps.sandbox.metrics.targets import Flags, Target
from apps.sandbox.sim.draw import Floats, Ints
from apps.sandbox.sim.timeline import NEVER

Obj = dict[str, Any]
_BYTES_PER_CPU_SECOND = 200_000


class UsageModel(Protocol):
    """What pods of a workload use."""

    def cpu_seconds(self, workload: str, *, at: Ints) -> Floats: ...

    def memory_bytes(self, workload: str, *, requested: float, at: Ints) -> Floats: ...


@dataclass(slots=True)
class _Life:
    """One pod's container: whose it is, from when to when it ran, and the memory it asks for."""

    workload: str
    start_ms: int
    end_ms: int = NEVER
    memory: float = 0.0


class Kubelets:
    """Follows pods: a series begins when its pod is ready and ends when it is not."""

    def __init__(self, hub: Hub, *, usage: UsageModel, now_ms: Callable[[], int]) -> None:
        self._hub, self._usage, self._now_ms = hub, usage, now_ms
        self._lives: list[_Life] = []
        self._by_uid: dict[str, int] = {}
        self._nodes: dict[str, Target] = {}
        make = self._family
        self._families = [
            make("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time in seconds.", self._cpu),
            make("container_memory_working_set_bytes", "gauge", "Current working set in bytes.", self._memory),
            make("container_network_receive_bytes_total", "counter", "Cumulative bytes received.", self._network),
        ]
        hub.registry.register(*self._families)

    def pod_changed(self, workload: str, pod: Obj, ready: bool) -> None:
        """A pod got ready, or is so no more."""
        uid = pod["metadata"]["uid"]
        if not ready:
            row = self._by_uid.pop(uid, None)
            if row is not None:
                self._lives[row].end_ms = self._now_ms()
            return
        container = pod["spec"]["containers"][0]
        asked = container.get("resources", {}).get("requests") or {}
        self._by_uid[uid] = len(self._lives)
        self._lives.append(_Life(workload, self._now_ms(), memory=float(memory_bytes(asked.get("memory", "64Mi")))))
        target = self._node(pod["spec"]["nodeName"])
        about = {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}
        inside = {**about, "container": container["name"], "image": container.get("image", "")}
        for family, labels in zip(self._families, (inside, inside, {**about, "interface": "eth0"}), strict=True):
            family.add(labels, target=target)

    def _node(self, name: str) -> Target:
        if name not in self._nodes:
            labels = {"job": "kubelet", "instance": f"{name}:10250", "node": name, "metrics_path": "/metrics/cadvisor"}
            self._nodes[name] = self._hub.add_target(labels, honor_labels=True, path="/metrics/cadvisor")
        return self._nodes[name]

    def _family(self, name: str, kind: str, text: str, value: Callable[[_Life, Ints], Floats]) -> Computed:
        def values(rows: Ints, at: Ints) -> tuple[Floats, Flags]:
            made = np.zeros(at.shape)
            lives = [self._lives[row] for row in rows.tolist()]
            for i, life in enumerate(lives):
                made[i] = value(life, np.atleast_1d(at[i])).reshape(at[i].shape)
            starts, ends = (np.asarray([getattr(one, name) for one in lives]) for name in ("start_ms", "end_ms"))
            shape = (len(rows), *([1] * (at.ndim - 1)))
            return made, (at >= starts.reshape(shape)) & (at < ends.reshape(shape))

        return Computed(name, kind=kind, help_text=text, targets=self._hub.targets, function=values)

    def _cpu(self, life: _Life, at: Ints) -> Floats:
        before = self._usage.cpu_seconds(life.workload, at=np.asarray([life.start_ms]))
        return np.asarray(np.round(self._usage.cpu_seconds(life.workload, at=at) - before, 3))

    def _memory(self, life: _Life, at: Ints) -> Floats:
        return self._usage.memory_bytes(life.workload, requested=life.memory, at=at)

    def _network(self, life: _Life, at: Ints) -> Floats:
        return np.asarray(np.floor(self._cpu(life, at) * _BYTES_PER_CPU_SECOND))
