"""/api/v1/policies. What is done to workloads by hand stands in api_power.py."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fleet.models import Cluster
from apps.identity.models import Scope
from apps.identity.rest.views import ApiView, Rows
from apps.identity.roles import AnyUser
from apps.identity.visibility import visible_to
from apps.kernel.decisions import Decision, PolicyRef
from apps.kernel.errors import NotFound
from apps.kernel.serialise import encode
from apps.ledger.api import (
    AlternativeSerializer,
    EvidenceSerializer,
    alternatives_body,
)
from apps.policies import filters, services
from apps.policies.api_power import ClusterLeaving, WorkloadPower
from apps.policies.models import Policy
from apps.ui.sentences import sentence


class PolicySerializer(serializers.ModelSerializer[Policy]):
    """A ResourcePolicy or ClusterResourcePolicy as it stands in its cluster; `namespace` is "" for the latter."""

    cluster = serializers.CharField(source="cluster.name", read_only=True)
    team = serializers.CharField(source="team.name", default=None, read_only=True)

    class Meta:
        model = Policy
        fields = (
            "id",
            "cluster",
            "team",
            "kind",
            "namespace",
            "name",
            "uid",
            "generation",
            "origin",
            "origin_detail",
            "mode",
            "suspended",
            "priority",
            "ready",
            "conditions",
            "matched",
            "asleep",
            "refused",
            "conflicts",
            "saved_today",
            "currency",
            "manifest",
            "updated_at",
        )


class ManifestSerializer(serializers.Serializer[Any]):
    """`cluster` is a name; `manifest` the whole object, with apiVersion, kind and metadata."""

    cluster = serializers.CharField(max_length=63)
    manifest = serializers.DictField()

    def validate_manifest(self, value: dict[str, Any]) -> dict[str, Any]:
        """Only what the services take for granted; the rest is judged by the API server, which names each field."""
        metadata = value.get("metadata", {})
        if not isinstance(metadata, dict):
            raise serializers.ValidationError({"metadata": [_("must be an object")]})
        for name in ("name", "namespace"):
            if not isinstance(metadata.get(name, ""), str):
                raise serializers.ValidationError({"metadata": {name: [_("must be text")]}})
        return value


class ApplySerializer(ManifestSerializer):
    """`dry_run` asks the API server to judge it, and keeps nothing."""

    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    dry_run = serializers.BooleanField(required=False, default=False)


class PolicyWriteSerializer(serializers.Serializer[Any]):
    """`result`: Unchanged, DryRun, or Proposed: then `action` is on its way, or waits for `approval`."""

    cluster = serializers.CharField()
    kind = serializers.CharField()
    namespace = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    result = serializers.ChoiceField(choices=["Unchanged", "DryRun", "Proposed"])
    action = serializers.UUIDField(allow_null=True)
    state = serializers.CharField(allow_blank=True)
    approval = serializers.UUIDField(allow_null=True)
    manifest = serializers.DictField()


class PreviewItemSerializer(serializers.Serializer[Any]):
    """What would become of one workload; `action` is the kind of what would be done, or null."""

    cluster = serializers.CharField()
    namespace = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    verdict = serializers.CharField()
    reason = serializers.CharField()
    message = serializers.CharField()
    evidence = EvidenceSerializer(many=True)
    alternatives = AlternativeSerializer(many=True)
    action = serializers.CharField(allow_null=True)
    mode = serializers.CharField(allow_null=True)
    price_per_hour = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """Verdicts are what they would be under Enforce. `was` is the policy of that name that stands there now."""

    at = serializers.DateTimeField()
    summary = serializers.CharField()
    would_sleep = serializers.IntegerField()
    asleep = serializers.IntegerField()
    saving_per_hour = serializers.DecimalField(max_digits=14, decimal_places=6)
    currency = serializers.CharField()
    items = PreviewItemSerializer(many=True)
    manifest = serializers.DictField()
    was = serializers.DictField(allow_null=True)


def cluster_named(name: str, user: AnyUser) -> Cluster:
    """The cluster of that name, if the user may see it."""
    found = visible_to(Cluster, user).filter(name=name).first()
    if found is None:
        raise NotFound(
            _("there is no cluster %(name)s, or you may not see it") % {"name": name},
            field="cluster",
            mend=_("GET /api/v1/clusters/ lists them"),
        )
    return found


def _decision_body(decision: Decision) -> dict[str, Any]:
    """A Decision that stands in no record yet, in the names of the API."""
    subject = decision.subject
    return {
        "cluster": subject.cluster,
        "namespace": subject.namespace,
        "kind": subject.kind,
        "name": subject.name,
        "verdict": decision.verdict.value,
        "reason": decision.reason.code,
        "message": sentence(decision.reason.code, decision.reason.operands),
        "evidence": encode(decision.evidence),
        "alternatives": alternatives_body(encode(decision.alternatives)),
        "action": decision.action.kind if decision.action is not None else None,
    }


def _money(amount: Decimal | None) -> str | None:
    """As a decimal text, as everywhere in the API."""
    return None if amount is None else f"{amount:.6f}"


def _readable(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Without the bookkeeping of field managers, which is longer than the policy."""
    metadata = {key: value for key, value in manifest.get("metadata", {}).items() if key != "managedFields"}
    return {**manifest, "metadata": metadata} if metadata else dict(manifest)


def _preview_body(found: services.Preview) -> dict[str, Any]:
    items = [
        {
            **_decision_body(item.decision),
            "mode": item.mode.value if item.mode is not None else None,
            "price_per_hour": _money(item.price_per_hour),
        }
        for item in found.items
    ]
    summary = _("%(covered)s covered, %(sleep)s would sleep now, %(asleep)s asleep, saves %(saving)s %(currency)s/h")
    return {
        "at": found.at,
        "summary": summary
        % {
            "covered": len(items),
            "sleep": found.would_sleep,
            "asleep": found.asleep,
            "saving": f"{found.saving_per_hour:.2f}",
            "currency": found.currency,
        },
        "would_sleep": found.would_sleep,
        "asleep": found.asleep,
        "saving_per_hour": _money(found.saving_per_hour),
        "currency": found.currency,
        "items": items,
        "manifest": _readable(found.manifest),
        "was": _readable(found.was) if found.was is not None else None,
    }


def _write_body(cluster: Cluster, ref: PolicyRef, done: services.PolicyWrite, *, dry_run: bool) -> dict[str, Any]:
    row = done.action
    return {
        "cluster": cluster.name,
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "result": "DryRun" if dry_run else "Unchanged" if row is None else "Proposed",
        "action": row.pk if row is not None else None,
        "state": str(row.state) if row is not None else "",
        "approval": row.approval_id if row is not None else None,
        "manifest": _readable(done.manifest),
    }


class Policies(Rows):
    """Policies of all clusters. POST applies one; DELETE takes one away, and what it put to sleep wakes."""

    queryset = Policy.objects.select_related("cluster", "team").order_by("cluster__name", "kind", "namespace", "name")
    serializer_class = PolicySerializer
    filterset_class = filters.PolicyFilters
    sortable = {
        "name": "name",
        "namespace": "namespace",
        "cluster": "cluster__name",
        "mode": "mode",
        "saved": "saved_today",
        "updated": "updated_at",
    }
    scopes = {"create": Scope.OPERATE, "destroy": Scope.OPERATE, "preview": Scope.READ}

    @extend_schema(request=ApplySerializer, responses={202: PolicyWriteSerializer})
    def create(self, request: Request) -> Response:
        given = ApplySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        cluster = cluster_named(wanted["cluster"], self.actor)
        done = services.apply_policy(
            cluster=cluster,
            manifest=wanted["manifest"],
            actor=self.actor,
            request_id=self.request_id,
            reason=wanted["reason"],
            dry_run=wanted["dry_run"],
        )
        body = _write_body(cluster, services.policy_ref(wanted["manifest"]), done, dry_run=wanted["dry_run"])
        return Response(body, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={202: PolicyWriteSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        row: Policy = self.get_object()
        ref = PolicyRef(row.kind, row.namespace, row.name, row.uid, row.generation)
        done = services.delete_policy(cluster=row.cluster, ref=ref, actor=self.actor, request_id=self.request_id)
        return Response(_write_body(row.cluster, ref, done, dry_run=False), status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=ManifestSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What the policy would do now: every workload it covers, with verdict, reason and saving. Changes nothing."""
        given = ManifestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        cluster = cluster_named(given.validated_data["cluster"], self.actor)
        found = services.preview(cluster=cluster, manifest=given.validated_data["manifest"])
        return Response(_preview_body(found))


ROUTES: list[tuple[str, type[ApiView], str]] = [
    ("policies", Policies, "policy"),
    ("workloads", WorkloadPower, "workload-power"),
    ("clusters", ClusterLeaving, "cluster-leaving"),
]
