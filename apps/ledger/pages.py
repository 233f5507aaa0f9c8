"""What the ledger adds to the portal's registries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster, Workload
from apps.identity.clock import now
from apps.identity.models import User
from apps.kernel.decisions import Verdict
from apps.ledger import looks
from apps.ledger.models import ActionRow, ActionState, ApprovalRequest, ApprovalState, DecisionRow
from apps.ledger.views import decision_context, visible_approvals
from apps.ledger.wording import outcome_of
from apps.ui.acting import user_of
from apps.ui.registry import Hit, NavItem, Panel, SearchSource, TimelineEvent, TimelineSource
from apps.ui.sentences import sentence, title

SHOWN = 8


def waiting(user: User) -> int:
    """Pending approvals this user may see and did not ask for."""
    rows = ApprovalRequest.objects.visible_to(user)
    found: int = rows.filter(state=ApprovalState.PENDING).exclude(requester=user).count()
    return found


NAV = [
    NavItem("decisions", _("Decisions"), "ledger:decisions", "gavel", order=40),
    NavItem("approvals", _("Approvals"), "ledger:approvals", "checklist", order=50, badge=waiting),
    NavItem("records", _("Records"), "ledger:records", "list-details", order=60),
]


def actions_of(user: User) -> Any:
    return ActionRow.objects.visible_to(user).select_related("decision")


def needs(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
    """Approvals that wait, and what failed in the last day."""
    user = user_of(request)
    pending = visible_approvals(user).filter(state=ApprovalState.PENDING).order_by("expires_at")[:SHOWN]
    failed = actions_of(user).filter(state=ActionState.FAILED, finished_at__gte=now() - timedelta(days=1))[:SHOWN]
    return {"approvals": list(pending), "failed": list(failed), "states": looks.APPROVAL, "action_states": looks.ACTION}


def today(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
    recent = actions_of(user_of(request)).filter(created_at__gte=now() - timedelta(days=1)).order_by("-created_at")
    return {"actions": [(row, looks.ACTIONS.get(row.kind)) for row in recent[:12]], "states": looks.ACTION}


def refusals(request: HttpRequest, obj: Any) -> Mapping[str, Any]:
    """How many workloads each reason keeps awake now: current decisions that are not to act."""
    rows = DecisionRow.objects.visible_to(user_of(request)).filter(current=True)
    counts = (
        rows.exclude(verdict=Verdict.ACT)
        .order_by()
        .values("reason_code")
        .annotate(n=Count("pk"))
        .order_by("-n")[:SHOWN]
    )
    most = max((row["n"] for row in counts), default=1)
    reasons = [
        {
            "code": row["reason_code"],
            "words": title(row["reason_code"]),
            "count": row["n"],
            "share": 100 * row["n"] / most,
        }
        for row in counts
    ]
    return {"reasons": reasons}


def why(request: HttpRequest, obj: Workload) -> Mapping[str, Any]:
    """The newest decision about a workload, as its own page shows it."""
    user = user_of(request)
    rows = DecisionRow.objects.visible_to(user).select_related("cluster", "action__approval")
    found = (
        rows.filter(cluster=obj.cluster, namespace=obj.namespace, subject_kind=obj.kind, subject_name=obj.name)
        .order_by("-current", "-decided_at")
        .first()
    )
    return decision_context(user, found) if found else {"decision": None}


PANELS = [
    Panel("today", "overview", "ledger/panel_today.html", today, order=20, topics=("actions",)),
    Panel(
        "needs", "overview", "ledger/panel_needs.html", needs, order=10, column="side", topics=("approvals", "actions")
    ),
    Panel(
        "refusals", "overview", "ledger/panel_refusals.html", refusals, order=40, column="side", topics=("decisions",)
    ),
    Panel("why", "workload", "ledger/panel_why.html", why, order=10),
]
_EVENT_TONES: dict[str, Any] = {"Done": "good", "Failed": "bad", "Refused": "warn", "Rejected": "bad"}


def events(user: User, obj: Any, limit: int) -> Iterable[TimelineEvent]:
    """Actions on an object and decisions about it."""
    if isinstance(obj, Workload):
        place = Q(cluster_id=obj.cluster_id, namespace=obj.namespace)
        actions = actions_of(user).filter(place, target_kind=obj.kind, target_name=obj.name)
        rows = DecisionRow.objects.visible_to(user).filter(place, subject_kind=obj.kind, subject_name=obj.name)
        yield from (_decided(row) for row in rows.filter(action=None).order_by("-decided_at")[:limit])
    elif isinstance(obj, Cluster):
        actions = actions_of(user).filter(cluster=obj)
    elif getattr(obj, "_meta", None) is not None and obj._meta.label == "policies.Policy":
        actions = actions_of(user).filter(decision__policy_uid=obj.uid)
    else:
        return
    yield from (_acted(row, named=not isinstance(obj, Workload)) for row in actions.order_by("-created_at")[:limit])


def _acted(row: ActionRow, *, named: bool) -> TimelineEvent:
    look = looks.ACTIONS.get(row.kind)
    label = str(look.label) if look else row.kind
    text, _code = outcome_of(row)
    return TimelineEvent(
        at=row.finished_at or row.created_at,
        icon=look.icon if look else "bolt",
        title=f"{label}: {row.target_name}" if named else f"{label}: {looks.ACTION[row.state].label}",
        detail=text or sentence(row.decision.reason_code, row.decision.operands),
        url=reverse("ledger:decision", args=[row.decision_id]),
        tone=_EVENT_TONES.get(row.state, "neutral"),
    )


def _decided(row: DecisionRow) -> TimelineEvent:
    return TimelineEvent(
        at=row.decided_at, icon=looks.VERDICT[row.verdict].icon, title=looks.VERDICT[row.verdict].label,
        detail=sentence(row.reason_code, row.operands), url=reverse("ledger:decision", args=[row.pk]),
        tone="warn" if row.verdict == Verdict.REFUSE else "neutral",
    )  # fmt: skip


TIMELINE = [TimelineSource("ledger", events)]


def find_decisions(user: User, text: str, limit: int) -> Sequence[Hit]:
    """By the subject's name: the decisions that stand now."""
    rows = DecisionRow.objects.visible_to(user).filter(current=True, subject_name__icontains=text)
    return [
        Hit(
            f"{row.subject_kind}/{row.subject_name}",
            title(row.reason_code),
            reverse("ledger:decision", args=[row.pk]),
            "gavel",
        )
        for row in rows.order_by("-decided_at")[:limit]
    ]


SEARCH = [SearchSource("decisions", _("Decisions"), find_decisions)]


def _live(model: Any) -> Any:
    def visible(user: User, ids: set[str]) -> Any:
        return model.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)

    return visible


LIVE = {"decisions": _live(DecisionRow), "actions": _live(ActionRow), "approvals": _live(ApprovalRequest)}
