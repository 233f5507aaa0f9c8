"""Pages of clusters and workloads."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID

import yaml
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from apps.fleet import looks, services
from apps.fleet.filters import ClusterFilters, WorkloadFilters
from apps.fleet.models import Cluster, Namespace, Node, Workload, WorkloadState
from apps.fleet.sources import source_lines
from apps.fleet.tables import ClusterTable, WorkloadTable
from apps.identity.roles import Role, has_role, require_role
from apps.identity.visibility import visible_to
from apps.kernel.kinds import find
from apps.kernel.vocab import ObjectRef
from apps.ui import registry, visits
from apps.ui.acting import attempt, request_id, user_of
from apps.ui.links import links_for
from apps.ui.listing import Empty, ListPage
from apps.ui.timeline import events_of
from apps.ui.views import drawn_panel


class Workloads(ListPage):
    key = "workloads"
    title = _("Workloads")
    lead = _("What runs on the connected clusters, what sleeps, and why.")
    table_class = WorkloadTable
    filterset_class = WorkloadFilters
    topic = "workloads"
    template_name = "fleet/workloads.html"
    empty = Empty(
        _("No workloads yet"),
        _("They appear here within seconds of connecting a cluster."),
        _("Connect a cluster"),
        "fleet:connect",
        "box",
    )

    def queryset(self) -> QuerySet[Workload]:
        return visible_to(Workload, user_of(self.request)).select_related("cluster", "team")

    def context(self) -> dict[str, Any]:
        params = self.request.GET
        counts = dict(self.queryset().order_by().values_list("state").annotate(Count("pk")))
        chosen = params.getlist("state")
        return {
            "tabs": [("", gettext("All"), sum(counts.values()), not chosen)]
            + [(value, label, counts.get(value, 0), chosen == [value]) for value, label in WorkloadState.choices]
        }


def _count(model: type[Any], **only: Any) -> Coalesce:
    rows = model.objects.filter(cluster=OuterRef("pk"), **only).order_by().values("cluster")
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


class Clusters(ListPage):
    key = "clusters"
    title = _("Clusters")
    lead = _("Each connected API server, and how fresh what Plimsoll knows of it is.")
    table_class = ClusterTable
    filterset_class = ClusterFilters
    topic = "clusters"
    template_name = "fleet/clusters.html"
    empty = Empty(
        _("No cluster is connected"),
        _(
            "Paste or upload a kubeconfig. Plimsoll applies its policy kinds and a least-privilege role, "
            "and tells what it may not do."
        ),
        _("Connect a cluster"),
        "fleet:connect",
        "server-2",
        "plimsoll cluster add NAME --kubeconfig FILE",
    )

    def queryset(self) -> QuerySet[Cluster]:
        return (
            visible_to(Cluster, user_of(self.request))
            .select_related("team")
            .annotate(
                node_count=_count(Node),
                workload_count=_count(Workload),
                asleep_count=_count(Workload, state=WorkloadState.ASLEEP),
            )
        )


@login_required
@require_GET
def cluster(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    found = get_object_or_404(visible_to(Cluster, user).select_related("team"), pk=pk)
    visit = visits.note(request, label=found.name, detail=gettext("Cluster"), icon="server-2")
    counts = dict(Workload.objects.filter(cluster=found).order_by().values_list("state").annotate(Count("pk")))
    nodes = list(Node.objects.filter(cluster=found)[:200])
    context = {
        "cluster": found, "visit": visit, "look": looks.CLUSTER, "sources": source_lines(found),
        "states": [(value, label, counts.get(value, 0)) for value, label in WorkloadState.choices if counts.get(value)],
        "workload_count": sum(counts.values()), "nodes": nodes,
        "node_count": Node.objects.filter(cluster=found).count(),
        "namespaces": list(_namespaces(found)), "may_admin": has_role(user, Role.ADMIN, found),
        "panels": _panels(request, "cluster", found), "events": events_of(user, found),
    }  # fmt: skip
    return render(request, "fleet/cluster.html", context)


def _namespaces(cluster: Cluster) -> QuerySet[Namespace]:
    rows = Workload.objects.filter(cluster=cluster, namespace=OuterRef("name")).order_by().values("namespace")
    asleep = rows.filter(state=WorkloadState.ASLEEP).annotate(n=Count("pk")).values("n")
    return (
        Namespace.objects.filter(cluster=cluster)
        .select_related("team")
        .annotate(
            workloads=Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
            asleep=Coalesce(Subquery(asleep, output_field=IntegerField()), 0),
        )[:200]
    )


def _panels(request: HttpRequest, page: str, obj: Any) -> list[dict[str, Any]]:
    panels: list[registry.Panel] = registry.entries("panels")
    return [drawn_panel(request, panel, obj) for panel in panels if panel.page == page]


@login_required
@require_POST
def cluster_test(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Tries the stored connection now and shows what it found."""
    user = user_of(request)
    found = get_object_or_404(visible_to(Cluster, user), pk=pk)
    with attempt(request) as tried:
        require_role(user, Role.OPERATOR, found)
        report = services.test_cluster(found)
        return render(request, "fleet/report.html", {"cluster": found, "report": report})
    return HttpResponseRedirect(
        reverse("fleet:cluster" if tried.failed else "fleet:clusters", args=[pk] if tried.failed else None)
    )


@login_required
@require_POST
def cluster_remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Forgets the cluster, when its name was typed to confirm; nothing in the cluster is touched."""
    user = user_of(request)
    found = get_object_or_404(visible_to(Cluster, user), pk=pk)
    if request.POST.get("confirm", "").strip() != found.name:
        messages.error(
            request,
            gettext("Nothing was removed: type the cluster's name, %(name)s, to confirm.") % {"name": found.name},
        )
        return HttpResponseRedirect(reverse("fleet:cluster", args=[pk]))
    with attempt(request) as tried:
        require_role(user, Role.ADMIN, found)
        services.remove_cluster(found, actor=user, request_id=request_id(request))
    if tried.failed:
        return HttpResponseRedirect(reverse("fleet:cluster", args=[pk]))
    messages.success(
        request, gettext("Plimsoll has forgotten %(name)s. Nothing in the cluster was touched.") % {"name": found.name}
    )
    return HttpResponseRedirect(reverse("fleet:clusters"))


@login_required
@require_GET
def workload_yaml(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The object as the API server has it at this moment; nothing is kept of it."""
    user = user_of(request)
    found = get_object_or_404(visible_to(Workload, user).select_related("cluster"), pk=pk)
    text = ""
    with attempt(request):
        with closing(services.connect(found.cluster)) as kube:
            group = find(found.kind).group
            obj = kube.get(ObjectRef(found.cluster.name, group, found.kind, found.namespace, found.name))
        obj.get("metadata", {}).pop("managedFields", None)
        text = yaml.safe_dump(obj, sort_keys=False, allow_unicode=True, width=110)
    return render(request, "fleet/workload_yaml.html", {"workload": found, "text": text})


def _links(found: Workload) -> list[tuple[str, str]]:
    values = {
        "cluster": found.cluster.name, "namespace": found.namespace, "name": found.name, "object_kind": found.kind,
        "environment": found.cluster.environment,
    }  # fmt: skip
    return links_for("workload", values)


def _mark(found: Workload) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in sorted((found.slept or {}).items()) if value is not None]


@login_required
@require_GET
def workload(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    found = get_object_or_404(visible_to(Workload, user).select_related("cluster", "team"), pk=pk)
    visit = visits.note(
        request, label=found.name, detail=f"{found.kind} · {found.cluster} / {found.namespace}", icon="box"
    )
    context = {
        "workload": found, "visit": visit, "look": looks.WORKLOAD, "panels": _panels(request, "workload", found),
        "events": events_of(user, found), "may_operate": has_role(user, Role.OPERATOR, found),
        "ref": f"{found.kind}/{found.name}", "slept": _mark(found), "links": _links(found),
    }  # fmt: skip
    return render(request, "fleet/workload.html", context)
