"""Pages of decisions, approvals and the audit record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from apps.fleet.models import Workload
from apps.identity.models import User
from apps.identity.roles import Role, has_role
from apps.ledger import looks, services, wording
from apps.ledger.filters import ApprovalFilters, DecisionFilters, RecordFilters
from apps.ledger.models import ActionRow, ActionState, ApprovalRequest, ApprovalState, DecisionRow, Record, RecordKind
from apps.ledger.tables import ApprovalTable, DecisionTable, RecordTable, event_of
from apps.ui.acting import attempt, next_url, request_id, user_of
from apps.ui.export import pieces
from apps.ui.listing import Empty, ListPage


class Decisions(ListPage):
    key = "decisions"
    title = _("Decisions")
    lead = _("Everything Plimsoll concluded, refusals too, each with its reason and what was compared.")
    table_class = DecisionTable
    filterset_class = DecisionFilters
    topic = "decisions"
    empty = Empty(
        _("Nothing has been decided yet"),
        _("Decisions appear as soon as a policy covers a workload, even in mode DryRun."),
        _("Write a policy"),
        "policies:new",
        "gavel",
    )

    def queryset(self) -> QuerySet[DecisionRow]:
        rows: QuerySet[DecisionRow] = DecisionRow.objects.visible_to(user_of(self.request))
        return rows


class Approvals(ListPage):
    key = "approvals"
    title = _("Approvals")
    lead = _("Sensitive actions wait here until enough people agree. Whoever asked does not count.")
    table_class = ApprovalTable
    filterset_class = ApprovalFilters
    topic = "approvals"
    template_name = "ledger/approvals.html"
    empty = Empty(
        _("Nothing waits for approval"),
        _("Manual actions in production, or on many workloads at once, and deletes wait here."),
        icon="checklist",
    )

    def queryset(self) -> QuerySet[ApprovalRequest]:
        rows: QuerySet[ApprovalRequest] = visible_approvals(user_of(self.request))
        return rows

    def context(self) -> dict[str, Any]:
        chosen = self.request.GET.getlist("state")
        counts = dict(self.queryset().order_by().values_list("state").annotate(Count("pk", distinct=True)))
        return {
            "tabs": [("", gettext("All"), sum(counts.values()), not chosen)]
            + [(value, label, counts.get(value, 0), chosen == [value]) for value, label in ApprovalState.choices]
        }


def visible_approvals(user: User) -> QuerySet[ApprovalRequest]:
    rows: QuerySet[ApprovalRequest] = ApprovalRequest.objects.visible_to(user)
    return rows.annotate(
        action_count=Count("actions", distinct=True),
        vote_count=Count("votes", filter=Q(votes__approve=True), distinct=True),
    )


class Records(ListPage):
    key = "records"
    title = _("Records")
    lead = _("The audit record: append-only, each entry holding the hash of the one before.")
    table_class = RecordTable
    filterset_class = RecordFilters
    template_name = "ledger/records.html"
    empty = Empty(
        _("The record is empty"), _("The first login, decision or change writes its first entry."), icon="list-details"
    )

    def queryset(self) -> QuerySet[Record]:
        rows: QuerySet[Record] = Record.objects.visible_to(user_of(self.request))
        return rows


@login_required
@require_GET
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    rows: QuerySet[DecisionRow] = DecisionRow.objects.visible_to(user)
    found = get_object_or_404(rows.select_related("cluster", "team", "action__approval"), pk=pk)
    return render(request, "ledger/decision.html", decision_context(user, found))


def decision_context(user: User, row: DecisionRow) -> dict[str, Any]:
    """Everything "Why?" shows of one decision: evidence, alternatives, snapshot, action, the subject's page."""
    action = row.action
    workload = Workload.objects.filter(
        cluster=row.cluster, namespace=row.namespace, kind=row.subject_kind, name=row.subject_name
    ).first()
    return {
        "decision": row, "verdicts": looks.VERDICT, "states": looks.DECISION, "action": action,
        "action_look": looks.ACTIONS.get(action.kind) if action else None, "action_states": looks.ACTION,
        "evidence": wording.evidence_lines(row), "alternatives": wording.alternatives(row), "workload": workload,
        "change": wording.change(action) if action else [],
        "outcome": wording.outcome_of(action) if action else ("", ""),
        "snapshot": _snapshot(row), "may_undo": action is not None and may_undo(user, action),
        "policy_key": "/".join(filter(None, [row.policy_kind, row.policy_namespace, row.policy_name])),
        "operands": sorted(row.operands.items()), "because": _because(user, row),
    }  # fmt: skip


def _because(user: User, row: DecisionRow) -> dict[str, Any] | None:
    """The evidence of the decision that led here, where this one has none of its own."""
    led = wording.earlier(row)
    if led is None or led.action is None:
        return None
    return {
        "decision": led, "evidence": wording.evidence_lines(led), "alternatives": wording.alternatives(led),
        "action": led.action, "action_look": looks.ACTIONS.get(led.action.kind), "change": wording.change(led.action),
        "outcome": wording.outcome_of(led.action), "may_undo": may_undo(user, led.action),
        "policy_key": "/".join(filter(None, [led.policy_kind, led.policy_namespace, led.policy_name])),
    }  # fmt: skip


def _snapshot(row: DecisionRow) -> dict[str, Any] | None:
    """What the ledger keeps of the Snapshot it was decided on: when, ages, versions, counts."""
    if row.snapshot_id is None:
        return None
    kept = Record.objects.filter(kind=RecordKind.SNAPSHOT, subject=str(row.snapshot_id)).first()
    return kept.body if kept else None


def may_undo(user: User, action: ActionRow) -> bool:
    finished = action.state == ActionState.DONE and bool((action.outcome or {}).get("undo"))
    return finished and has_role(user, Role.OPERATOR, action)


@login_required
@require_POST
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Proposes the inverse of a finished action; a reason is asked for."""
    user = user_of(request)
    rows: QuerySet[ActionRow] = ActionRow.objects.visible_to(user)
    found = get_object_or_404(rows.select_related("cluster", "decision"), pk=pk)
    back = reverse("ledger:decision", args=[found.decision_id])
    with attempt(request) as tried:
        made = services.undo(
            action=found, actor=user, reason=request.POST.get("reason", "").strip(), request_id=request_id(request)
        )
    if tried.failed:
        return HttpResponseRedirect(back)
    text = (
        gettext("Undoing it waits for approval.")
        if made.state == ActionState.WAITING_APPROVAL
        else gettext("It is being undone.")
    )
    messages.success(request, text)
    return HttpResponseRedirect(reverse("ledger:decision", args=[made.decision_id]))


@login_required
@require_GET
def approval(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    found = get_object_or_404(visible_approvals(user).select_related("cluster", "requester"), pk=pk)
    votes = list(found.votes.select_related("user"))
    actions = list(found.actions.select_related("cluster", "decision")[:200])
    saving = [one.decision.saving_per_hour for one in actions if one.decision.saving_per_hour is not None]
    context = {
        "approval": found, "votes": votes, "actions": actions, "states": looks.APPROVAL, "action_looks": looks.ACTIONS,
        "action_states": looks.ACTION, "saving": sum(saving) if saving else None,
        "pods": sum(one.decision.disruption_pods for one in actions), "mine": found.requester_id == user.pk,
        "voted": any(vote.user_id == user.pk for vote in votes), "may_vote": _may_vote(user, actions),
    }  # fmt: skip
    return render(request, "ledger/approval.html", context)


def _may_vote(user: User, actions: list[ActionRow]) -> bool:
    return user.is_superuser or all(has_role(user, Role.APPROVER, one) for one in actions)


@login_required
@require_POST
def vote(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approves or rejects, with the reason given."""
    user = user_of(request)
    found = get_object_or_404(visible_approvals(user), pk=pk)
    approve = request.POST.get("answer") == "approve"
    with attempt(request) as tried:
        services.vote(
            approval=found, user=user, approve=approve, reason=request.POST.get("reason", "").strip(),
            request_id=request_id(request),
        )  # fmt: skip
    if not tried.failed:
        messages.success(request, gettext("You approved it.") if approve else gettext("You rejected it."))
    return HttpResponseRedirect(next_url(request, reverse("ledger:approval", args=[pk])))


@login_required
@require_GET
def record(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    rows: QuerySet[Record] = Record.objects.visible_to(user)
    found = get_object_or_404(rows, pk=pk)
    context = {"record": found, "looks": looks.RECORD, "event": event_of(found), "body": found.body}
    return render(request, "ledger/record.html", context)


@login_required
@require_GET
def records_chain(request: HttpRequest) -> StreamingHttpResponse:
    """The filter's records as JSON lines with their hashes, so that the chain can be checked without Plimsoll."""
    filters = {name: request.GET[name] for name in request.GET if name in RecordFilters.base_filters}
    lines = services.export(user=user_of(request), filters=filters)
    response = StreamingHttpResponse(pieces(request, lines), content_type="application/x-ndjson")
    response["Content-Disposition"] = 'attachment; filename="plimsoll-records.jsonl"'
    return response
