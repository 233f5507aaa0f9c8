"""/api/v1/clusters, namespaces, nodes, workloads, volumes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fleet import filters, services
from apps.fleet.models import Cluster, Namespace, Node, Volume, Workload
from apps.identity.models import Scope, Team
from apps.identity.rest.grants import Grants
from apps.identity.rest.views import ApiView, Rows
from apps.identity.roles import Role, has_role, require_role
from apps.kernel.errors import Forbidden, NotFound
from apps.kernel.ports import MetricsConnection
from apps.ui.sentences import sentence


class ClusterSerializer(serializers.ModelSerializer[Cluster]):
    """No credential ever leaves the server. `message` is the sentence of `reason`."""

    team = serializers.CharField(source="team.name", default=None, read_only=True)
    reason = serializers.CharField(source="state_reason", read_only=True)
    message = serializers.SerializerMethodField()

    class Meta:
        model = Cluster
        fields = (
            "id",
            "name",
            "team",
            "environment",
            "region",
            "server",
            "account",
            "metrics_url",
            "metrics_kind",
            "read_only",
            "is_demo",
            "state",
            "reason",
            "message",
            "state_since",
            "kube_version",
            "ages",
            "last_seen_at",
            "created_at",
        )

    def get_message(self, cluster: Cluster) -> str:
        return sentence(cluster.state_reason, cluster.state_operands) if cluster.state_reason else ""


_FULL_URL = gettext_lazy("Write a whole address, such as http://prometheus.example.internal:9090.")
_NAME_CHARACTERS = gettext_lazy("Write letters, digits and hyphens only, such as eu-dev.")


class MetricsSerializer(serializers.Serializer[Any]):
    """Basic login when `username` is set, a bearer token when `token` is, mutual TLS by the two PEM texts."""

    url = serializers.URLField(max_length=500, error_messages={"invalid": _FULL_URL})
    username = serializers.CharField(required=False, default="", allow_blank=True)
    password = serializers.CharField(required=False, default="", allow_blank=True, trim_whitespace=False)
    token = serializers.CharField(required=False, default="", allow_blank=True)
    ca_pem = serializers.CharField(required=False, default="", allow_blank=True)
    client_certificate_pem = serializers.CharField(required=False, default="", allow_blank=True)
    client_key_pem = serializers.CharField(required=False, default="", allow_blank=True)
    proxy_url = serializers.CharField(required=False, default="", allow_blank=True)


class NewClusterSerializer(serializers.Serializer[Any]):
    """`kubeconfig` is the file's text. `read_only` leaves the roles that write out. `keep_account` goes on with the
    kubeconfig's own credentials instead of changing over to the ServiceAccount that is made."""

    name = serializers.SlugField(max_length=63, error_messages={"invalid": _NAME_CHARACTERS})
    kubeconfig = serializers.CharField(max_length=1_000_000, trim_whitespace=False)
    context = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=253)  # type: ignore[assignment]  # a declared field is no attribute
    prometheus = MetricsSerializer(required=False, allow_null=True)
    team = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=63)
    environment = serializers.CharField(required=False, allow_blank=True, default="", max_length=63)
    region = serializers.CharField(required=False, allow_blank=True, default="", max_length=63)
    proxy_url = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)
    ca_pem = serializers.CharField(required=False, allow_blank=True, default="", max_length=200_000)
    read_only = serializers.BooleanField(required=False, default=False)  # type: ignore[assignment]  # as above
    keep_account = serializers.BooleanField(required=False, default=False)


class MissingVerbSerializer(serializers.Serializer[Any]):
    verb = serializers.CharField()
    resource = serializers.CharField()
    why = serializers.CharField()


class ConnectionReportSerializer(serializers.Serializer[Any]):
    """What a test of the connection found; `ok` when nothing is missing."""

    ok = serializers.BooleanField()
    kube_version = serializers.CharField()
    account = serializers.CharField()
    missing = MissingVerbSerializer(many=True)
    error = serializers.CharField()
    field = serializers.CharField()
    mend = serializers.CharField()
    metrics_error = serializers.CharField()
    metrics_targets = serializers.IntegerField(allow_null=True)


class AddedClusterSerializer(serializers.Serializer[Any]):
    cluster = ClusterSerializer()
    applied = serializers.ListField(child=serializers.CharField())
    account = serializers.CharField()
    connection = ConnectionReportSerializer()


class ManifestsSerializer(serializers.Serializer[Any]):
    items = serializers.ListField(child=serializers.JSONField())


def report_body(report: services.ConnectionReport) -> dict[str, Any]:
    return {**asdict(report), "ok": report.ok}


class Clusters(Grants, mixins.DestroyModelMixin, Rows):
    """Connected clusters. POST connects one: CRDs and least-privilege roles are applied, the account is tested."""

    queryset = Cluster.objects.select_related("team").order_by("name")
    serializer_class = ClusterSerializer
    filterset_class = filters.ClusterFilters
    sortable = {"name": "name", "state": "state", "environment": "environment", "created": "created_at"}
    scopes = {"test": Scope.ADMIN, "manifests": Scope.READ}

    @extend_schema(request=NewClusterSerializer, responses={201: AddedClusterSerializer})
    def create(self, request: Request) -> Response:
        given = NewClusterSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        team = self._team(wanted.pop("team", None))
        source = wanted.pop("prometheus", None)
        report = services.add_cluster(
            services.NewCluster(
                **{**wanted, "context": wanted.get("context") or None},
                team=team,
                metrics=MetricsConnection(**source) if source else None,
            ),
            actor=self.actor,
            request_id=self.request_id,
        )
        body = {
            "cluster": ClusterSerializer(report.cluster).data,
            "applied": list(report.applied),
            "account": report.account,
            "connection": report_body(report.connection),
        }
        return Response(body, status=status.HTTP_201_CREATED)

    def _team(self, name: str | None) -> Team | None:
        """The team the cluster will belong to. Without one only a superuser may connect it."""
        if not name:
            if not self.actor.is_superuser:
                raise Forbidden(
                    _("only a superuser connects a cluster of no team"),
                    field="team",
                    mend=_("name a team that you administer"),
                )
            return None
        team = Team.objects.filter(name=name).first()
        if team is None or not has_role(self.actor, Role.VIEWER, team):
            raise NotFound(_("there is no such team"), field="team", mend=_("make it first, or leave it out"))
        require_role(self.actor, Role.ADMIN, team)
        return team

    def perform_destroy(self, instance: Cluster) -> None:
        require_role(self.actor, Role.ADMIN, instance)
        services.remove_cluster(instance, actor=self.actor, request_id=self.request_id)

    @extend_schema(request=None, responses=ConnectionReportSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Try the stored connection now: version, every RBAC verb by name, the metrics source."""
        cluster = self.get_object()
        require_role(self.actor, Role.OPERATOR, cluster)
        return Response(report_body(services.test_cluster(cluster)))

    @extend_schema(
        parameters=[OpenApiParameter("read_only", bool, description="Leave the roles that write out.")],
        responses=ManifestsSerializer,
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def manifests(self, request: Request) -> Response:
        """Everything that connecting a cluster would apply to it, in order."""
        flag = serializers.BooleanField().to_internal_value(request.query_params.get("read_only", "false"))
        return Response({"items": services.manifests(read_only=flag)})


class NamespaceSerializer(serializers.ModelSerializer[Namespace]):
    cluster = serializers.CharField(source="cluster.name", read_only=True)
    team = serializers.CharField(source="team.name", default=None, read_only=True)

    class Meta:
        model = Namespace
        fields = ("id", "cluster", "team", "name", "labels", "annotations", "updated_at")


class Namespaces(Rows):
    queryset = Namespace.objects.select_related("cluster", "team").order_by("cluster__name", "name")
    serializer_class = NamespaceSerializer
    filterset_class = filters.NamespaceFilters
    sortable = {"name": "name", "cluster": "cluster__name", "updated": "updated_at"}


class NodeSerializer(serializers.ModelSerializer[Node]):
    cluster = serializers.CharField(source="cluster.name", read_only=True)

    class Meta:
        model = Node
        fields = (
            "id",
            "cluster",
            "name",
            "labels",
            "cpu_millicores",
            "memory_bytes",
            "gpus",
            "ready",
            "unschedulable",
            "instance_type",
            "arch",
            "spot",
            "price_per_hour",
            "currency",
            "updated_at",
        )


class Nodes(Rows):
    queryset = Node.objects.select_related("cluster").order_by("cluster__name", "name")
    serializer_class = NodeSerializer
    filterset_class = filters.NodeFilters
    sortable = {"name": "name", "cluster": "cluster__name", "price": "price_per_hour", "updated": "updated_at"}


class WorkloadSerializer(serializers.ModelSerializer[Workload]):
    """`reason` and `message` say why it is in the state it is in; `decision` is the id of that Decision."""

    cluster = serializers.CharField(source="cluster.name", read_only=True)
    team = serializers.CharField(source="team.name", default=None, read_only=True)
    reason = serializers.CharField(source="reason_code", read_only=True)
    message = serializers.SerializerMethodField()
    decision = serializers.UUIDField(source="last_decision_id", read_only=True)

    class Meta:
        model = Workload
        fields = (
            "id",
            "cluster",
            "namespace",
            "kind",
            "name",
            "uid",
            "team",
            "labels",
            "state",
            "replicas",
            "ready_replicas",
            "asleep_since",
            "slept",
            "reason",
            "message",
            "policy",
            "decision",
            "hpa",
            "scaled_object",
            "cpu_millicores",
            "memory_bytes",
            "gpus",
            "price_per_hour",
            "currency",
            "updated_at",
        )

    def get_message(self, workload: Workload) -> str:
        return sentence(workload.reason_code, workload.reason_operands) if workload.reason_code else ""


class Workloads(Rows):
    """What runs, or sleeps. Sleeping, waking and why stand in the policies app, under the same address."""

    queryset = Workload.objects.select_related("cluster", "team").order_by("cluster__name", "namespace", "name", "kind")
    serializer_class = WorkloadSerializer
    filterset_class = filters.WorkloadFilters
    sortable = {
        "name": "name",
        "namespace": "namespace",
        "cluster": "cluster__name",
        "state": "state",
        "price": "price_per_hour",
        "asleep": "asleep_since",
        "updated": "updated_at",
    }


class VolumeSerializer(serializers.ModelSerializer[Volume]):
    cluster = serializers.CharField(source="cluster.name", read_only=True)

    class Meta:
        model = Volume
        fields = (
            "id",
            "cluster",
            "namespace",
            "name",
            "labels",
            "storage_class",
            "capacity_bytes",
            "phase",
            "mounted_by",
            "updated_at",
        )


class Volumes(Rows):
    queryset = Volume.objects.select_related("cluster").order_by("cluster__name", "namespace", "name")
    serializer_class = VolumeSerializer
    filterset_class = filters.VolumeFilters
    sortable = {"name": "name", "namespace": "namespace", "cluster": "cluster__name", "capacity": "capacity_bytes"}


ROUTES: list[tuple[str, type[ApiView], str]] = [
    ("clusters", Clusters, "cluster"),
    ("namespaces", Namespaces, "namespace"),
    ("nodes", Nodes, "node"),
    ("workloads", Workloads, "workload"),
    ("volumes", Volumes, "volume"),
]
