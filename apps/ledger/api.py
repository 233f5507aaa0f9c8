"""/api/v1/decisions, actions, approvals, records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.identity.models import Scope
from apps.identity.rest.views import ApiView, Rows
from apps.ledger import filters, services
from apps.ledger.models import ActionRow, ApprovalRequest, DecisionRow, Record, Vote
from apps.ui.sentences import sentence


class EvidenceSerializer(serializers.Serializer[Any]):
    """`value` is a number held against `threshold`, in `unit`; or the text found, and then both are null."""

    name = serializers.CharField()
    value = serializers.JSONField()
    unit = serializers.CharField(allow_null=True)
    threshold = serializers.FloatField(allow_null=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # a declared field is no attribute


class AlternativeSerializer(serializers.Serializer[Any]):
    """Something else that could have been done, and why it was not."""

    name = serializers.CharField()
    reason = serializers.CharField()
    message = serializers.CharField()


def _policy_key(row: DecisionRow) -> str | None:
    if not row.policy_name:
        return None
    parts = (row.policy_kind, row.policy_namespace, row.policy_name)
    return "/".join(part for part in parts if part)


def _evidence(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    fields = ("name", "value", "unit", "threshold", "source")
    return [{field: each.get(field) for field in fields} for each in stored]


def alternatives_body(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored alternatives in the names of the API, each with its sentence in the caller's language."""
    found = []
    for each in stored:
        reason: Mapping[str, Any] = each.get("reason") or {}
        code, operands = str(reason.get("code", "")), reason.get("operands") or {}
        found.append({"name": each.get("name", ""), "reason": code, "message": sentence(code, operands)})
    return found


class DecisionSerializer(serializers.ModelSerializer[DecisionRow]):
    """One Decision. `kind` and `name` are its subject's; `message` is the reason's sentence, in the caller's language.

    These names are a contract with scripts (docs/reference/api.md): add to `DecisionDetailSerializer`, not here.
    """

    time = serializers.DateTimeField(source="decided_at")
    cluster = serializers.CharField(source="cluster_name")
    kind = serializers.CharField(source="subject_kind")
    name = serializers.CharField(source="subject_name")
    reason = serializers.CharField(source="reason_code")
    message = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    alternatives = serializers.SerializerMethodField()
    policy = serializers.SerializerMethodField()
    snapshot = serializers.UUIDField(source="snapshot_id", allow_null=True)
    action = serializers.UUIDField(source="action_id", allow_null=True)

    class Meta:
        model = DecisionRow
        fields: tuple[str, ...] = (
            "id",
            "time",
            "cluster",
            "namespace",
            "kind",
            "name",
            "verdict",
            "reason",
            "message",
            "evidence",
            "alternatives",
            "policy",
            "snapshot",
            "action",
            "state",
        )

    def get_message(self, row: DecisionRow) -> str:
        return sentence(row.reason_code, row.operands)

    @extend_schema_field(EvidenceSerializer(many=True))
    def get_evidence(self, row: DecisionRow) -> list[dict[str, Any]]:
        return _evidence(row.evidence)

    @extend_schema_field(AlternativeSerializer(many=True))
    def get_alternatives(self, row: DecisionRow) -> list[dict[str, Any]]:
        return alternatives_body(row.alternatives)

    def get_policy(self, row: DecisionRow) -> str | None:
        return _policy_key(row)


class DecisionDetailSerializer(DecisionSerializer):
    """Everything the record holds of it: `rule` is what decided, `count` how often it was reached again unchanged."""

    rule = serializers.CharField(source="kind")

    class Meta(DecisionSerializer.Meta):
        fields = (
            *DecisionSerializer.Meta.fields,
            "rule",
            "operands",
            "mode",
            "policy_generation",
            "saving_per_hour",
            "currency",
            "disruption_pods",
            "actor",
            "request_id",
            "last_seen",
            "count",
        )


class Decisions(Rows):
    """What Plimsoll concluded, refusals too, newest first."""

    queryset = DecisionRow.objects.order_by("-decided_at", "-id")
    serializer_class = DecisionSerializer
    filterset_class = filters.DecisionFilters
    sortable = {"time": "decided_at", "name": "subject_name", "namespace": "namespace", "reason": "reason_code"}

    def get_serializer_class(self) -> type[DecisionSerializer]:
        return DecisionDetailSerializer if self.action == "retrieve" else DecisionSerializer


class ActionSerializer(serializers.ModelSerializer[ActionRow]):
    """`details` is the Action as data (its mark, its target); `undoes` the action whose inverse this is."""

    time = serializers.DateTimeField(source="created_at")
    cluster = serializers.CharField(source="cluster_name")
    action = serializers.CharField(source="kind")
    kind = serializers.CharField(source="target_kind")
    name = serializers.CharField(source="target_name")
    decision = serializers.UUIDField(source="decision_id")
    approval = serializers.UUIDField(source="approval_id", allow_null=True)
    undoes = serializers.UUIDField(source="inverse_of_id", allow_null=True)
    details = serializers.JSONField(source="action")

    class Meta:
        model = ActionRow
        fields = (
            "id",
            "time",
            "cluster",
            "namespace",
            "kind",
            "name",
            "action",
            "state",
            "decision",
            "approval",
            "undoes",
            "requested_by",
            "reason",
            "attempts",
            "due_at",
            "execute_before",
            "started_at",
            "finished_at",
            "outcome",
            "details",
            "request_id",
        )


class ReasonSerializer(serializers.Serializer[Any]):
    """Why: it stands in the record beside the one who gave it."""

    reason = serializers.CharField(max_length=2000)


class Actions(Rows):
    """What was or is to be done, newest first."""

    queryset = ActionRow.objects.order_by("-created_at", "-id")
    serializer_class = ActionSerializer
    filterset_class = filters.ActionFilters
    sortable = {"time": "created_at", "name": "target_name", "state": "state", "due": "due_at"}
    scopes = {"undo": Scope.OPERATE, "cancel": Scope.OPERATE}

    @extend_schema(request=ReasonSerializer, responses={202: ActionSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Propose the inverse of a finished action. The answer is the new action, on its way."""
        undone = services.undo(
            action=self.get_object(), actor=self.actor, reason=_reason(request), request_id=self.request_id
        )
        return Response(ActionSerializer(undone).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=ReasonSerializer, responses=ActionSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop an action that has not started."""
        cancelled = services.cancel(
            action=self.get_object(), actor=self.actor, reason=_reason(request), request_id=self.request_id
        )
        return Response(ActionSerializer(cancelled).data)


def _reason(request: Request) -> str:
    given = ReasonSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    return str(given.validated_data["reason"])


class VoteSerializer(serializers.ModelSerializer[Vote]):
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Vote
        fields = ("user", "approve", "reason", "at")


class ApprovalSerializer(serializers.ModelSerializer[ApprovalRequest]):
    """One question to people. `message` says which sensitivity rule asks and why; `actions` are the ids it is about."""

    cluster = serializers.CharField(source="cluster_name")
    time = serializers.DateTimeField(source="created_at")
    message = serializers.SerializerMethodField()
    votes = VoteSerializer(many=True, read_only=True)
    actions = serializers.PrimaryKeyRelatedField[ActionRow](many=True, read_only=True)

    class Meta:
        model = ApprovalRequest
        fields = (
            "id",
            "time",
            "cluster",
            "rule",
            "message",
            "reason",
            "state",
            "needed",
            "votes",
            "actions",
            "requested_by",
            "expires_at",
            "execute_before",
            "decided_at",
            "request_id",
        )

    def get_message(self, row: ApprovalRequest) -> str:
        return sentence(row.rule, row.operands)


class Approvals(Rows):
    """What waits for people, and what they answered."""

    queryset = ApprovalRequest.objects.prefetch_related("votes__user", "actions").order_by("-created_at", "-id")
    serializer_class = ApprovalSerializer
    filterset_class = filters.ApprovalFilters
    sortable = {"time": "created_at", "state": "state", "expires": "expires_at"}
    scopes = {"approve": Scope.APPROVE, "reject": Scope.APPROVE}

    @extend_schema(request=ReasonSerializer, responses=ApprovalSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Agree. The last approval that was needed lets the actions start."""
        return self._vote(request, approve=True)

    @extend_schema(request=ReasonSerializer, responses=ApprovalSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Refuse. One rejection ends the request."""
        return self._vote(request, approve=False)

    def _vote(self, request: Request, *, approve: bool) -> Response:
        approval: ApprovalRequest = self.get_object()
        services.vote(
            approval=approval,
            user=self.actor,
            approve=approve,
            reason=_reason(request),
            request_id=self.request_id,
        )
        return Response(ApprovalSerializer(self.get_object()).data)


class RecordSerializer(serializers.ModelSerializer[Record]):
    """`body` is what the fact says; `hash` covers it and `prev_hash`."""

    cluster = serializers.CharField(source="cluster_name")
    body = serializers.JSONField(read_only=True)

    class Meta:
        model = Record
        fields = (
            "id",
            "seq",
            "kind",
            "at",
            "actor",
            "request_id",
            "cluster",
            "namespace",
            "subject",
            "body",
            "prev_hash",
            "hash",
        )


class Records(Rows):
    """The ledger itself, newest first."""

    queryset = Record.objects.order_by("-seq")
    serializer_class = RecordSerializer
    filterset_class = filters.RecordFilters
    sortable = {"seq": "seq", "time": "at"}

    @extend_schema(responses={(200, "application/x-ndjson"): OpenApiTypes.STR})
    @action(detail=False, methods=["get"], pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        """The records of the filter, oldest first, one JSON object a line."""
        self.filter_queryset(self.get_queryset())  # a name that is no filter is an error here too
        lines = services.export(user=self.actor, filters=request.query_params.dict())
        answer = StreamingHttpResponse(lines, content_type="application/x-ndjson")
        answer.headers["Content-Disposition"] = 'attachment; filename="plimsoll-records.ndjson"'
        return answer


ROUTES: list[tuple[str, type[ApiView], str]] = [
    ("decisions", Decisions, "decision"),
    ("actions", Actions, "action"),
    ("approvals", Approvals, "approval"),
    ("records", Records, "record"),
]
