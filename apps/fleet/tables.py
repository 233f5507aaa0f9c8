"""Tables of clusters and workloads."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.fleet import looks
from apps.fleet.models import Cluster, Workload
from apps.ui import markup
from apps.ui.tables import LinkColumn, ListTable, NumberColumn, ReasonColumn, SelectColumn, StateColumn, WhenColumn


def decision_url(row: Any) -> str:
    return reverse("ledger:decision", args=[row.last_decision_id]) if row.last_decision_id else ""


class WorkloadTable(ListTable):
    fixed = ("select", "name")
    hidden = ("kind", "namespace", "cluster", "team", "policy", "memory", "updated")

    select = SelectColumn()
    name = LinkColumn(
        url=lambda row: reverse("fleet:workload", args=[row.pk]),
        under=lambda row: f"{row.kind} · {row.cluster.name} / {row.namespace}",
        yaml=lambda row: reverse("fleet:workload-yaml", args=[row.pk]),
        verbose_name=_("Workload"),
    )
    state = StateColumn(looks.WORKLOAD, verbose_name=_("State"))
    reason = ReasonColumn(accessor="reason_code", url=decision_url, verbose_name=_("Why"))
    replicas = NumberColumn(verbose_name=_("Ready"), order_by=("ready_replicas",))
    cpu = NumberColumn(accessor="cpu_millicores", text=markup.cores, verbose_name=_("CPU a pod"))
    memory = NumberColumn(accessor="memory_bytes", text=markup.memory, verbose_name=_("Memory a pod"))
    price = NumberColumn(accessor="price_per_hour", verbose_name=_("Cost awake"))
    since = WhenColumn(accessor="asleep_since", verbose_name=_("Asleep"))
    kind = tables.Column(verbose_name=_("Kind"))
    namespace = tables.Column(verbose_name=_("Namespace"))
    cluster = tables.Column(accessor="cluster__name", verbose_name=_("Cluster"))
    team = tables.Column(accessor="team__name", verbose_name=_("Team"))
    policy = tables.Column(verbose_name=_("Policy"))
    updated = WhenColumn(accessor="updated_at", verbose_name=_("Changed"))

    class Meta(ListTable.Meta):
        model = Workload
        fields: tuple[str, ...] = ()

    def render_replicas(self, record: Workload) -> SafeString:
        if record.kind == "CronJob":
            return format_html("{}", gettext("suspended") if record.replicas == 0 else gettext("on schedule"))
        return format_html(
            '<span class="replicas">{}<span class="of">/{}</span></span>', record.ready_replicas, record.replicas
        )

    def value_replicas(self, record: Workload) -> int:
        return record.ready_replicas

    def render_price(self, record: Workload) -> str:
        return markup.money(record.price_per_hour, currency=record.currency, per="hour")

    def value_price(self, record: Workload) -> str:
        return "" if record.price_per_hour is None else str(record.price_per_hour)


class ClusterTable(ListTable):
    fixed = ("name",)
    hidden = ("server", "team", "account", "created")

    name = LinkColumn(
        url=lambda row: reverse("fleet:cluster", args=[row.pk]),
        under=lambda row: " · ".join(filter(None, [row.environment, row.region])),
        verbose_name=_("Cluster"),
    )
    state = StateColumn(looks.CLUSTER, verbose_name=_("State"))
    reason = ReasonColumn(accessor="state_reason", verbose_name=_("Because"))
    nodes = NumberColumn(accessor="node_count", verbose_name=_("Nodes"))
    workloads = NumberColumn(accessor="workload_count", verbose_name=_("Workloads"))
    asleep = NumberColumn(accessor="asleep_count", verbose_name=_("Asleep"))
    version = tables.Column(accessor="kube_version", verbose_name=_("Kubernetes"))
    seen = WhenColumn(accessor="last_seen_at", verbose_name=_("Last seen"))
    team = tables.Column(accessor="team__name", verbose_name=_("Team"))
    server = tables.Column(verbose_name=_("API server"))
    account = tables.Column(verbose_name=_("Account"))
    created = WhenColumn(accessor="created_at", verbose_name=_("Connected"))

    class Meta(ListTable.Meta):
        model = Cluster
        fields: tuple[str, ...] = ()

    def render_reason(self, record: Cluster) -> SafeString:
        return markup.reason(record.state_reason, record.state_operands)
