"""What Ctrl-K finds: starred and recent pages, pages of the menu, actions, and objects of every registered source."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.ui import registry
from apps.ui.acting import user_of
from apps.ui.context import menu
from apps.ui.models import Visited
from apps.ui.registry import Hit

OF_EACH = 6
Groups = list[tuple[str, list[Hit]]]


def find(request: HttpRequest, text: str) -> Groups:
    """Groups of answers, empty ones left out. Without a text: starred, recent, pages."""
    groups = [*_kept(request, text), (_("Pages"), _pages(request, text)), (_("Actions"), _actions(request, text))]
    if text:
        user = user_of(request)
        sources: list[registry.SearchSource] = registry.entries("search")
        groups = [*((str(one.label), list(one.find(user, text, OF_EACH))) for one in sources), *groups]
    return [(label, hits) for label, hits in groups if hits]


def _kept(request: HttpRequest, text: str) -> Groups:
    visits: Any = Visited.objects.filter(user=user_of(request))
    if text:
        visits = visits.filter(label__icontains=text)
    starred: list[Hit] = []
    recent: list[Hit] = []
    for visit in visits.order_by("-starred", "-seen_at")[: 2 * OF_EACH]:
        hit = Hit(visit.label, visit.detail, visit.url, "star-filled" if visit.starred else visit.icon)
        (starred if visit.starred else recent).append(hit)
    return [(_("Starred"), starred), (_("Recent"), recent[:OF_EACH])]


def _matches(text: str, label: str) -> bool:
    return all(word in label.casefold() for word in text.casefold().split())


def _pages(request: HttpRequest, text: str) -> list[Hit]:
    lines = [(str(line.item.label), line.url, line.item.icon) for line in menu(request, path="")]
    lines.append((_("Profile and tokens"), reverse("ui:profile"), "user"))
    return [Hit(label, "", url, icon) for label, url, icon in lines if _matches(text, label)]


def _actions(request: HttpRequest, text: str) -> list[Hit]:
    """What this user may do from anywhere: registered row actions lead to their list, where rows are picked."""
    hits = []
    for action in registry.entries("row_actions"):
        if action.page_url and action.permitted(request.user) and _matches(text, str(action.label)):
            hits.append(Hit(str(action.label), str(action.hint), action.page_url(), action.icon))
    return hits
