"""Workloads and their autoscalers from their raw JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from apps.fleet.domain.metadata import (
    annotations_of,
    controller_of,
    items,
    mapping,
    moment,
    ref_of,
    shared_labels,
    text,
)
from apps.fleet.domain.parse_pods import FINISHED, pod_requests
from apps.kernel.errors import InvalidInput
from apps.kernel.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, STATEFUL_SET, Kind
from apps.kernel.marks import SLEPT, read_mark
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Labels, Pod, SleptMark, Workload

Counts = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[int, int]]


def _scaled(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, int]:
    return int(spec.get("replicas", 1)), int(status.get("readyReplicas") or 0)


def _daemons(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, int]:
    return int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)


def _job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, int]:
    """A finished or suspended Job asks for nothing more."""
    over = any(
        c.get("type") in ("Complete", "Failed") and c.get("status") == "True" for c in items(status.get("conditions"))
    )
    wanted = 0 if over or spec.get("suspend") else int(spec.get("parallelism", 1))
    return wanted, int(status.get("ready") or 0)


def _cron_job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, int]:
    return (0 if spec.get("suspend") else 1), len(items(status.get("active")))


_COUNTS: dict[str, Counts] = {
    DEPLOYMENT.kind: _scaled,
    STATEFUL_SET.kind: _scaled,
    DAEMON_SET.kind: _daemons,
    JOB.kind: _job,
    CRON_JOB.kind: _cron_job,
}


def parse_workload(obj: JsonObject, *, cluster: str, kind: Kind) -> Workload:
    """A Deployment, StatefulSet, DaemonSet, Job or CronJob. Which autoscaler targets it is joined on later."""
    meta, spec, status = obj["metadata"], mapping(obj.get("spec")), mapping(obj.get("status"))
    replicas, ready = _COUNTS[kind.kind](spec, status)
    template = _pod_template(spec)
    annotations = annotations_of(meta)
    slept, slept_raw = read_slept(annotations)
    return Workload(
        ref=ref_of(obj, cluster=cluster, group=kind.group, kind=kind.kind),
        resource_version=text(meta.get("resourceVersion")),
        created_at=moment(meta.get("creationTimestamp")),
        replicas=replicas,
        ready_replicas=ready,
        labels=shared_labels(meta.get("labels")),
        annotations=annotations,
        pod_labels=shared_labels(mapping(template.get("metadata")).get("labels")),
        pod_requests=pod_requests(mapping(template.get("spec"))),
        field_managers=_field_managers(meta, field="f:suspend" if kind is CRON_JOB else "f:replicas"),
        owner=controller_of(meta, cluster=cluster),
        suspended=spec.get("suspend") is True,
        schedule=sys.intern(text(spec.get("schedule"))),
        slept=slept,
        slept_raw=slept_raw,
    )


def bare_pod(pod: Pod) -> Workload:
    """A pod that nothing owns, as the workload it is. Its version and when it was made are not kept."""
    return Workload(
        ref=pod.ref,
        resource_version="",
        created_at=moment(None),
        replicas=0 if pod.phase in FINISHED else 1,
        ready_replicas=int(pod.ready),
        labels=pod.labels,
        pod_labels=pod.labels,
        pod_requests=pod.requests,
    )


def _pod_template(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if "jobTemplate" in spec:
        spec = mapping(mapping(spec["jobTemplate"]).get("spec"))
    return mapping(spec.get("template"))


def read_slept(annotations: Labels) -> tuple[SleptMark | None, str]:
    """The slept mark, or else the text of one that cannot be read."""
    raw = annotations.get(SLEPT)
    if raw is None:
        return None, ""
    try:
        return read_mark(raw), ""
    except InvalidInput:
        return None, raw


def _field_managers(meta: Mapping[str, Any], *, field: str) -> Mapping[str, bool]:
    """Each field manager, and whether it owns `field` of the spec (`spec.replicas`; a CronJob's `spec.suspend`)."""
    managers: dict[str, bool] = {}
    for entry in items(meta.get("managedFields")):
        name = sys.intern(text(entry.get("manager")))
        owned = mapping(mapping(entry.get("fieldsV1")).get("f:spec"))
        managers[name] = managers.get(name, False) or field in owned
    return shared_managers(tuple(sorted(managers.items())))


_MANAGERS: dict[tuple[tuple[str, bool], ...], Mapping[str, bool]] = {}


def shared_managers(pairs: tuple[tuple[str, bool], ...]) -> Mapping[str, bool]:
    """One mapping for all workloads with the same managers: a fleet has a handful of such sets."""
    if len(_MANAGERS) > 4_096:
        _MANAGERS.clear()
    return _MANAGERS.setdefault(pairs, dict(pairs))


def parse_target(obj: JsonObject) -> tuple[str, str]:
    """(key of the workload that an HPA or a ScaledObject targets, its own name); the key is "" when it names none."""
    meta = obj["metadata"]
    target = mapping(mapping(obj.get("spec")).get("scaleTargetRef"))
    name = text(target.get("name"))
    kind = text(target.get("kind")) or "Deployment"  # KEDA's default (keda.sh, scaledobject-spec)
    return (f"{kind}/{text(meta.get('namespace'))}/{name}" if name else ""), meta["name"]
