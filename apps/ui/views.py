"""Pages of the portal itself: Overview, palette, preferences, saved views, stars."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.ui import palette as finding
from apps.ui import registry
from apps.ui.acting import next_url, user_of
from apps.ui.context import menu
from apps.ui.models import Density, Preferences, SavedView, TableLayout, Theme, Visited
from apps.ui.visits import star

LANGUAGE_COOKIE_SECONDS = 365 * 86_400


@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    panels = [drawn_panel(request, panel) for panel in registry.entries("panels") if panel.page == "overview"]
    return render(request, "ui/overview.html", {"panels": panels})


def drawn_panel(request: HttpRequest, panel: registry.Panel, obj: Any = None) -> dict[str, Any]:
    return {"panel": panel, "topics": " ".join(panel.topics), **panel.context(request, obj)}


@login_required
@require_GET
def overview_panel(request: HttpRequest, key: str) -> HttpResponse:
    """One panel again, when what it shows has changed."""
    for panel in registry.entries("panels"):
        if panel.page == "overview" and panel.key == key:
            return render(request, "ui/panel.html", {"drawn": drawn_panel(request, panel)})
    raise Http404(key)


@login_required
@require_GET
def menu_again(request: HttpRequest) -> HttpResponse:
    """The side menu of the page `path`, when a badge has changed."""
    path = request.GET.get("path", "/")
    context = {"menu": menu(request, path=path), "menu_path": path}
    return render(request, "ui/side_nav.html", context)


@login_required
@require_GET
def palette(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:100]
    context = {"text": text, "groups": finding.find(request, text)}
    inside = request.headers.get("HX-Request") == "true"
    return render(request, "ui/palette_results.html" if inside else "ui/palette.html", context)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Takes any of language, theme, density; what is not one of the choices is left out. Works before login too, for
    the language and the theme, by cookies."""
    given = {
        "language": _chosen(request, "language", [code for code, _name in settings.LANGUAGES]),
        "theme": _chosen(request, "theme", Theme.values),
        "density": _chosen(request, "density", Density.values),
    }
    changed = {name: value for name, value in given.items() if value}
    response = HttpResponseRedirect(next_url(request, reverse("ui:overview")))
    if request.user.is_authenticated and changed:
        Preferences.objects.update_or_create(user_id=request.user.pk, defaults=changed)
    for name, cookie in (("language", settings.LANGUAGE_COOKIE_NAME), ("theme", "theme")):
        if name in changed:
            response.set_cookie(
                cookie, changed[name], max_age=LANGUAGE_COOKIE_SECONDS, samesite="Lax", secure=settings.HTTPS
            )
    return response


def _chosen(request: HttpRequest, name: str, choices: list[str]) -> str:
    value = request.POST.get(name, "")
    return value if value in choices else ""


@login_required
@require_POST
def layout(request: HttpRequest, table: str) -> HttpResponse:
    """Which columns a table shows, in which order: `columns` in order, one of `up`, `down` or `reset`, `density`."""
    user = user_of(request)
    density = _chosen(request, "density", Density.values)
    if density:
        Preferences.objects.update_or_create(user=user, defaults={"density": density})
    if "reset" in request.POST:
        TableLayout.objects.filter(user=user, table=table).delete()
    else:
        columns = [name[:40] for name in request.POST.getlist("columns")][:60]
        columns = moved(columns, request.POST.get("up", ""), -1)
        columns = moved(columns, request.POST.get("down", ""), 1)
        TableLayout.objects.update_or_create(user=user, table=table[:40], defaults={"columns": columns})
    return HttpResponseRedirect(next_url(request, "/"))


def moved(columns: list[str], name: str, step: int) -> list[str]:
    """The columns with `name` one place further; as they are when it is not there or would leave the list."""
    if name not in columns:
        return columns
    at = columns.index(name)
    to = at + step
    if not 0 <= to < len(columns):
        return columns
    rest = [column for column in columns if column != name]
    return [*rest[:to], name, *rest[to:]]


@login_required
@require_POST
def view_save(request: HttpRequest, page: str) -> HttpResponse:
    user = user_of(request)
    name = request.POST.get("name", "").strip()[:60] or _("My view")
    query = request.POST.get("query", "")[:2000]
    is_default = request.POST.get("is_default") == "1"
    with transaction.atomic():
        if is_default:
            SavedView.objects.filter(user=user, page=page, is_default=True).update(is_default=False)
        view, _made = SavedView.objects.update_or_create(
            user=user, page=page[:40], name=name,
            defaults={"query": query, "shared": request.POST.get("shared") == "1", "is_default": is_default},
        )  # fmt: skip
    path = next_url(request, "") or request.POST.get("path", "/")
    if not path.startswith("/") or path.startswith("//"):
        path = "/"
    return HttpResponseRedirect(f"{path}?view={view.pk}")


@login_required
@require_POST
def view_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    get_object_or_404(SavedView, pk=pk, user=user_of(request)).delete()
    return HttpResponseRedirect(next_url(request, "/"))


@login_required
@require_POST
def toggle_star(request: HttpRequest) -> HttpResponse:
    """Stars the object page of `url`, or takes its star away."""
    url = request.POST.get("url", "")
    visit = Visited.objects.filter(user=user_of(request), url=url).first()
    if visit is None:
        raise Http404(url)
    try:
        starred = star(visit, on=not visit.starred)
    except IntegrityError:
        starred = visit.starred
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"starred": starred})
    return HttpResponseRedirect(next_url(request, url))
