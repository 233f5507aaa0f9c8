"""Tables of decisions, approvals and records."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.ledger import looks
from apps.ledger.models import ApprovalRequest, DecisionRow, Record
from apps.ui import markup
from apps.ui.sentences import sentence, title
from apps.ui.tables import LinkColumn, ListTable, NumberColumn, ReasonColumn, StateColumn, WhenColumn


def place(row: Any) -> str:
    return " / ".join(filter(None, [row.cluster_name, row.namespace]))


class DecisionTable(ListTable):
    fixed = ("subject",)
    hidden = ("cluster", "namespace", "rule", "mode", "pods", "count", "actor")

    subject = LinkColumn(
        accessor="subject_name",
        url=lambda row: reverse("ledger:decision", args=[row.pk]),
        under=lambda row: f"{row.subject_kind} · {place(row)}",
        drawer=True,
        verbose_name=_("Subject"),
    )
    verdict = StateColumn(looks.VERDICT, verbose_name=_("Verdict"))
    reason = ReasonColumn(accessor="reason_code", verbose_name=_("Reason"))
    state = StateColumn(looks.DECISION, verbose_name=_("State"))
    saving = NumberColumn(accessor="saving_per_hour", verbose_name=_("Saving"))
    policy = tables.Column(accessor="policy_name", verbose_name=_("Policy"))
    time = WhenColumn(accessor="decided_at", verbose_name=_("Decided"))
    cluster = tables.Column(accessor="cluster_name", verbose_name=_("Cluster"))
    namespace = tables.Column(verbose_name=_("Namespace"))
    rule = tables.Column(accessor="kind", verbose_name=_("Rule"))
    mode = tables.Column(verbose_name=_("Mode"))
    pods = NumberColumn(accessor="disruption_pods", verbose_name=_("Pods ended"))
    count = NumberColumn(verbose_name=_("Times reached"))
    actor = tables.Column(verbose_name=_("Actor"))

    class Meta(ListTable.Meta):
        model = DecisionRow
        fields: tuple[str, ...] = ()

    def render_saving(self, record: DecisionRow) -> str:
        return markup.money(record.saving_per_hour, currency=record.currency, per="hour")

    def value_saving(self, record: DecisionRow) -> str:
        return "" if record.saving_per_hour is None else str(record.saving_per_hour)


class ApprovalTable(ListTable):
    fixed = ("rule",)
    hidden = ("decided",)

    rule = LinkColumn(
        url=lambda row: reverse("ledger:approval", args=[row.pk]),
        under=lambda row: row.reason,
        verbose_name=_("Asks because"),
    )
    state = StateColumn(looks.APPROVAL, verbose_name=_("State"))
    actions = NumberColumn(accessor="action_count", verbose_name=_("Actions"))
    cluster = tables.Column(accessor="cluster_name", verbose_name=_("Cluster"))
    requested_by = tables.Column(verbose_name=_("Requested by"))
    votes = NumberColumn(accessor="vote_count", verbose_name=_("Approvals"))
    asked = WhenColumn(accessor="created_at", verbose_name=_("Asked"))
    expires = WhenColumn(accessor="expires_at", verbose_name=_("Expires"))
    decided = WhenColumn(accessor="decided_at", verbose_name=_("Answered"))

    class Meta(ListTable.Meta):
        model = ApprovalRequest
        fields: tuple[str, ...] = ()

    def render_rule(self, record: ApprovalRequest) -> SafeString:
        column = self.base_columns["rule"]
        shown: SafeString = LinkColumn.render(column, sentence(record.rule, record.operands), record)
        return shown

    def render_votes(self, record: Any) -> str:
        return f"{record.vote_count} / {record.needed}"


class RecordTable(ListTable):
    fixed = ("subject",)
    hidden = ("cluster", "namespace", "request", "hash")

    seq = NumberColumn(text=str, verbose_name=_("No."))
    subject = LinkColumn(
        url=lambda row: reverse("ledger:record", args=[row.pk]), under=place, drawer=True, verbose_name=_("Subject"),
        empty_values=(),
    )  # fmt: skip
    kind = StateColumn(looks.RECORD, verbose_name=_("Kind"))
    event = tables.Column(empty_values=(), orderable=False, verbose_name=_("What"))
    actor = tables.Column(verbose_name=_("Actor"))
    time = WhenColumn(accessor="at", verbose_name=_("Time"))
    cluster = tables.Column(accessor="cluster_name", verbose_name=_("Cluster"))
    namespace = tables.Column(verbose_name=_("Namespace"))
    request = tables.Column(accessor="request_id", verbose_name=_("Request"))
    hash = tables.Column(verbose_name=_("Hash"))

    class Meta(ListTable.Meta):
        model = Record
        fields: tuple[str, ...] = ()

    def render_subject(self, record: Record) -> SafeString:
        shown: SafeString = LinkColumn.render(self.base_columns["subject"], record.subject or record.kind, record)
        return shown

    def value_subject(self, record: Record) -> str:
        return record.subject

    def render_event(self, record: Record) -> str:
        return event_of(record)

    def value_event(self, record: Record) -> str:
        return event_of(record)


def event_of(record: Record) -> str:
    """What a record says in a few words: its event, its verdict and reason, or nothing."""
    body = record.body
    event = str(body.get("event") or "")
    decision = body.get("decision")  # the whole of it in a Decision's own record, elsewhere its id
    reason = decision.get("reason") if isinstance(decision, dict) else None
    if isinstance(reason, dict) and reason.get("code"):
        return sentence(str(reason["code"]), reason.get("operands") or {}).partition("\n")[0]
    kind = looks.ACTIONS.get(str(body.get("kind")))
    words = str(looks.EVENTS.get(event) or title(event)) if event else ""
    return f"{kind.label}: {words}" if kind and words else words
