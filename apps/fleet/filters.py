"""Filters of the fleet's lists, for the pages, the API and the exports alike."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster, ClusterState, Namespace, Node, Volume, Workload, WorkloadState
from apps.ui.filters import AnyOf, ListFilters
from apps.ui.sentences import title


class ClusterFilters(ListFilters):
    search_fields = ("name", "environment", "region", "server")

    state = AnyOf("state", label=_("State"), labels=ClusterState.choices)
    environment = AnyOf("environment", label=_("Environment"))
    region = AnyOf("region", label=_("Region"))
    team = AnyOf("team__name", label=_("Team"))

    class Meta:
        model = Cluster
        fields: tuple[str, ...] = ()


class NamespaceFilters(ListFilters):
    search_fields = ("name", "cluster__name")

    cluster = AnyOf("cluster__name", label=_("Cluster"))
    team = AnyOf("team__name", label=_("Team"))
    name = AnyOf("name", label=_("Name"))
    hidden_menus = ("name",)

    class Meta:
        model = Namespace
        fields: tuple[str, ...] = ()


class NodeFilters(ListFilters):
    search_fields = ("name", "instance_type")

    cluster = AnyOf("cluster__name", label=_("Cluster"))
    instance_type = AnyOf("instance_type", label=_("Instance type"))
    ready = django_filters.BooleanFilter(label=_("Ready"))
    spot = django_filters.BooleanFilter(label=_("Spot"))

    class Meta:
        model = Node
        fields: tuple[str, ...] = ()


class WorkloadFilters(ListFilters):
    search_fields = ("name", "namespace", "cluster__name")

    state = AnyOf("state", label=_("State"), labels=WorkloadState.choices)
    cluster = AnyOf("cluster__name", label=_("Cluster"))
    namespace = AnyOf("namespace", label=_("Namespace"))
    kind = AnyOf("kind", label=_("Kind"))
    reason = AnyOf("reason_code", label=_("Reason"), text=title)
    policy = AnyOf("policy", label=_("Policy"))
    team = AnyOf("team__name", label=_("Team"))
    name = AnyOf("name", label=_("Name"))

    hidden_menus = ("name",)

    class Meta:
        model = Workload
        fields: tuple[str, ...] = ()


class VolumeFilters(ListFilters):
    search_fields = ("name", "namespace")

    cluster = AnyOf("cluster__name", label=_("Cluster"))
    namespace = AnyOf("namespace", label=_("Namespace"))
    phase = AnyOf("phase", label=_("Phase"))

    class Meta:
        model = Volume
        fields: tuple[str, ...] = ()
