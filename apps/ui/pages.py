"""What the portal itself adds to the registries."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.ui.registry import NavItem, SearchSource

NAV = [NavItem("overview", _("Overview"), "ui:overview", "layout-dashboard", order=0)]
SEARCH: list[SearchSource] = []
