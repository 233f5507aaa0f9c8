"""Pages of policies: the list, and one policy with its conditions, what it covers and what it did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.fleet import looks as fleet_looks
from apps.fleet.models import Workload
from apps.identity.roles import Role, has_role
from apps.identity.visibility import visible_to
from apps.ledger.models import DecisionRow
from apps.policies import looks, manifest_text
from apps.policies.filters import PolicyFilters
from apps.policies.models import Origin, Policy
from apps.policies.tables import PolicyTable, readiness, rule_words
from apps.ui import visits
from apps.ui.acting import user_of
from apps.ui.listing import Empty, ListPage
from apps.ui.sentences import title
from apps.ui.timeline import events_of


class Policies(ListPage):
    key = "policies"
    title = _("Policies")
    lead = _("What puts idle workloads to sleep. The object in the cluster is the truth; this list mirrors it.")
    table_class = PolicyTable
    filterset_class = PolicyFilters
    topic = "policies"
    template_name = "policies/policies.html"
    empty = Empty(
        _("No policies yet"),
        _("Begin with mode DryRun: it records what it would do and what it would save, and touches nothing."),
        _("Write a policy"),
        "policies:new",
        "shield-half",
        "plimsoll apply -f policy.yaml --cluster NAME",
    )

    def queryset(self) -> QuerySet[Policy]:
        return visible_to(Policy, user_of(self.request)).select_related("cluster", "team")


@login_required
@require_GET
def policy(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    found = get_object_or_404(visible_to(Policy, user).select_related("cluster", "team"), pk=pk)
    visit = visits.note(request, label=found.name, detail=f"{gettext('Policy')} · {found.cluster}", icon="shield-half")
    decisions = DecisionRow.objects.visible_to(user).filter(policy_uid=found.uid, current=True)
    reasons = decisions.order_by().values("reason_code").annotate(n=Count("pk")).order_by("-n")[:8]
    asleep = visible_to(Workload, user).select_related("cluster").filter(cluster=found.cluster, policy=found.key)
    context = {
        "policy": found, "visit": visit, "readiness": readiness(found), "modes": looks.MODE, "origins": looks.ORIGIN,
        "rule": rule_words(found.spec), "conditions": _conditions(found),
        "manifest": manifest_text.write(found.manifest),
        "reasons": [(row["reason_code"], title(row["reason_code"]), row["n"]) for row in reasons],
        "workloads": list(asleep[:50]), "workload_states": fleet_looks.WORKLOAD, "events": events_of(user, found),
        "may_change": found.origin == Origin.CLUSTER and _may_operate(user, found),
    }  # fmt: skip
    return render(request, "policies/policy.html", context)


def _may_operate(user: Any, found: Policy) -> bool:
    return has_role(user, Role.OPERATOR, found)


def _conditions(found: Policy) -> list[dict[str, Any]]:
    return [
        {**one, "name": looks.CONDITION_NAMES.get(one.get("type"), one.get("type")), "look": looks.CONDITION}
        for one in found.conditions
    ]
