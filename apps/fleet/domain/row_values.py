"""What the rows of namespaces, nodes, workloads and volumes hold, from what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.kernel.serialise import encode
from apps.kernel.vocab import Namespace, Node, Volume, Workload

Values = dict[str, Any]

TEAM_LABEL = "plimsoll.dev/team"
AWAKE, ASLEEP, WAKING, FALLING, UNKNOWN = "Awake", "Asleep", "Waking", "Falling", "Unknown"

FIELDS: Mapping[str, tuple[str, ...]] = {
    "Namespace": ("name", "team_id", "labels", "annotations"),
    "Node": (
        "name", "team_id", "labels", "cpu_millicores", "memory_bytes", "gpus", "ready", "unschedulable",
        "instance_type", "arch", "spot", "price_per_hour", "currency",
    ),
    "Workload": (
        "namespace", "kind", "name", "team_id", "uid", "labels", "replicas", "ready_replicas", "cpu_millicores",
        "memory_bytes", "gpus", "price_per_hour", "currency", "state", "slept", "asleep_since", "hpa", "scaled_object",
    ),
    "Volume": (
        "namespace", "name", "team_id", "labels", "storage_class", "capacity_bytes", "phase", "mounted_by",
    ),
}  # fmt: skip
"""The columns that the watcher writes, by model. A workload's `resource_version` follows along and is not compared."""


def namespace_values(found: Namespace, *, team_id: UUID | None) -> Values:
    return {
        "name": found.ref.name,
        "team_id": team_id,
        "labels": dict(found.labels),
        "annotations": dict(found.annotations),
    }


def node_values(found: Node, *, team_id: UUID | None, currency: str) -> Values:
    return {
        "name": found.ref.name,
        "team_id": team_id,
        "labels": dict(found.labels),
        "cpu_millicores": found.allocatable.cpu_millicores,
        "memory_bytes": found.allocatable.memory_bytes,
        "gpus": found.allocatable.gpus,
        "ready": found.ready,
        "unschedulable": found.unschedulable,
        "instance_type": found.instance_type[:63],
        "arch": found.arch[:16],
        "spot": found.spot,
        "price_per_hour": found.price_per_hour,
        "currency": currency,
    }


def volume_values(found: Volume, *, team_id: UUID | None) -> Values:
    return {
        "namespace": found.ref.namespace,
        "name": found.ref.name,
        "team_id": team_id,
        "labels": dict(found.labels),
        "storage_class": found.storage_class,
        "capacity_bytes": found.capacity_bytes,
        "phase": found.phase,
        "mounted_by": found.mounted_by,
    }


def workload_values(
    found: Workload,
    *,
    team_id: UUID | None,
    price: Decimal | None,
    currency: str,
    was: Mapping[str, Any],
    now: datetime,
) -> Values:
    """`was` is what the row holds now ({} when there is none): whether a workload wakes or is merely being rolled out
    depends on it."""
    state = workload_state(found, was=str(was.get("state", UNKNOWN)))
    return {
        "namespace": found.ref.namespace,
        "kind": found.ref.kind,
        "name": found.ref.name,
        "team_id": team_id,
        "uid": found.ref.uid,
        "labels": dict(found.labels),
        "replicas": found.replicas,
        "ready_replicas": found.ready_replicas,
        "cpu_millicores": found.pod_requests.cpu_millicores,
        "memory_bytes": found.pod_requests.memory_bytes,
        "gpus": found.pod_requests.gpus,
        "price_per_hour": price,
        "currency": currency,
        "state": state,
        "slept": encode(found.slept) if found.slept else None,
        "asleep_since": _asleep_since(found, state, was, now),
        "hpa": found.hpa,
        "scaled_object": found.scaled_object,
    }


def workload_state(found: Workload, *, was: str) -> str:
    """Marked: asleep once nothing runs, until then falling; with replicas again it wakes (none ready) or falls (all
    ready: the mark comes before the scaling). Unmarked: at zero it is not Plimsoll's sleep, so nothing is claimed; else
    awake, or waking from the sleep it was in."""
    if found.slept_raw:
        return UNKNOWN
    resting = found.suspended if found.ref.kind == "CronJob" else found.replicas == 0
    if found.slept is not None:
        if resting:
            return FALLING if found.ready_replicas else ASLEEP
        return FALLING if found.ready_replicas >= found.replicas else WAKING
    if resting:
        return AWAKE if found.ref.kind == "Job" else UNKNOWN
    if was in (ASLEEP, WAKING, FALLING) and found.ready_replicas < found.replicas and found.ref.kind != "CronJob":
        return WAKING
    return AWAKE


def _asleep_since(found: Workload, state: str, was: Mapping[str, Any], now: datetime) -> datetime | None:
    if state != ASLEEP or found.slept is None:
        return None
    return found.slept.slept_at or was.get("asleep_since") or now
