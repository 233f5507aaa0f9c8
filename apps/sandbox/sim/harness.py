"""A cluster for simulations: many workloads, a clock that the caller moves, and both ports in process, without HTTP.

    harness = Harness(seed=1, workloads=500)
    harness.advance(timedelta(minutes=1))
    harness.metrics.query(...)                  # kernel.ports.Metrics
    harness.kube.scale(...)                     # kernel.ports.Kube
    harness.cluster.hub.targets.outage(...)     # levers: see metrics.targets, sim.traffic
    harness.demanded(key, after=..., until=...) # the truth, from the request log

With `pods` off, Deployments and StatefulSets get their status without ReplicaSets and pods, a few seconds after they
are scaled: thirty simulated days of hundreds of workloads then cost seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apps.kernel.vocab import Sample, Series
from apps.sandbox.metrics.api import PrometheusApi, present_rows
from apps.sandbox.metrics.promql.values import QueryError, Scalar, Vector
from apps.sandbox.sim.build import begin, populate, visit
from apps.sandbox.sim.clock import SimClock, from_ms, to_ms
from apps.sandbox.sim.cluster import SimCluster
from apps.sandbox.sim.fleet import Fleet, Node, Workload
from apps.sandbox.sim.inprocess import StoreKube, refused
from apps.sandbox.sim.traffic import Source

_SHAPES = (("idle", 0.0), ("office", 3.0), ("office", 60.0), ("consumer", 400.0), ("flat", 1.0))


class LocalMetrics:
    """`kernel.ports.Metrics` over a cluster's own evaluator. InvalidInput for a query that cannot be answered."""

    def __init__(self, api: PrometheusApi) -> None:
        self._api = api
        self._lock = threading.Lock()  # tables grow while they are read

    def query(self, promql: str, *, at: datetime) -> Sequence[Sample]:
        """An instant query."""
        moment = to_ms(at)
        with self._lock, _answerable():
            found = self._api.engine.instant(promql, at_ms=moment)
        if isinstance(found, Scalar):
            return [Sample({}, float(found.values[0]), moment / 1000)]
        if not isinstance(found, Vector):
            return []
        sets, values = found.labels.sets, found.values
        return [Sample(sets[row], float(values[row, 0]), moment / 1000) for row in present_rows(found).tolist()]

    def query_range(self, promql: str, *, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        """A range query."""
        step_ms = step // timedelta(milliseconds=1)
        with self._lock, _answerable():
            found = self._api.query_range(promql, start_ms=to_ms(start), end_ms=to_ms(end), step_ms=step_ms)
        return [
            Series(one["metric"], tuple((float(at), float(value)) for at, value in one["values"]))
            for one in found["result"]
        ]

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def _answerable() -> Iterator[None]:
    try:
        yield
    except QueryError as e:
        raise refused(e) from e


class Harness:
    """See the module. `fleet` None makes one of `workloads` Deployments behind ingress-nginx."""

    def __init__(
        self, *, seed: int = 1, workloads: int = 500, start: datetime = datetime(2026, 3, 16, tzinfo=UTC),
        fleet: Fleet | None = None, pods: bool = False, name: str = "harness",
    ) -> None:  # fmt: skip
        self.clock = SimClock(start)
        self.fleet = fleet or make_fleet(workloads, name=name)
        self.cluster = SimCluster(name, seed=seed, clock=self.clock, tokens={}, state_metrics=pods, pods=pods)
        populate(self.cluster, fleet=self.fleet)
        visit(self.cluster, fleet=self.fleet)
        begin(self.cluster)
        self.metrics = LocalMetrics(self.cluster.prometheus)
        self.kube = StoreKube(self.cluster.api, cluster=name)
        self.advance(timedelta(0))

    def now(self) -> datetime:
        """The cluster's time."""
        return self.clock.now()

    def advance(self, span: timedelta) -> None:
        """Let time pass; everything that is due happens, each at its own moment."""
        self.cluster.advance(self.clock.ms() + span // timedelta(milliseconds=1))

    def demanded(self, workload: str, *, after: datetime, until: datetime) -> bool:
        """Whether anything but probes asked for `Kind/namespace/name` in (after, until]."""
        return self.cluster.demand.demanded(workload, after_ms=to_ms(after), until_ms=to_ms(until))

    def asleep(self, workload: str) -> list[tuple[datetime, datetime]]:
        """When the workload had no ready pod; the last interval ends now when it lasts."""
        intervals = self.cluster.served.asleep_intervals(workload, until_ms=self.clock.ms())
        return [(from_ms(low), from_ms(high)) for low, high in intervals]


def make_fleet(workloads: int, *, name: str = "harness") -> Fleet:
    """Deployments over namespaces of 25, each with a Service, an Ingress with a health path, people and a probe."""
    made = []
    for i in range(workloads):
        shape, per_hour = _SHAPES[i % len(_SHAPES)]
        people = Source("", per_hour=per_hour, shape=shape, zone="Europe/Berlin")
        probe = Source("", path="/healthz", agent="kube-probe/1.36", per_hour=60, probe=True)
        made.append(Workload(
            "Deployment", f"team-{i // 25}-dev", f"app-{i}", replicas=1 + i % 3, route="nginx",
            paths=("/", "/healthz"), sources=(people, probe),
        ))  # fmt: skip
    spaces = {one.namespace: {"env": "dev"} for one in made}
    nodes = tuple(Node(f"n{i}", "m5.2xlarge", "eu-central-1", "eu-central-1a") for i in range(max(workloads // 25, 2)))
    return Fleet(name, "eu-central-1", "Europe/Berlin", nodes, spaces, tuple(made))
