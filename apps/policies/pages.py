"""What policies add to the portal's registries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.fleet.pages import totals
from apps.identity.models import User
from apps.identity.roles import Role, reach
from apps.identity.visibility import visible_to
from apps.policies.models import Notice, Policy
from apps.policies.tables import rule_words
from apps.ui.acting import user_of
from apps.ui.registry import Hit, NavItem, Panel, RowAction, SearchSource

SLEEPABLE = ("Deployment", "StatefulSet", "CronJob")

NAV = [NavItem("policies", _("Policies"), "policies:policies", "shield-half", order=30)]


def may_operate_somewhere(user: User) -> bool:
    """Whether to offer sleeping and waking at all; two queries, none for a superuser."""
    where = reach(user, role=Role.OPERATOR)
    return where.everything or bool(where.teams or where.clusters)


def workloads_url() -> str:
    return reverse("fleet:workloads")


ROW_ACTIONS = [
    RowAction(
        "wake",
        "workloads",
        _("Wake"),
        "policies:wake",
        "sunrise",
        may_operate_somewhere,
        applies=lambda row: row.slept is not None,
        page_url=lambda: f"{workloads_url()}?state=Asleep",
        hint=_("pick workloads that sleep"),
    ),
    RowAction(
        "sleep",
        "workloads",
        _("Put to sleep"),
        "policies:sleep",
        "zzz",
        may_operate_somewhere,
        applies=lambda row: row.slept is None and row.kind in SLEEPABLE,
        page_url=lambda: f"{workloads_url()}?state=Awake",
        hint=_("pick workloads that are awake"),
    ),
    RowAction(
        "new-policy",
        "palette",
        _("Write a policy"),
        "policies:new",
        "plus",
        may_operate_somewhere,
        page_url=lambda: reverse("policies:new"),
    ),
]


def savings(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
    """Saved today, saved now, asleep, policies. Two queries beside the fleet's."""
    user = user_of(request)
    fleet = totals(user)
    policies = visible_to(Policy, user).aggregate(
        total=Count("pk"), enforcing=Count("pk", filter=Q(mode="Enforce", suspended=False)),
        unready=Count("pk", filter=Q(ready=False, suspended=False)), saved=Sum("saved_today"),
    )  # fmt: skip
    share = 100 * fleet["asleep"] / fleet["total"] if fleet["total"] else 0.0
    return {"fleet": fleet, "policies": policies, "share": share, "month": fleet["rate"] * Decimal(730)}


MOST_NOTICES = 8


def notices(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
    """Sleeps that are announced, and those that a policy in mode Warn would make. One query beside the grants."""
    found = visible_to(Notice, user_of(request)).filter(over=False).select_related("cluster")
    return {"notices": found[:MOST_NOTICES]}


PANELS = [
    Panel(
        "savings", "overview", "policies/panel_savings.html", savings, order=0, column="wide",
        topics=("workloads", "policies"),
    ),
    Panel("notices", "overview", "policies/panel_notices.html", notices, order=60, column="side", topics=("notices",)),
]  # fmt: skip


def find_policies(user: User, text: str, limit: int) -> Sequence[Hit]:
    rows = visible_to(Policy, user).select_related("cluster").filter(name__icontains=text)[:limit]
    return [
        Hit(
            row.name,
            f"{row.cluster} · {rule_words(row.spec)}",
            reverse("policies:policy", args=[row.pk]),
            "shield-half",
        )
        for row in rows
    ]


SEARCH = [SearchSource("policies", _("Policies"), find_policies)]


def live_policies(user: User, ids: set[str]) -> Any:
    return visible_to(Policy, user).filter(pk__in=ids).values_list("pk", flat=True)


def live_notices(user: User, ids: set[str]) -> Any:
    return visible_to(Notice, user).filter(pk__in=ids).values_list("pk", flat=True)


LIVE = {"policies": live_policies, "notices": live_notices}
