"""How the fleet's states look on a page: word, icon, tone."""

from __future__ import annotations

from apps.fleet.models import ClusterState, WorkloadState
from apps.ui.markup import StateLook

WORKLOAD = {
    WorkloadState.AWAKE.value: StateLook(WorkloadState.AWAKE.label, "sunrise", "good"),
    WorkloadState.ASLEEP.value: StateLook(WorkloadState.ASLEEP.label, "zzz", "sleep"),
    WorkloadState.WAKING.value: StateLook(WorkloadState.WAKING.label, "loader-2", "info"),
    WorkloadState.FALLING.value: StateLook(WorkloadState.FALLING.label, "hourglass", "info"),
    WorkloadState.UNKNOWN.value: StateLook(WorkloadState.UNKNOWN.label, "question-mark", "muted"),
}
CLUSTER = {
    ClusterState.CONNECTED.value: StateLook(ClusterState.CONNECTED.label, "plug-connected", "good"),
    ClusterState.SYNCING.value: StateLook(ClusterState.SYNCING.label, "refresh", "info"),
    ClusterState.STALE.value: StateLook(ClusterState.STALE.label, "clock", "warn"),
    ClusterState.UNREACHABLE.value: StateLook(ClusterState.UNREACHABLE.label, "plug-connected-x", "bad"),
    ClusterState.UNAUTHORIZED.value: StateLook(ClusterState.UNAUTHORIZED.label, "lock", "bad"),
}
