"""Filters of decisions, actions, approvals and records, for the pages, the API and the exports alike."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.kernel.decisions import Verdict
from apps.ledger.models import (
    ActionRow,
    ActionState,
    ApprovalRequest,
    ApprovalState,
    DecisionRow,
    DecisionState,
    Record,
    RecordKind,
)
from apps.ui.filters import AnyOf, ListFilters, Since
from apps.ui.sentences import title

VERDICTS = [(Verdict.ACT.value, _("Act")), (Verdict.HOLD.value, _("Hold")), (Verdict.REFUSE.value, _("Refuse"))]


class DecisionFilters(ListFilters):
    search_fields = ("subject_name", "namespace", "reason_code", "policy_name")

    verdict = AnyOf("verdict", label=_("Verdict"), labels=VERDICTS)
    reason = AnyOf("reason_code", label=_("Reason"), text=title)
    cluster = AnyOf("cluster_name", label=_("Cluster"))
    namespace = AnyOf("namespace", label=_("Namespace"))
    state = AnyOf("state", label=_("State"), labels=DecisionState.choices)
    policy = AnyOf("policy_name", label=_("Policy"))
    rule = AnyOf("kind", label=_("Rule"))
    since = Since("decided_at", label=_("Since"))
    kind = AnyOf("subject_kind", label=_("Kind"))
    name = AnyOf("subject_name", label=_("Name"))
    request = AnyOf("request_id", label=_("Request"))

    hidden_menus = ("name", "kind", "request")

    class Meta:
        model = DecisionRow
        fields: tuple[str, ...] = ()


class ActionFilters(ListFilters):
    search_fields = ("target_name", "namespace")

    state = AnyOf("state", label=_("State"), labels=ActionState.choices)
    cluster = AnyOf("cluster_name", label=_("Cluster"))
    namespace = AnyOf("namespace", label=_("Namespace"))
    since = Since("created_at", label=_("Since"))
    name = AnyOf("target_name", label=_("Name"))
    request = AnyOf("request_id", label=_("Request"))

    hidden_menus = ("name", "request")

    class Meta:
        model = ActionRow
        fields: tuple[str, ...] = ()


class ApprovalFilters(ListFilters):
    search_fields = ("rule", "reason", "requested_by", "cluster_name")

    state = AnyOf("state", label=_("State"), labels=ApprovalState.choices)
    cluster = AnyOf("cluster_name", label=_("Cluster"))
    rule = AnyOf("rule", label=_("Rule"))
    since = Since("created_at", label=_("Since"))

    class Meta:
        model = ApprovalRequest
        fields: tuple[str, ...] = ()


class RecordFilters(ListFilters):
    search_fields = ("subject", "actor", "request_id")

    kind = AnyOf("kind", label=_("Kind"), labels=RecordKind.choices)
    actor = AnyOf("actor", label=_("Actor"))
    cluster = AnyOf("cluster_name", label=_("Cluster"))
    namespace = AnyOf("namespace", label=_("Namespace"))
    since = Since("at", label=_("Since"))
    request = AnyOf("request_id", label=_("Request"))
    subject = AnyOf("subject", label=_("Subject"))

    hidden_menus = ("request", "subject", "namespace")

    class Meta:
        model = Record
        fields: tuple[str, ...] = ()
