"""The policy editor: schema, checks while typing, preview with diff and saving, apply, suspend, delete."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fleet.models import Cluster, Workload
from apps.identity.models import User
from apps.identity.roles import Role
from apps.identity.visibility import visible_to
from apps.kernel.decisions import PolicyRef
from apps.kernel.errors import PlimsollError
from apps.ledger import looks as ledger_looks
from apps.policies import looks, manifest_text, services
from apps.policies.manifest_text import Document, Problem
from apps.policies.models import Origin, Policy
from apps.ui.acting import attempt, request_id, user_of

SHOWN = 300
STARTER = """apiVersion: plimsoll.dev/v1alpha1
kind: ResourcePolicy
metadata:
  name: idle
  namespace: {namespace}
spec:
  # DryRun records what it would do, Warn tells it, Enforce does it.
  mode: DryRun
  targets:
    - kinds: [Deployment, StatefulSet]
  scaleToZero:
    # Asleep after this long without a request.
    idleAfter: 2h
    traffic:
      source: IngressNginx
    minAwake: 15m
"""
_SERVER_FIELDS = ("managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink")


def writable_clusters(user: User) -> list[Cluster]:
    return list(visible_to(Cluster, user, role=Role.OPERATOR))


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """GET: a policy to begin from. `cluster` and `namespace` may be given."""
    namespace = request.GET.get("namespace", "default")[:63]
    text = STARTER.format(namespace=namespace)
    return _editor(request, text, cluster_name=request.GET.get("cluster", ""))


@login_required
@require_GET
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(visible_to(Policy, user_of(request)).select_related("cluster"), pk=pk)
    return _editor(request, manifest_text.write(found.manifest), cluster_name=found.cluster.name, policy=found)


def _editor(
    request: HttpRequest,
    text: str,
    *,
    cluster_name: str = "",
    policy: Policy | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    clusters = writable_clusters(user_of(request))
    context = {
        "text": text, "clusters": clusters, "cluster_name": cluster_name or (clusters[0].name if clusters else ""),
        "policy": policy, "read_only": policy is not None and policy.origin != Origin.CLUSTER,
        "kind": "ClusterResourcePolicy" if "kind: ClusterResourcePolicy" in text else "ResourcePolicy", **more,
    }  # fmt: skip
    return render(request, "policies/editor.html", context, status=status)


@login_required
@require_GET
def schema(request: HttpRequest) -> HttpResponse:
    """The schema of a whole manifest of `kind`, for completion and documentation."""
    answer = JsonResponse(manifest_text.schema_of(request.GET.get("kind", "")))
    answer["Cache-Control"] = "private, max-age=300"
    return answer


@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The problems of a text, each at its line, without asking a cluster: for the editor while somebody types."""
    document = manifest_text.read(request.POST.get("manifest", ""))
    return JsonResponse({"problems": [_as_json(one) for one in document.problems]})


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.line, "column": problem.column, "end_column": problem.end_column,
        "severity": problem.severity, "message": problem.message, "path": problem.path,
    }  # fmt: skip


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What the policy would do now: the API server's dry run, the difference, the workloads, the saving."""
    text, document, cluster = _posted(request)
    found, problems = None, list(document.problems)
    if not problems and cluster is not None and document.value is not None:
        try:
            found = services.preview(cluster=cluster, manifest=document.value)
        except PlimsollError as e:
            problems = manifest_text.with_error(document, e)
    elif not problems:
        problems = [Problem(_("Choose a cluster where you may change policies."))]
    context = {"problems": problems, "preview": None, "cluster": cluster, **(_drawn(found) if found else {})}
    if request.headers.get("HX-Request"):
        return render(request, "policies/preview.html", context)
    return _editor(request, text, cluster_name=cluster.name if cluster else "", previewed=True, **context)


def _posted(request: HttpRequest) -> tuple[str, Document, Cluster | None]:
    text = request.POST.get("manifest", "")
    cluster = (
        visible_to(Cluster, user_of(request), role=Role.OPERATOR).filter(name=request.POST.get("cluster", "")).first()
    )
    return text, manifest_text.read(text), cluster


def _drawn(found: services.Preview) -> dict[str, Any]:
    """The preview for its template: those that would sleep first, then the refused, then the rest."""
    rank = {"Act": 0, "Refuse": 1, "Hold": 2}
    items = sorted(found.items, key=lambda one: (rank.get(one.decision.verdict, 3), one.decision.subject.key))
    ids = _workload_ids(items)
    return {
        "preview": found,
        "items": [(one, ids.get((one.decision.subject.cluster, one.decision.subject.key))) for one in items[:SHOWN]],
        "more": max(0, len(items) - SHOWN),
        "refused": sum(one.decision.verdict == "Refuse" for one in items),
        "diff": diff_lines(found.was, found.manifest),
        "is_new": found.was is None,
        "verdicts": ledger_looks.VERDICT,
        "modes": looks.MODE,
        "month": found.saving_per_hour * 730,
    }


def _workload_ids(items: list[services.PreviewItem]) -> dict[tuple[str, str], UUID]:
    subjects = [one.decision.subject for one in items]
    rows = Workload.objects.filter(cluster__name__in={one.cluster for one in subjects}).select_related("cluster")
    wanted = {(one.cluster, one.key) for one in subjects}
    return {(row.cluster.name, row.key): row.pk for row in rows if (row.cluster.name, row.key) in wanted}


def diff_lines(was: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(add, del, at or same; text) of each line of the difference; empty when nothing changes."""
    before = manifest_text.write(_cleaned(was)).splitlines() if was else []
    after = manifest_text.write(_cleaned(now)).splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=4))[2:]
    kinds = {"+": "add", "-": "del", "@": "at"}
    return [(kinds.get(line[:1], "same"), line) for line in lines]


def _cleaned(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in (obj.get("metadata") or {}).items() if name not in _SERVER_FIELDS}
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}


@login_required
@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Writes the policy to the cluster, or says at which line it cannot."""
    user = user_of(request)
    text, document, cluster = _posted(request)
    problems = list(document.problems)
    if cluster is None:
        problems.append(Problem(_("Choose a cluster where you may change policies.")))
    if problems or cluster is None or document.value is None:
        return _editor(request, text, cluster_name=request.POST.get("cluster", ""), status=400, problems=problems)
    try:
        done = services.apply_policy(
            cluster=cluster, manifest=document.value, actor=user, request_id=request_id(request),
            reason=request.POST.get("reason", "").strip(),
        )  # fmt: skip
    except PlimsollError as e:
        problems = manifest_text.with_error(document, e)
        return _editor(request, text, cluster_name=cluster.name, status=400, problems=problems)
    return _after_write(request, done, cluster)


def _after_write(request: HttpRequest, done: services.PolicyWrite, cluster: Cluster) -> HttpResponse:
    manifest = done.manifest or done.was or {}
    metadata = manifest.get("metadata") or {}
    if done.action is None:
        messages.info(request, _("Nothing changes: the cluster has this policy already."))
    elif done.action.approval_id is not None:
        messages.warning(request, _("It waits for approval: others must agree before the cluster is changed."))
        return HttpResponseRedirect(reverse("ledger:approval", args=[done.action.approval_id]))
    else:
        messages.success(
            request, _("%(name)s is on its way to %(cluster)s.") % {"name": metadata.get("name"), "cluster": cluster}
        )
        return HttpResponseRedirect(reverse("ledger:decision", args=[done.action.decision_id]))
    row = Policy.objects.filter(
        cluster=cluster, kind=manifest.get("kind", ""), name=metadata.get("name", ""),
        namespace=metadata.get("namespace", "") if manifest.get("kind") == "ResourcePolicy" else "",
    ).first()  # fmt: skip
    return HttpResponseRedirect(reverse("policies:policy", args=[row.pk]) if row else reverse("policies:policies"))


@login_required
@require_POST
def suspend(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Suspends a policy, or resumes it: what it put to sleep wakes when it is suspended."""
    user = user_of(request)
    found = get_object_or_404(visible_to(Policy, user).select_related("cluster"), pk=pk)
    spec = {**found.manifest.get("spec", {}), "suspend": not found.suspended}
    with attempt(request) as tried:
        done = services.apply_policy(
            cluster=found.cluster, manifest={**found.manifest, "spec": spec}, actor=user,
            request_id=request_id(request), reason=request.POST.get("reason", "").strip(),
        )  # fmt: skip
    if tried.failed:
        return HttpResponseRedirect(reverse("policies:policy", args=[pk]))
    return _after_write(request, done, found.cluster)


@login_required
@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Proposes to delete a policy; that waits for approval. What it put to sleep wakes once it is gone."""
    user = user_of(request)
    found = get_object_or_404(visible_to(Policy, user).select_related("cluster"), pk=pk)
    with attempt(request) as tried:
        done = services.delete_policy(
            cluster=found.cluster, ref=PolicyRef(found.kind, found.namespace, found.name), actor=user,
            request_id=request_id(request), reason=request.POST.get("reason", "").strip(),
        )  # fmt: skip
    if tried.failed:
        return HttpResponseRedirect(reverse("policies:policy", args=[pk]))
    return _after_write(request, done, found.cluster)
