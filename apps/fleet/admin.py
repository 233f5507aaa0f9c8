"""The fleet in Django's admin console. What the watcher writes is read only there; the price book is kept there."""

from __future__ import annotations

from django.contrib import admin

from apps.fleet.models import Cluster, Namespace, Node, NodePrice, Volume, Workload
from apps.identity.console import ONLY_VISIBLE, ReadOnlyAdmin, RecordedAdmin


@admin.register(Cluster)
class ClusterAdmin(ReadOnlyAdmin):
    """Connections are made and changed by the services, which test them and put it on the record."""

    list_display = ("name", "environment", "region", "team", "state", "state_reason", "kube_version", "read_only")
    list_filter = ("state", "environment", "read_only")
    list_select_related = ("team",)
    search_fields = ("name", "server")
    exclude = ("sealed_credentials", "sealed_metrics")
    sealed = frozenset(exclude)


@admin.register(Namespace)
class NamespaceAdmin(ReadOnlyAdmin):
    list_display = ("name", "cluster", "team", "updated_at")
    list_filter = (("cluster", ONLY_VISIBLE),)
    list_select_related = ("cluster", "team")
    search_fields = ("name",)


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    list_display = ("name", "cluster", "instance_type", "arch", "spot", "ready", "price_per_hour", "currency")
    list_filter = (("cluster", ONLY_VISIBLE), "spot", "ready", "arch")
    list_select_related = ("cluster",)
    search_fields = ("name", "instance_type")


@admin.register(Workload)
class WorkloadAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "namespace", "cluster", "state", "reason_code", "replicas", "price_per_hour")
    list_filter = (("cluster", ONLY_VISIBLE), "state", "kind")
    list_select_related = ("cluster",)
    search_fields = ("name", "namespace")


@admin.register(Volume)
class VolumeAdmin(ReadOnlyAdmin):
    list_display = ("name", "namespace", "cluster", "storage_class", "capacity_bytes", "phase", "mounted_by")
    list_filter = (("cluster", ONLY_VISIBLE), "phase")
    list_select_related = ("cluster",)
    search_fields = ("name", "namespace")


@admin.register(NodePrice)
class NodePriceAdmin(RecordedAdmin):
    list_display = ("instance_type", "region", "spot", "price_per_hour", "currency", "source", "as_of")
    list_filter = ("spot", "currency")
    search_fields = ("instance_type", "region", "source")
