"""The ledger at the admin console: everything to read, approvals to answer, actions to undo."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.identity.console import ReadOnlyAdmin, ReasonForm, ask, is_applied, person, request_id
from apps.kernel.errors import PlimsollError
from apps.ledger import services
from apps.ledger.models import ActionRow, ApprovalRequest, DecisionRow, DueWork, Lease, Record, Segment, Vote
from apps.ui.sentences import sentence


def _each(
    request: HttpRequest, rows: models.QuerySet[Any], do: Callable[[Any], object], *, done: Callable[[int], str]
) -> None:
    """Do it to every row; say how many went well, and of each other why not."""
    count = 0
    for row in rows:
        try:
            do(row)
        except PlimsollError as e:
            messages.error(request, f"{row}: {e}")
        else:
            count += 1
    if count:
        messages.success(request, done(count))


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin):
    list_display = ("seq", "kind", "at", "actor", "cluster_name", "namespace", "subject", "request_id")
    list_filter = ("kind", "cluster_name")
    search_fields = ("subject", "actor", "request_id")
    date_hierarchy = "at"
    show_full_result_count = False
    # The rows of team and cluster may be gone; their names are in the record itself.
    fields = (
        ("seq", "kind", "at"),
        ("actor", "request_id"),
        ("cluster_name", "namespace", "subject"),
        "said",
        "prev_hash",
        "hash",
    )

    @admin.display(description=gettext_lazy("content"))
    def said(self, row: Record) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(row.body, indent=2, ensure_ascii=False))


@admin.register(DecisionRow)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = (
        "decided_at",
        "cluster_name",
        "namespace",
        "subject_kind",
        "subject_name",
        "verdict",
        "why",
        "state",
    )
    list_filter = ("verdict", "state", "cluster_name", "kind")
    search_fields = ("subject_name", "namespace", "reason_code", "policy_name", "request_id")
    show_full_result_count = False

    @admin.display(description=gettext_lazy("reason"))
    def why(self, row: DecisionRow) -> str:
        return sentence(row.reason_code, row.operands)


@admin.register(ActionRow)
class ActionAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "kind",
        "cluster_name",
        "target_key",
        "state",
        "requested_by",
        "attempts",
        "came_of_it",
    )
    list_filter = ("state", "kind", "cluster_name")
    search_fields = ("target_name", "namespace", "requested_by", "request_id")
    show_full_result_count = False
    actions = ["undo"]

    @admin.display(description=gettext_lazy("outcome"))
    def came_of_it(self, row: ActionRow) -> str:
        reason = (row.outcome or {}).get("reason")
        return sentence(reason["code"], reason.get("operands", {})) if reason else ""

    @admin.action(description=gettext_lazy("Undo"), permissions=["view"])
    def undo(self, request: HttpRequest, queryset: models.QuerySet[ActionRow]) -> HttpResponseBase | None:
        form = ReasonForm(request.POST if is_applied(request) else None)
        if not form.is_valid():
            return ask(self, request, queryset, action="undo", title=_("Undo"), form=form)

        def do(row: ActionRow) -> None:
            services.undo(
                action=row, actor=person(request), reason=form.cleaned_data["reason"], request_id=request_id(request)
            )

        def done(count: int) -> str:
            return ngettext("%(n)s action is being undone.", "%(n)s actions are being undone.", count) % {"n": count}

        _each(request, queryset, do, done=done)
        return None


class VoteInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Vote
    extra = 0
    can_delete = False
    fields = readonly_fields = ("user", "approve", "reason", "at")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApprovalRequest)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "question",
        "cluster_name",
        "reach",
        "requested_by",
        "reason",
        "needed",
        "state",
        "expires_at",
    )
    list_filter = ("state", "rule", "cluster_name")
    search_fields = ("requested_by", "reason", "request_id")
    inlines = [VoteInline]
    actions = ["approve", "reject"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ApprovalRequest]:
        rows: models.QuerySet[ApprovalRequest] = super().get_queryset(request)
        return rows.annotate(action_count=models.Count("actions"))

    @admin.display(description=gettext_lazy("question"))
    def question(self, row: ApprovalRequest) -> str:
        return sentence(row.rule, row.operands)

    @admin.display(description=gettext_lazy("actions"))
    def reach(self, row: Any) -> int:
        return int(row.action_count)

    @admin.action(description=gettext_lazy("Approve"), permissions=["view"])
    def approve(self, request: HttpRequest, queryset: models.QuerySet[ApprovalRequest]) -> HttpResponseBase | None:
        return self._answer(request, queryset, action="approve", title=_("Approve"))

    @admin.action(description=gettext_lazy("Reject"), permissions=["view"])
    def reject(self, request: HttpRequest, queryset: models.QuerySet[ApprovalRequest]) -> HttpResponseBase | None:
        return self._answer(request, queryset, action="reject", title=_("Reject"))

    def _answer(
        self, request: HttpRequest, queryset: models.QuerySet[ApprovalRequest], *, action: str, title: str
    ) -> HttpResponseBase | None:
        form = ReasonForm(request.POST if is_applied(request) else None)
        if not form.is_valid():
            return ask(self, request, queryset, action=action, title=title, form=form)

        def do(row: ApprovalRequest) -> None:
            services.vote(
                approval=row,
                user=person(request),
                approve=action == "approve",
                reason=form.cleaned_data["reason"],
                request_id=request_id(request),
            )

        def done(count: int) -> str:
            return ngettext("%(n)s request was answered.", "%(n)s requests were answered.", count) % {"n": count}

        _each(request, queryset, do, done=done)
        return None


@admin.register(DueWork)
class DueWorkAdmin(ReadOnlyAdmin):
    list_display = ("key", "kind", "at", "attempts", "holder", "lease_until", "last_error")
    list_filter = ("kind",)


@admin.register(Lease)
class LeaseAdmin(ReadOnlyAdmin):
    list_display = ("name", "holder", "epoch", "until")


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ("number", "first_seq", "last_seq", "archived_at", "file")
