"""CPU and memory that workloads use: a little when idle, more with each request, never smooth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apps.sandbox.sim import draw
from apps.sandbox.sim.clock import HOUR_MS
from apps.sandbox.sim.draw import Floats, Ints

if TYPE_CHECKING:
    from apps.sandbox.sim.cluster import SimCluster

_IDLE_SHARE = 0.02
_CPU_SECONDS_PER_REQUEST = 0.03


class Usage:
    """What each workload of one cluster uses. CPU follows the expected requests of the hour, over all its pods."""

    def __init__(self, cluster: SimCluster) -> None:
        self._cluster = cluster
        self._hours: dict[str, Floats] = {}  # workload -> cumulative CPU seconds by hour, over all pods
        self.requested: dict[str, tuple[float, int]] = {}  # workload -> (cores requested by one pod, replicas)

    def utilisation(self, kind: str, namespace: str, name: str) -> float | None:
        """CPU used now as a share of what is requested; None for a workload that is not known."""
        key = f"{kind}/{namespace}/{name}"
        if key not in self.requested:
            return None
        cores, replicas = self.requested[key]
        hour = self._cluster.now_ms() // HOUR_MS
        used = self._rate(key, hours=np.asarray([hour]))[0]
        return float(used / (cores * replicas))

    def cpu_seconds(self, workload: str, *, at: Ints) -> Floats:
        """CPU seconds that one pod's worth of the workload has used from the origin to each moment."""
        origin = self._cluster.demand.origin_hour
        elapsed = np.maximum(at - origin * HOUR_MS, 0)
        hour = elapsed // HOUR_MS
        table = self._table(workload, hours=int(hour.max(initial=0)) + 2)
        inside = (elapsed % HOUR_MS) / HOUR_MS
        replicas = max(self.requested.get(workload, (0.1, 1))[1], 1)
        return np.asarray((table[hour] + (table[hour + 1] - table[hour]) * inside) / replicas)

    def memory_bytes(self, workload: str, *, requested: float, at: Ints) -> Floats:
        """The working set of one pod: 45 to 80 % of what it asks for, moving every five minutes."""
        number = sum(workload.encode()) + 977 * len(workload)
        noise = draw.uniform(self._cluster.seed, np.asarray(number), at // 300_000, 21)
        return np.asarray(np.floor(requested * (0.45 + 0.3 * noise)))

    def _table(self, workload: str, *, hours: int) -> Floats:
        known = self._hours.get(workload)
        if known is None or len(known) < hours:
            span = self._cluster.demand.origin_hour + np.arange(hours + 24 * 7)
            known = np.concatenate([[0.0], np.cumsum(self._rate(workload, hours=span) * 3600)])
            self._hours[workload] = known
        return known

    def _rate(self, workload: str, *, hours: Ints) -> Floats:
        """Cores in use in each hour, over all pods."""
        demand = self._cluster.demand
        cores, replicas = self.requested.get(workload, (0.1, 1))
        rows = demand.rows_of.get(workload, [])
        requests = demand.rate(rows, hours=hours).sum(axis=0) if rows else np.zeros(len(hours))
        idle = cores * replicas * _IDLE_SHARE
        return np.asarray(idle + np.minimum(requests / 3600 * _CPU_SECONDS_PER_REQUEST, cores * replicas * 0.9))
