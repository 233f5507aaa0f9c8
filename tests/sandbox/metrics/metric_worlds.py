"""Small registries for the tests of the metrics."""

from __future__ import annotations

from datetime import UTC, datetime

from apps.sandbox.metrics.families import Computed, Counted, Share, Stepped
from apps.sandbox.metrics.registry import Registry
from apps.sandbox.metrics.targets import Targets
from apps.sandbox.sim.clock import HOUR_MS, MINUTE_MS, to_ms
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.traffic import Demand, Source

START = to_ms(datetime(2026, 3, 27, tzinfo=UTC))


def make_demand(*, seed: int = 7) -> Demand:
    demand = Demand(seed=seed, origin_ms=START)
    for i, (rate, shape) in enumerate([(3, "office"), (400, "consumer"), (20_000, "flat"), (0, "idle"), (2, "flat")]):
        demand.add(Source(f"Deployment/shop/w{i}", per_hour=rate, shape=shape, zone="Europe/Berlin", burst_chance=0.3))
    return demand


def make_registry(demand: Demand) -> tuple[Registry, Served]:
    """Two controllers: `requests_total` shows a series from its first request on, `upstream_total` from the start."""
    targets = Targets(seed=3)
    served = Served(demand)
    registry = Registry(targets)
    lazy = Counted("requests_total", help_text="Requests.", targets=targets, served=served)
    eager = Counted("upstream_total", help_text="Requests.", targets=targets, served=served, zero_visible=True)
    gauge = Stepped("replicas", help_text="Replicas.", targets=targets)
    starts = Computed(
        "process_start_time_seconds", kind="gauge", help_text="Start.", targets=targets,
        function=lambda rows, at: (targets.process_starts(starts.target_rows()[rows][:, None]
                                                          if at.ndim > 1 else starts.target_rows()[rows], at=at) / 1000,
                                   at == at),
    )  # fmt: skip
    registry.register(lazy, eager, gauge, starts)
    for lane in range(2):
        target = targets.add(
            {"job": "ingress", "instance": f"10.0.0.{lane}:10254", "pod": f"ingress-{lane}"}, start_ms=START
        )
        starts.add({}, target=target)
        for row, source in enumerate(demand.sources):
            labels = {"ingress": source.workload.rpartition("/")[2], "status": "200", "zone": "ab"[row % 2]}
            shares = [Share(row * demand.lanes + lane)]
            lazy.add(labels, target=target, shares=shares)
            eager.add(labels, target=target, shares=shares)
    for i in range(4):
        key = {"ingress": f"w{i}"}
        for step in range(6):
            at = START + step * HOUR_MS + i * MINUTE_MS
            gauge.set(i, exposed=key, target=targets.all[0], value=float((step * 7 + i) % 5), at_ms=at)
    return registry, served
