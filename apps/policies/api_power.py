"""/api/v1/workloads/sleep, workloads/wake, workloads/{id}/why, clusters/{id}/uninstall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fleet.models import Cluster, Workload
from apps.identity.models import Scope
from apps.identity.rest.views import UUID_PATTERN, ApiView
from apps.identity.visibility import visible_to
from apps.kernel.errors import InvalidInput, NotFound
from apps.kernel.ports import load
from apps.kernel.units import LONGEST, parse_duration
from apps.ledger.api import DecisionDetailSerializer, DecisionSerializer
from apps.policies import services
from apps.ui.sentences import sentence

MOST_ITEMS = 10_000


class TargetSerializer(serializers.Serializer[Any]):
    """One workload: its `id`, or `cluster`, `namespace`, `kind` and `name`."""

    id = serializers.UUIDField(required=False)
    cluster = serializers.CharField(required=False, max_length=63)
    namespace = serializers.CharField(required=False, max_length=63)
    kind = serializers.CharField(required=False, max_length=63)
    name = serializers.CharField(required=False, max_length=253)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "id" not in attrs:
            missing = [name for name in ("cluster", "namespace", "kind", "name") if not attrs.get(name)]
            if missing:
                raise serializers.ValidationError({name: [_("needed when there is no id")] for name in missing})
        return attrs


class WakeSerializer(serializers.Serializer[Any]):
    """Which workloads, and why. `dry_run` asks the API server whether it would do it, and records nothing."""

    items = TargetSerializer(many=True, allow_empty=False, max_length=MOST_ITEMS)  # type: ignore[call-arg]  # of the list
    reason = serializers.CharField(max_length=2000)
    dry_run = serializers.BooleanField(required=False, default=False)


class SleepSerializer(WakeSerializer):
    """`until`: a duration (8h) or a moment, after which they wake again by themselves."""

    until = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=64)


class ManualItemSerializer(serializers.Serializer[Any]):
    """What became of one workload. `action` null: nothing was put on its way, and `reason` says why."""

    id = serializers.UUIDField()
    cluster = serializers.CharField()
    namespace = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    verdict = serializers.CharField()
    reason = serializers.CharField()
    message = serializers.CharField()
    decision = serializers.UUIDField(allow_null=True)
    action = serializers.UUIDField(allow_null=True)
    state = serializers.CharField(allow_blank=True)
    approval = serializers.UUIDField(allow_null=True)


class ManualSerializer(serializers.Serializer[Any]):
    request_id = serializers.CharField()
    items = ManualItemSerializer(many=True)


class WhySerializer(DecisionDetailSerializer):
    """The newest Decision about a workload; `history` holds those before it, newest first."""

    history = DecisionSerializer(many=True)

    class Meta(DecisionDetailSerializer.Meta):
        fields = (*DecisionDetailSerializer.Meta.fields, "history")


class WorkloadPower(ApiView):
    """Sleep and wake by hand, and why."""

    serializer_class = ManualSerializer
    pagination_class = None
    filter_backends = []
    lookup_value_regex = UUID_PATTERN
    scopes = {"sleep": Scope.OPERATE, "wake": Scope.OPERATE}

    @extend_schema(request=SleepSerializer, responses={202: ManualSerializer})
    @action(detail=False, methods=["post"])
    def sleep(self, request: Request) -> Response:
        """Put workloads to sleep. More than 50 at once, or any in production, wait for approval."""
        given = SleepSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        results = services.sleep_workloads(
            rows=self._rows(wanted["items"]),
            actor=self.actor,
            reason=wanted["reason"],
            request_id=self.request_id,
            until=_moment(wanted.get("until") or ""),
            dry_run=wanted["dry_run"],
        )
        return self._answer(results)

    @extend_schema(request=WakeSerializer, responses={202: ManualSerializer})
    @action(detail=False, methods=["post"])
    def wake(self, request: Request) -> Response:
        """Wake workloads with the replicas they had."""
        given = WakeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        results = services.wake_workloads(
            rows=self._rows(wanted["items"]),
            actor=self.actor,
            reason=wanted["reason"],
            request_id=self.request_id,
            dry_run=wanted["dry_run"],
        )
        return self._answer(results)

    @extend_schema(responses=WhySerializer)
    @action(detail=True, methods=["get"])
    def why(self, request: Request, pk: str) -> Response:
        """The newest Decision about it: what was compared, and what was refused instead."""
        row = self._rows([{"id": pk}])[0]
        found = services.why(row=row)
        if found.latest is None:
            raise NotFound(
                _("nothing has been decided about %(workload)s: no policy covers it") % {"workload": row},
                mend=_("apply a policy that selects it"),
            )
        history = DecisionSerializer(found.history[1:], many=True).data
        return Response({**DecisionDetailSerializer(found.latest).data, "history": history})

    def _rows(self, items: Sequence[Mapping[str, Any]]) -> list[Workload]:
        """The rows of the items, in their order; NotFound names the first that is none, or is not to be seen."""
        visible = visible_to(Workload, self.actor).select_related("cluster")
        by_id = {str(row.pk): row for row in visible.filter(pk__in=[i["id"] for i in items if "id" in i])}
        by_name = _named(visible, [item for item in items if "id" not in item])
        rows = []
        for index, item in enumerate(items):
            row = by_id.get(str(item["id"])) if "id" in item else by_name.get(_name_of(item))
            if row is None:
                raise NotFound(
                    _("there is no such workload, or you may not see it"),
                    field=f"items[{index}]",
                    mend=_("GET /api/v1/workloads/ lists them"),
                )
            rows.append(row)
        return rows

    def _answer(self, results: Sequence[services.ManualResult]) -> Response:
        body = {"request_id": self.request_id, "items": [_manual_body(result) for result in results]}
        return Response(body, status=status.HTTP_202_ACCEPTED)


Name = tuple[str, str, str, str]


def _name_of(item: Mapping[str, Any]) -> Name:
    return item["cluster"], item["namespace"], item["kind"], item["name"]


def _named(visible: Any, items: Sequence[Mapping[str, Any]]) -> dict[Name, Workload]:
    """The rows that these items name, in one query."""
    if not items:
        return {}
    found = visible.filter(cluster__name__in={i["cluster"] for i in items}, name__in={i["name"] for i in items})
    return {(row.cluster.name, row.namespace, row.kind, row.name): row for row in found}


def _manual_body(result: services.ManualResult) -> dict[str, Any]:
    row = result.row
    return {
        "id": row.pk,
        "cluster": row.cluster.name,
        "namespace": row.namespace,
        "kind": row.kind,
        "name": row.name,
        "verdict": result.verdict.value,
        "reason": result.reason.code,
        "message": sentence(result.reason.code, result.reason.operands),
        "decision": result.decision_id,
        "action": result.action_id,
        "state": result.state,
        "approval": result.approval_id,
    }


def _moment(text: str) -> datetime | None:
    """The moment of "8h" or of an ISO 8601 time with its zone; None of nothing."""
    if not text:
        return None
    now: datetime = load(settings.PLIMSOLL_PORTS["clock"])().now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now + parse_duration(text, field="until")
    if at.tzinfo is None or not now < at <= now + LONGEST:
        raise InvalidInput(
            _("it has passed, is a lifetime away, or says no time zone"),
            field="until",
            mend=_("write it like 8h or 2026-11-24T18:00:00Z"),
        )
    return at


class UninstallSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(required=False, default=False)


class UninstallReportSerializer(serializers.Serializer[Any]):
    """`left` names what still stands, each with the command that removes it; `ok`: nothing is left."""

    ok = serializers.BooleanField()
    woken = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    left = serializers.ListField(child=serializers.CharField())


class ClusterLeaving(ApiView):
    """How Plimsoll leaves a cluster."""

    serializer_class = UninstallReportSerializer
    pagination_class = None
    filter_backends = []
    lookup_value_regex = UUID_PATTERN

    @extend_schema(request=UninstallSerializer, responses=UninstallReportSerializer)
    @action(detail=True, methods=["post"])
    def uninstall(self, request: Request, pk: str) -> Response:
        """Wake everything, then remove policies, CRDs and roles. Nothing is removed while a workload still sleeps."""
        given = UninstallSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        cluster = visible_to(Cluster, self.actor).filter(pk=pk).first()
        if cluster is None:
            raise NotFound(_("there is no such cluster, or you may not see it"))
        report = services.uninstall(
            cluster=cluster,
            actor=self.actor,
            request_id=self.request_id,
            dry_run=given.validated_data["dry_run"],
        )
        body = {"ok": report.ok, "woken": report.woken, "removed": report.removed, "left": report.left}
        return Response(body)
