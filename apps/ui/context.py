"""What the base template of every page needs: the menu with its badges, the user's preferences, the islands' words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from apps.ui import registry
from apps.ui.models import Density, Theme
from apps.ui.strings import strings

LANGUAGE_NAMES = {"en": "English", "zh-hans": "简体中文"}


@dataclass(frozen=True, slots=True)
class MenuLine:
    item: registry.NavItem
    url: str
    active: bool
    badge: int


def shell(request: HttpRequest) -> dict[str, Any]:
    """Lazy where it costs a query: an htmx answer draws no menu."""
    preferences = getattr(request, "preferences", None)
    return {
        "theme": preferences.theme if preferences else request.COOKIES.get("theme", Theme.AUTO),
        "density": preferences.density if preferences else Density.COMFORTABLE,
        "languages": [(code, LANGUAGE_NAMES.get(code, str(name))) for code, name in settings.LANGUAGES],
        "menu": lambda: menu(request, path=request.path),
        "ui_strings": strings,
        "drawn_in_drawer": request.headers.get("HX-Target") == "drawer-body",
    }


def menu(request: HttpRequest, *, path: str) -> list[MenuLine]:
    """The menu's lines; the one that `path` lies under is active."""
    lines = []
    for item in registry.entries("nav"):
        if item.staff_only and not getattr(request.user, "is_staff", False):
            continue
        try:
            url = reverse(item.url_name)
        except NoReverseMatch:
            continue
        active = path == url if url == "/" else path.startswith(url)
        badge = item.badge(request.user) if item.badge and request.user.is_authenticated else 0
        lines.append(MenuLine(item, url, active, badge))
    return lines
