"""The queries of each source, answered by the sandbox's exporters under their real metric names: silence is proven, one
request is seen, and so is one that found nobody awake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.kernel.vocab import Backend, ObjectRef, Reading, Route, Snapshot, Workload
from apps.policies.domain.memory import Memory
from apps.policies.domain.parse import parse
from apps.policies.domain.tick import plan_of
from apps.sandbox.metrics.exporters.gateways import Gateway, Routed
from apps.sandbox.metrics.exporters.hub import Hub
from apps.sandbox.sim.clock import to_ms
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.traffic import Demand, Source
from tests.policies.build import make_policy, make_route, make_sleeper, make_snapshot, make_workload, run
from tests.policies.world import EngineMetrics

START = datetime(2026, 3, 10, 0, 0, tzinfo=UTC)
NOW = START + timedelta(hours=30)
KEY = "Deployment/dev/web"


@dataclass(frozen=True)
class Case:
    """A source, the controller that stands for it in the sandbox, and the route it serves."""

    source: str
    gateway: str
    kind: str = "Ingress"
    route_class: str = "nginx"
    controller: str = "k8s.io/ingress-nginx"


CASES = {
    "IngressNginx": Case("IngressNginx", "nginx"),
    "Traefik": Case("Traefik", "traefik", "Ingress", "traefik", "traefik.io/ingress-controller"),
    "Traefik's own route": Case("Traefik", "traefik", "IngressRoute", "traefik", ""),
    "Istio": Case("Istio", "istio", "VirtualService", "istio", ""),
    "Istio by the Gateway API": Case("Istio", "istio", "HTTPRoute", "mesh", "istio.io/gateway-controller"),
    "EnvoyGateway": Case("EnvoyGateway", "envoy", "HTTPRoute", "eg", "gateway.envoyproxy.io/gatewayclass-controller"),
    "Linkerd": Case("Linkerd", "linkerd"),
}


class Edge:
    """One controller with two replicas in front of one workload."""

    def __init__(self, case: Case, *, honor_labels: bool) -> None:
        self.case = case
        self.demand = Demand(seed=5, origin_ms=to_ms(START))
        self.served = Served(self.demand)
        self.hub = Hub(self.demand, self.served, to_ms(START), honor_labels=honor_labels)
        self.demand.add(Source(KEY, shape="idle"))
        self.demand.add(Source("Deployment/dev/other", per_hour=900.0))
        self.gateway = Gateway(self.hub, case.gateway, ("edge-gateway-0", "edge-gateway-1"))
        for name in ("web", "other"):
            crd = case.kind == "IngressRoute"
            self.gateway.serve(Routed(f"Deployment/dev/{name}", "dev", name, name, crd=crd))
        self.metrics = EngineMetrics(self.hub.registry)
        self.policy = make_policy(rule={"traffic": {"source": case.source}})

    def hit(self, at: datetime) -> None:
        self.demand.hit(0, at_ms=to_ms(at))

    def readings(self, now: datetime) -> dict[str, Reading]:
        plan = plan_of(parse(self.policy))
        assert plan is not None
        return {text: Reading(text, now, tuple(self.metrics.query(text, at=now))) for text in plan.texts}

    def snapshot(self, workload: Workload, now: datetime) -> Snapshot:
        route, service = make_route()
        ref = ObjectRef("c1", "x", self.case.kind, "dev", "web")
        routes = [(Route(ref, self.case.route_class, (), (Backend("dev", "web", "80"),)), service)]
        made = make_snapshot([workload], [self.policy], routes=routes, readings=self.readings(now), at=now)
        controllers: Mapping[str, str] = {self.case.route_class: self.case.controller} if self.case.controller else {}
        assert isinstance(route, Route)
        return replace(made, controllers=controllers)

    def decide(self, workload: Workload, now: datetime, **context: Any) -> Any:
        return run(self.snapshot(workload, now), now=now, **context)


@pytest.fixture(params=[(name, honor) for name in CASES for honor in (True, False)], ids=lambda p: f"{p[0]}-{p[1]}")
def edge(request: pytest.FixtureRequest) -> Edge:
    name, honor_labels = request.param
    return Edge(CASES[name], honor_labels=honor_labels)


def test_silence_is_proven_and_one_request_ends_it(edge: Edge) -> None:
    assert edge.decide(make_workload(), NOW).decisions[0].reason.code == "Idle"
    edge.hit(NOW + timedelta(minutes=1))
    later = NOW + timedelta(minutes=3)
    decision = edge.decide(make_workload(), later).decisions[0]
    assert (decision.reason.code, round(decision.reason.operands["requests"])) == ("Traffic", 1)
    after = NOW + timedelta(hours=2, minutes=10)
    assert edge.decide(make_workload(), after).decisions[0].reason.code == "Idle"
    edge.hit(after)  # and a counter that is there already is seen to rise
    assert edge.decide(make_workload(), after + timedelta(minutes=3)).decisions[0].reason.code == "Traffic"


def test_a_request_that_finds_nobody_awake_wakes_it(edge: Edge) -> None:
    edge.hit(NOW - timedelta(hours=5))
    memory = edge.decide(make_workload(), NOW).memories["uid-dev-web"]
    edge.served.set_awake(KEY, awake=False, at_ms=to_ms(NOW))
    sleeper, memories = make_sleeper(), {"uid-dev-web": memory}
    later = NOW + timedelta(minutes=30)
    assert edge.decide(sleeper, later, memories=memories).decisions[0].reason.code == "Asleep"
    edge.hit(later)
    decision = edge.decide(sleeper, later + timedelta(minutes=2), memories=memories).decisions[0]
    assert (decision.verdict, decision.reason.code) == ("Act", "Demand")


def test_a_restart_while_it_sleeps_neither_wakes_it_nor_hides_a_request(edge: Edge) -> None:
    edge.hit(NOW - timedelta(hours=5))
    memory = edge.decide(make_workload(), NOW).memories["uid-dev-web"]
    edge.served.set_awake(KEY, awake=False, at_ms=to_ms(NOW))
    for target in edge.gateway.targets:
        edge.hub.targets.restart(target, at_ms=to_ms(NOW + timedelta(minutes=10)))
    sleeper = make_sleeper()
    later = NOW + timedelta(minutes=12)
    decided = edge.decide(sleeper, later, memories={"uid-dev-web": memory})
    assert decided.decisions[0].reason.code == "Asleep"
    memory = decided.memories["uid-dev-web"]
    assert isinstance(memory, Memory)
    edge.hit(later)
    decision = edge.decide(sleeper, later + timedelta(minutes=2), memories={"uid-dev-web": memory}).decisions[0]
    assert decision.reason.code == "Demand"


def test_a_gap_keeps_awake(edge: Edge) -> None:
    edge.hub.targets.prometheus_gap(
        start_ms=to_ms(NOW - timedelta(minutes=30)), end_ms=to_ms(NOW - timedelta(minutes=20))
    )
    assert edge.decide(make_workload(), NOW).decisions[0].reason.code == "MetricsGap"


def test_one_of_two_replicas_that_nobody_can_scrape_for_longer_than_the_window_keeps_awake(edge: Edge) -> None:
    down = edge.gateway.targets[0]
    edge.hub.targets.outage(down, start_ms=to_ms(NOW - timedelta(hours=6)), end_ms=to_ms(NOW + timedelta(hours=1)))
    assert edge.decide(make_workload(), NOW).decisions[0].reason.code == "TargetDown"
