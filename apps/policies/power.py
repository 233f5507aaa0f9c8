"""Sleeping and waking by hand from a page: what would happen first, with the API server's dry run; then, with a reason,
the thing itself. One request, one decision for each workload, and those that could not are listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apps.fleet.filters import WorkloadFilters
from apps.fleet.models import Workload
from apps.identity.models import User
from apps.identity.visibility import visible_to
from apps.kernel.errors import PlimsollError
from apps.ledger import looks as ledger_looks
from apps.policies import services
from apps.ui import markup
from apps.ui.acting import attempt, explain, next_url, request_id, user_of
from apps.ui.listing import selection

MOST = 500
UNTIL = {
    "": None,
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Verb:
    """`sleep` or `wake`: its words and its page."""

    name: str
    title: Any
    icon: str

    @property
    def sleeping(self) -> bool:
        return self.name == "sleep"


def _verb(name: str) -> Verb:
    return Verb("sleep", _("Put to sleep"), "zzz") if name == "sleep" else Verb("wake", _("Wake"), "sunrise")


def chosen(request: HttpRequest) -> QuerySet[Workload]:
    rows = visible_to(Workload, user_of(request)).select_related("cluster", "team")
    found: QuerySet[Workload] = selection(request, queryset=rows, filterset=WorkloadFilters)
    return found


@login_required
@require_POST
def ask(request: HttpRequest, verb: str) -> HttpResponse:
    """The preview: every workload chosen, whether it can be done, what it saves, whether people must agree."""
    rows = list(chosen(request)[: MOST + 1])
    back = next_url(request, reverse("fleet:workloads"))
    if not rows:
        messages.warning(request, _("Nothing is selected. Pick rows first."))
        return HttpResponseRedirect(back)
    if len(rows) > MOST:
        messages.error(request, _("At most %(most)s workloads at once. Narrow the filter.") % {"most": MOST})
        return HttpResponseRedirect(back)
    results: Sequence[services.ManualResult] = []
    error = ""
    try:
        results = _call(
            _verb(verb), rows, user=user_of(request), reason=_("Preview"), request_id=request_id(request), dry_run=True
        )
    except PlimsollError as e:
        error = explain(e)
    return render(
        request,
        "policies/power.html",
        {**_drawn(verb, rows, results), "error": error, "back": back, "until": list(UNTIL)},
    )


def _call(verb: Verb, rows: list[Workload], *, user: User, reason: str, request_id: str, dry_run: bool,
          until: datetime | None = None) -> list[services.ManualResult]:  # fmt: skip
    if verb.sleeping:
        return services.sleep_workloads(
            rows=rows, actor=user, reason=reason, request_id=request_id, until=until, dry_run=dry_run
        )
    return services.wake_workloads(rows=rows, actor=user, reason=reason, request_id=request_id, dry_run=dry_run)


def _drawn(verb: str, rows: list[Workload], results: Sequence[services.ManualResult]) -> dict[str, Any]:
    possible = [one for one in results if one.verdict == "Act"]
    prices = [one.row.price_per_hour for one in possible if one.row.price_per_hour is not None]
    return {
        "verb": _verb(verb), "rows": rows, "results": results, "possible": possible,
        "refused": [one for one in results if one.verdict != "Act"], "saving": sum(prices, Decimal(0)),
        "currency": rows[0].currency if rows else "USD", "pods": sum(one.row.replicas for one in possible),
        "verdicts": ledger_looks.VERDICT, "states": ledger_looks.ACTION,
    }  # fmt: skip


@login_required
@require_POST
def confirm(request: HttpRequest, verb: str) -> HttpResponse:
    """Does it, and shows what became of each."""
    rows = list(chosen(request)[:MOST])
    span = UNTIL.get(request.POST.get("until", ""))
    results: Sequence[services.ManualResult] = []
    with attempt(request) as tried:
        results = _call(
            _verb(verb), rows, user=user_of(request), reason=request.POST.get("reason", "").strip(),
            request_id=request_id(request), until=markup.now() + span if span else None, dry_run=False,
        )  # fmt: skip
    if tried.failed or not results:
        return HttpResponseRedirect(next_url(request, reverse("fleet:workloads")))
    context = _drawn(verb, rows, results)
    done = len(context["possible"])
    text = ngettext("%(n)s workload is on its way.", "%(n)s workloads are on their way.", done) % {"n": done}
    messages.success(request, text)
    approvals = {one.approval_id for one in results if one.approval_id is not None}
    if len(results) == 1 and results[0].decision_id is not None:
        return HttpResponseRedirect(reverse("ledger:decision", args=[results[0].decision_id]))
    return render(
        request, "policies/power_done.html", {**context, "approvals": approvals, "request_id": request_id(request)}
    )
