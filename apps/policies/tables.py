"""The table of policies."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.policies import looks
from apps.policies.models import Policy
from apps.ui import markup
from apps.ui.tables import LinkColumn, ListTable, NumberColumn, StateColumn, WhenColumn


class PolicyTable(ListTable):
    fixed = ("name",)
    hidden = ("cluster", "namespace", "kind", "priority", "origin", "updated")

    name = LinkColumn(
        url=lambda row: reverse("policies:policy", args=[row.pk]),
        under=lambda row: " / ".join(filter(None, [row.cluster.name, row.namespace or row.kind])),
        yaml=lambda row: reverse("policies:edit", args=[row.pk]),
        verbose_name=_("Policy"),
    )
    mode = StateColumn(looks.MODE, verbose_name=_("Mode"))
    ready = tables.Column(verbose_name=_("Ready"))
    rule = tables.Column(accessor="spec", orderable=False, verbose_name=_("Rule"))
    matched = NumberColumn(verbose_name=_("Covers"))
    asleep = NumberColumn(verbose_name=_("Asleep"))
    refused = NumberColumn(verbose_name=_("Refused"))
    conflicts = NumberColumn(verbose_name=_("Conflicts"))
    saved = NumberColumn(accessor="saved_today", verbose_name=_("Saved today"))
    priority = NumberColumn(verbose_name=_("Priority"))
    cluster = tables.Column(accessor="cluster__name", verbose_name=_("Cluster"))
    namespace = tables.Column(verbose_name=_("Namespace"))
    kind = tables.Column(verbose_name=_("Kind"))
    origin = StateColumn(looks.ORIGIN, verbose_name=_("Origin"))
    updated = WhenColumn(accessor="updated_at", verbose_name=_("Changed"))

    class Meta(ListTable.Meta):
        model = Policy
        fields: tuple[str, ...] = ()

    def render_ready(self, record: Policy) -> SafeString:
        return readiness(record)

    def value_ready(self, record: Policy) -> bool:
        return record.ready

    def render_rule(self, record: Policy) -> SafeString:
        return format_html('<span class="under">{}</span>', rule_words(record.spec))

    def value_rule(self, record: Policy) -> str:
        return rule_words(record.spec)

    def render_saved(self, record: Policy) -> str:
        return markup.money(record.saved_today, currency=record.currency)

    def value_saved(self, record: Policy) -> str:
        return "" if record.saved_today is None else str(record.saved_today)


def readiness(policy: Policy) -> SafeString:
    state = "suspended" if policy.suspended else "ready" if policy.ready else "not-ready"
    return markup.state(looks.READY, state)


def rule_words(spec: dict[str, Any]) -> str:
    """The rule in a few words: "idle for 2h", "schedule (Europe/Berlin)"."""
    rule = spec.get("scaleToZero") or {}
    parts = []
    if rule.get("idleAfter"):
        parts.append(str(_("idle for %(span)s")) % {"span": rule["idleAfter"]})
    if rule.get("schedule"):
        parts.append(str(_("schedule (%(zone)s)")) % {"zone": rule["schedule"].get("timeZone", "UTC")})
    return ", ".join(parts) or "—"
