"""Counters equal the log they count, exactly, whatever is done to the workload or to the exporter."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from apps.sandbox.metrics.exporters.gateways import Gateway, Routed
from apps.sandbox.metrics.exporters.hub import Hub
from apps.sandbox.metrics.promql.engine import Engine
from apps.sandbox.metrics.promql.values import Vector
from apps.sandbox.sim import seasons
from apps.sandbox.sim.clock import DAY_MS, HOUR_MS, MINUTE_MS, to_ms
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.traffic import Demand, Silence, Source

START = to_ms(datetime(2026, 3, 27, tzinfo=UTC))
WEB = "Deployment/shop/web"


def make_demand(*sources: Source, seed: int = 5) -> Demand:
    demand = Demand(seed=seed, origin_ms=START)
    for source in sources or (Source(WEB, per_hour=200, shape="office", zone="Europe/Berlin", burst_chance=0.5),):
        demand.add(source)
    return demand


@pytest.mark.parametrize("per_hour", [0.3, 7, 400, 90_000])
def test_the_count_at_any_millisecond_is_the_length_of_the_log_until_then(per_hour: float) -> None:
    demand = make_demand(Source(WEB, per_hour=per_hour))
    log = demand.arrivals(0, after_ms=START - 1, until_ms=START + 5 * HOUR_MS)
    moments = np.concatenate([log[:50], log[:50] - 1, START + np.arange(0, 5 * HOUR_MS, 777_777)])
    counts = demand.count(np.zeros(len(moments), dtype=np.int64), at=moments)
    assert counts.tolist() == np.searchsorted(log, moments, side="right").tolist()


def test_the_log_does_not_depend_on_what_was_asked_before_or_on_where_history_begins() -> None:
    whole, late = make_demand(), Demand(seed=5, origin_ms=START + DAY_MS)
    late.add(whole.sources[0])
    whole.count(np.asarray([0]), at=np.asarray([START + 40 * DAY_MS]))
    span = {"after_ms": START + 3 * DAY_MS, "until_ms": START + 4 * DAY_MS}
    assert whole.arrivals(0, **span).tolist() == late.arrivals(0, **span).tolist()
    assert len(make_demand(seed=6).arrivals(0, **span)) != 0
    assert make_demand(seed=6).arrivals(0, **span).tolist() != whole.arrivals(0, **span).tolist()


def test_mean_rates_are_what_the_source_says() -> None:
    demand = make_demand(Source(WEB, per_hour=50))
    count = demand.count(np.arange(2), at=np.full(2, START + 30 * DAY_MS)).sum()
    assert abs(count / (30 * 24) - 50) < 1.0


def test_office_traffic_follows_the_clock_of_its_zone_over_a_change_of_clocks() -> None:
    demand = make_demand(Source(WEB, per_hour=2_000, shape="office", zone="Europe/Berlin"))
    first_by_day = {}
    for day in range(7):
        log = demand.arrivals(0, after_ms=START + day * DAY_MS, until_ms=START + (day + 1) * DAY_MS)
        first_by_day[day] = int((log[0] - START) % DAY_MS // HOUR_MS) if len(log) else None
    # Friday 27 March at 07:00 CET is 06:00 UTC; after the change on Sunday it is 05:00 UTC; weekends are silent.
    assert first_by_day == {0: 6, 1: None, 2: None, 3: 5, 4: 5, 5: 5, 6: 5}


def test_holidays_are_silent_in_offices_and_busy_in_shops() -> None:
    hours = to_ms(datetime(2026, 12, 25, 10, tzinfo=UTC)) // HOUR_MS + np.arange(2)
    assert seasons.factors("office", zone="Europe/Berlin", hours=hours).tolist() == [0.0, 0.0]
    assert seasons.factors("consumer", zone="Europe/Berlin", hours=hours).min() > 1.0
    assert seasons.factors("office", zone="Africa/Nairobi", hours=hours).max() > 0.0


def test_a_silenced_workload_gets_only_what_a_test_sends_it_and_its_probes() -> None:
    probe = Source(WEB, path="/healthz", agent="kube-probe/1.36", per_hour=360, probe=True)
    demand = make_demand(Source(WEB, per_hour=100), probe)
    span = {"after_ms": START + 2 * HOUR_MS, "until_ms": START + 5 * HOUR_MS}
    assert demand.demanded(WEB, **span)
    demand.silence(WEB, span=Silence(START + 2 * HOUR_MS, START + 6 * HOUR_MS))
    assert not demand.demanded(WEB, **span)
    assert {request.path for request in demand.requests(WEB, **span)} == {"/healthz"}
    demand.hit(0, at_ms=START + 3 * HOUR_MS)
    assert demand.demanded(WEB, **span)
    assert not demand.demanded(WEB, after_ms=START + 3 * HOUR_MS, until_ms=START + 5 * HOUR_MS)


def test_requests_to_a_sleeper_are_in_the_log_and_counted_as_refused() -> None:
    demand = make_demand(Source(WEB, per_hour=500))
    served = Served(demand)
    rows = np.arange(2)
    served.set_awake(WEB, awake=False, at_ms=START + 2 * HOUR_MS)
    served.set_awake(WEB, awake=True, at_ms=START + 5 * HOUR_MS)
    served.set_awake(WEB, awake=False, at_ms=START + 7 * HOUR_MS)
    assert served.asleep_intervals(WEB, until_ms=START + 9 * HOUR_MS) == [
        (START + 2 * HOUR_MS, START + 5 * HOUR_MS), (START + 7 * HOUR_MS, START + 9 * HOUR_MS),
    ]  # fmt: skip
    for at in (START + HOUR_MS, START + 4 * HOUR_MS, START + 6 * HOUR_MS + 17, START + 8 * HOUR_MS):
        log = demand.requests(WEB, after_ms=START - 1, until_ms=at)
        asleep = served.asleep_intervals(WEB, until_ms=START + 9 * HOUR_MS)
        refused = sum(any(low < one.at_ms <= high for low, high in asleep) for one in log)
        got, everything = served.counts(rows, at=np.full(2, at))
        assert (everything.sum(), everything.sum() - got.sum()) == (len(log), refused)


def world(**source: float) -> tuple[Demand, Served, Hub, Gateway]:
    probe = Source(WEB, path="/healthz", agent="kube-probe/1.36", per_hour=60, probe=True)
    demand = make_demand(Source(WEB, per_hour=source.get("per_hour", 300)), probe)
    served = Served(demand)
    hub = Hub(demand, served, START)
    gateway = Gateway(hub, "nginx", ("nginx-a", "nginx-b"))
    gateway.serve(Routed(WEB, "shop", "web", "web", host="web.test", paths=("/", "/healthz")))
    return demand, served, hub, gateway


def ask(hub: Hub, query: str, at_ms: int) -> dict[tuple[tuple[str, str], ...], float]:
    found = Engine(hub.registry).instant(query, at_ms=at_ms)
    assert isinstance(found, Vector)
    return {
        tuple(sorted(found.labels.sets[row].items())): float(found.values[row, 0])
        for row in np.flatnonzero(found.present[:, 0])
    }


def test_ingress_nginx_counts_by_path_of_the_route_and_by_status() -> None:
    demand, served, hub, _ = world()
    served.set_awake(WEB, awake=False, at_ms=START + 3 * HOUR_MS)
    at = START + 4 * HOUR_MS
    found = ask(hub, "sum by (path, status) (nginx_ingress_controller_requests)", at)
    last = max(hub.targets.offsets())  # the last scrapes lie up to one interval back
    log = demand.requests(WEB, after_ms=START - 1, until_ms=at)
    for path in ("/", "/healthz"):
        for status, low, high in (("200", START, START + 3 * HOUR_MS), ("503", START + 3 * HOUR_MS, at)):
            want = sum(one.path == path and low < one.at_ms <= high for one in log)
            late = sum(one.path == path and at - 30_000 - last < one.at_ms <= at for one in log)
            got = found[(("path", path), ("status", status))]
            assert want - late <= got <= want


def test_a_restart_that_is_explained_moves_the_process_start_and_one_that_is_not_does_not() -> None:
    _, _, hub, gateway = world()
    hub.targets.restart(gateway.targets[0], at_ms=START + 2 * HOUR_MS)
    hub.targets.restart(gateway.targets[1], at_ms=START + 2 * HOUR_MS, explained=False)
    at = START + 3 * HOUR_MS
    resets = ask(hub, "max by (pod) (resets(nginx_ingress_controller_requests[2h]))", at)
    changes = ask(hub, "changes(process_start_time_seconds[2h])", at)
    assert set(resets.values()) == {1.0}
    assert {dict(labels)["pod"]: value for labels, value in changes.items()} == {"nginx-a": 1.0, "nginx-b": 0.0}


def test_an_outage_shows_in_up_and_loses_no_count() -> None:
    _, _, hub, gateway = world()
    before = START + 2 * HOUR_MS
    hub.targets.outage(gateway.targets[0], start_ms=before, end_ms=before + 20 * MINUTE_MS)
    during = before + 10 * MINUTE_MS
    assert sorted(ask(hub, "up", during).values()) == [0.0, 1.0]
    assert {dict(k)["controller_pod"] for k in ask(hub, "nginx_ingress_controller_requests", during)} == {"nginx-b"}
    lost = ask(hub, "sum(increase(nginx_ingress_controller_requests[1h]))", before + 40 * MINUTE_MS)
    calm = ask(hub, "sum(increase(nginx_ingress_controller_requests[1h]))", before - MINUTE_MS)
    assert list(lost.values())[0] == pytest.approx(list(calm.values())[0], rel=0.2)
    assert ask(hub, "count_over_time(up[1h])", before + 40 * MINUTE_MS)


def test_a_pod_change_ends_the_old_series_and_begins_new_ones_at_zero() -> None:
    demand, _, hub, gateway = world()
    at = START + 2 * HOUR_MS
    gateway.replace(0, pod="nginx-c", at_ms=at)
    soon = ask(hub, 'sum by (controller_pod) (nginx_ingress_controller_requests{path="/"})', at + 10 * MINUTE_MS)
    pods = {dict(labels)["controller_pod"]: value for labels, value in soon.items()}
    assert set(pods) == {"nginx-b", "nginx-c"}
    rows = [row for row in demand.rows_of[WEB] if row % 2 == 0 and not demand.row_source(row)[0].probe]
    want = sum(len(demand.arrivals(row, after_ms=at, until_ms=at + 10 * MINUTE_MS)) for row in rows)
    assert 0 < pods["nginx-c"] <= want


def test_a_series_appears_at_one() -> None:
    demand, _, hub, _ = world(per_hour=0)
    at = START + 2 * HOUR_MS
    assert ask(hub, 'nginx_ingress_controller_requests{path="/"}', at) == {}
    demand.hit(0, at_ms=at + 1_000)
    found = ask(hub, 'nginx_ingress_controller_requests{path="/"}', at + MINUTE_MS)
    assert list(found.values()) == [1.0]
    assert list(ask(hub, 'increase(nginx_ingress_controller_requests{path="/"}[2h])', at + HOUR_MS).values()) == [0.0]


def test_labels_collide_with_the_targets_own_unless_honoured() -> None:
    demand = make_demand(Source(WEB, per_hour=300))
    for honor, names in ((True, {"namespace": "shop", "service": "web"}),
                         (False, {"exported_namespace": "shop", "exported_service": "web",
                                  "namespace": "ingress-nginx"})):  # fmt: skip
        hub = Hub(demand, Served(demand), START, honor_labels=honor)
        Gateway(hub, "nginx", ("a", "b")).serve(Routed(WEB, "shop", "web", "web"))
        labels = dict(next(iter(ask(hub, "nginx_ingress_controller_requests", START + DAY_MS))))
        assert names.items() <= labels.items()


@pytest.mark.parametrize(
    ("kind", "metric", "want"),
    [
        ("traefik", "traefik_service_requests_total", {"service": "shop-web-80@kubernetes", "code": "200"}),
        ("envoy", "envoy_cluster_upstream_rq_total", {"envoy_cluster_name": "httproute/shop/web/rule/0"}),
        ("istio", "istio_requests_total", {"destination_service_name": "web", "reporter": "source",
                                           "destination_service_namespace": "shop", "destination_workload": "web"}),
        ("linkerd", "request_total", {"direction": "outbound", "dst_service": "web", "dst_namespace": "shop"}),
    ],
)  # fmt: skip
def test_each_gateway_counts_the_same_log_under_its_own_names(kind: str, metric: str, want: dict[str, str]) -> None:
    demand = make_demand(Source(WEB, per_hour=300))
    hub = Hub(demand, Served(demand), START)
    gateway = Gateway(hub, kind, ("a", "b"))
    gateway.serve(Routed(WEB, "shop", "web", "web"))
    labels = dict(next(iter(ask(hub, metric, START + DAY_MS))))
    assert want.items() <= labels.items()
    at = START + DAY_MS
    logged = len(demand.requests(WEB, after_ms=START - 1, until_ms=at))
    late = len(demand.requests(WEB, after_ms=at - 30_000, until_ms=at))
    total = next(iter(ask(hub, f"sum({metric})", at).values()))
    assert logged - late <= total <= logged
