"""`/metrics`: what this process counted, and what the database knows of all processes.

    plimsoll_http_requests_total, plimsoll_http_request_seconds   counted here
    plimsoll_decisions_total{kind,reason,verdict}                 rows: one a decision, however often it is reached
    plimsoll_actions_total{kind,state}                            rows, by the state they are in now
    plimsoll_approvals_pending
    plimsoll_due_work{kind}, plimsoll_due_work_oldest_seconds     what is due by now, and how late the latest is
    plimsoll_watch_age_seconds{cluster,source}                    since a source last proved itself alive

Workers, watchers and web may run on several machines; read from the database, one scrape of any web process tells
about all of them, and a restart loses nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address

from django.conf import settings
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from apps.kernel.ports import load

disable_created_metrics()  # type: ignore[no-untyped-call]
HTTP_REQUESTS = Counter("plimsoll_http_requests_total", "Requests answered.", ["method", "route", "status"])
HTTP_SECONDS = Histogram("plimsoll_http_request_seconds", "Seconds until the answer began.", ["method", "route"])


def _now() -> datetime:
    now: datetime = load(settings.PLIMSOLL_PORTS["clock"])().now()
    return now


class FleetCollector(Collector):
    """Reads five small aggregates a scrape."""

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield self._decisions()
        yield self._actions()
        yield self._approvals()
        yield from self._due_work()
        yield self._watch_ages()

    def _decisions(self) -> Metric:
        from apps.ledger.models import DecisionRow

        family = CounterMetricFamily("plimsoll_decisions", "Decisions.", labels=["kind", "reason", "verdict"])
        rows = DecisionRow.objects.order_by().values_list("kind", "reason_code", "verdict").annotate(n=Count("pk"))
        for kind, reason, verdict, count in rows:
            family.add_metric([kind, reason, verdict], count)
        return family

    def _actions(self) -> Metric:
        from apps.ledger.models import ActionRow

        family = CounterMetricFamily("plimsoll_actions", "Actions, by their present state.", labels=["kind", "state"])
        for kind, state, count in ActionRow.objects.order_by().values_list("kind", "state").annotate(n=Count("pk")):
            family.add_metric([kind, state], count)
        return family

    def _approvals(self) -> Metric:
        from apps.ledger.models import ApprovalRequest, ApprovalState

        pending = ApprovalRequest.objects.filter(state=ApprovalState.PENDING).count()
        return GaugeMetricFamily("plimsoll_approvals_pending", "Approvals that wait for people.", value=pending)

    def _due_work(self) -> Iterator[Metric]:
        from apps.ledger.models import DueWork

        now = _now()
        depth = GaugeMetricFamily("plimsoll_due_work", "Work that is due by now.", labels=["kind"])
        oldest = now
        due = DueWork.objects.filter(at__lte=now).order_by()
        for kind, count, first in due.values_list("kind").annotate(n=Count("pk"), first=Min("at")):
            depth.add_metric([kind], count)
            oldest = min(oldest, first)
        yield depth
        late = (now - oldest).total_seconds()
        yield GaugeMetricFamily("plimsoll_due_work_oldest_seconds", "How late the oldest due work is.", value=late)

    def _watch_ages(self) -> Metric:
        from apps.fleet.models import Cluster

        now = _now()
        family = GaugeMetricFamily(
            "plimsoll_watch_age_seconds", "Since a source last proved itself alive.", labels=["cluster", "source"]
        )
        for name, ages in Cluster.objects.values_list("name", "ages"):
            for source, state in ages.items():
                alive_at = state.get("alive_at")
                if alive_at:
                    family.add_metric([name, source], (now - datetime.fromisoformat(alive_at)).total_seconds())
        return family


_collector = FleetCollector()
REGISTRY.register(_collector)


def may_read(request: HttpRequest) -> bool:
    """With PLIMSOLL_METRICS_TOKEN whoever sends it; without, whoever asks from this machine: names of clusters and
    rules are nobody else's business."""
    if token := settings.PLIMSOLL_METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())  # of text it takes only ASCII
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # from a proxy on this machine, and so from anywhere
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics, in the text format of Prometheus."""
    if not may_read(request):
        return HttpResponse("set PLIMSOLL_METRICS_TOKEN and send it as a bearer token\n", status=403)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
