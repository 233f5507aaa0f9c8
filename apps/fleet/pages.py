"""What the fleet adds to the portal's registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Q, Sum, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.fleet import looks
from apps.fleet.models import Cluster, ClusterState, Workload, WorkloadState
from apps.identity.models import User
from apps.identity.visibility import visible_to
from apps.ui.acting import user_of
from apps.ui.registry import Hit, NavItem, Panel, SearchSource

NAV = [
    NavItem("clusters", _("Clusters"), "fleet:clusters", "server-2", order=10),
    NavItem("workloads", _("Workloads"), "fleet:workloads", "box", order=20),
]


def find_workloads(user: User, text: str, limit: int) -> Sequence[Hit]:
    """Those whose name begins with the text first."""
    rows = visible_to(Workload, user).select_related("cluster")
    for word in text.split()[:4]:
        rows = rows.filter(Q(name__icontains=word) | Q(namespace__icontains=word) | Q(cluster__name__icontains=word))
    first = Case(When(name__istartswith=text, then=Value(0)), default=Value(1))
    return [
        Hit(
            row.name,
            f"{row.kind} · {row.cluster.name} / {row.namespace}",
            reverse("fleet:workload", args=[row.pk]),
            "box",
        )
        for row in rows.order_by(first, "name")[:limit]
    ]


def find_clusters(user: User, text: str, limit: int) -> Sequence[Hit]:
    rows = visible_to(Cluster, user).filter(name__icontains=text)[:limit]
    return [Hit(row.name, row.environment, reverse("fleet:cluster", args=[row.pk]), "server-2") for row in rows]


SEARCH = [
    SearchSource("workloads", _("Workloads"), find_workloads),
    SearchSource("clusters", _("Clusters"), find_clusters),
]


def health(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
    """Every cluster with its state, those that need somebody first. Two queries."""
    user = user_of(request)
    clusters = list(visible_to(Cluster, user))
    asleep = Count("pk", filter=Q(state=WorkloadState.ASLEEP))
    counts = {
        row["cluster"]: row
        for row in visible_to(Workload, user).order_by().values("cluster").annotate(total=Count("pk"), asleep=asleep)
    }
    lines = [(cluster, counts.get(cluster.pk, {"total": 0, "asleep": 0})) for cluster in clusters]
    lines.sort(key=lambda line: (line[0].state == ClusterState.CONNECTED, line[0].name))
    well = sum(cluster.state == ClusterState.CONNECTED for cluster in clusters)
    return {"lines": lines, "look": looks.CLUSTER, "well": well, "all": len(clusters)}


def totals(user: User) -> dict[str, Any]:
    """How many workloads sleep, of how many, and what they would cost awake, per hour. One query."""
    asleep = Q(state=WorkloadState.ASLEEP)
    found: dict[str, Any] = visible_to(Workload, user).aggregate(
        total=Count("pk"), asleep=Count("pk", filter=asleep), rate=Sum("price_per_hour", filter=asleep)
    )
    found["rate"] = found["rate"] or Decimal(0)
    return found


PANELS = [
    Panel("fleet", "overview", "fleet/panel_health.html", health, order=30, column="side", topics=("clusters",)),
]


def live_workloads(user: User, ids: set[str]) -> Any:
    return visible_to(Workload, user).filter(pk__in=ids).values_list("pk", flat=True)


def live_clusters(user: User, ids: set[str]) -> Any:
    return visible_to(Cluster, user).filter(pk__in=ids).values_list("pk", flat=True)


LIVE = {"workloads": live_workloads, "clusters": live_clusters}
