"""Filters of policies, for the page, the API and the export alike."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy as _

from apps.policies.models import Origin, Policy
from apps.ui.filters import AnyOf, ListFilters

MODES = [("DryRun", _("Dry run")), ("Warn", _("Warn")), ("Enforce", _("Enforce"))]


class PolicyFilters(ListFilters):
    search_fields = ("name", "namespace", "cluster__name")

    mode = AnyOf("mode", label=_("Mode"), labels=MODES)
    cluster = AnyOf("cluster__name", label=_("Cluster"))
    namespace = AnyOf("namespace", label=_("Namespace"))
    kind = AnyOf("kind", label=_("Kind"))
    origin = AnyOf("origin", label=_("Origin"), labels=Origin.choices)
    ready = django_filters.BooleanFilter(label=_("Ready"))
    suspended = django_filters.BooleanFilter(label=_("Suspended"))
    name = AnyOf("name", label=_("Name"))

    hidden_menus = ("name",)

    class Meta:
        model = Policy
        fields: tuple[str, ...] = ()
