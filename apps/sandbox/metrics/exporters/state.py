"""kube-state-metrics: a useful part of its metrics, following the store. Names and labels as of version 2.14."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apps.kernel.units import parse_quantity
from apps.sandbox.controllers.objects import controller_of
from apps.sandbox.kubeapi import builtin as k
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store
from apps.sandbox.metrics.exporters.hub import Hub
from apps.sandbox.metrics.families import Stepped

Obj = dict[str, Any]
Rows = list[tuple[str, dict[str, str], float]]  # metric, labels, value
_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_UNITS = {"cpu": "core", "memory": "byte", "pods": "integer", "nvidia_com_gpu": "integer", "ephemeral_storage": "byte"}
_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]")


class StateMetrics:
    """One target; every change in the store moves the series of its object."""

    def __init__(self, hub: Hub, *, store: Store, now_ms: Callable[[], int]) -> None:
        self._hub, self._store, self._now_ms = hub, store, now_ms
        labels = {"job": "kube-state-metrics", "instance": "10.0.3.3:8080", "namespace": "monitoring",
                  "pod": "kube-state-metrics-0", "service": "kube-state-metrics"}  # fmt: skip
        self._target = hub.add_target(labels, honor_labels=True)
        self._shown: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
        store.subscribe(self._changed)

    def rescan(self) -> None:
        """Show everything that is there, after a restore."""
        for key in _ROWS:
            resource = self._store.registry.of_key(key)
            for obj in self._store.items(resource) if resource is not None else ():
                self._show(obj, _ROWS[key](obj))

    def _changed(self, kind: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        rows = _ROWS.get(resource.key)
        if rows is not None:
            self._show(obj, rows(obj) if kind != "DELETED" else [])

    def _show(self, obj: Obj, rows: Rows) -> None:
        now, uid = self._now_ms(), obj["metadata"]["uid"]
        shown = set()
        for name, labels, value in rows:
            key = (name, tuple(labels.values()))
            shown.add(key)
            self._family(name).set((uid, key), exposed=labels, target=self._target, value=value, at_ms=now)
        for gone in self._shown.get(uid, set()) - shown:
            self._family(gone[0]).drop((uid, gone), at_ms=now)
        if shown:
            self._shown[uid] = shown
        else:
            self._shown.pop(uid, None)

    def _family(self, name: str) -> Stepped:
        found = self._hub.registry.families.get(name)
        if found is None:
            found = Stepped(name, help_text=f"kube-state-metrics: {name}.", targets=self._hub.targets)
            self._hub.registry.register(found)
        if not isinstance(found, Stepped):
            raise TypeError(f"{name} belongs to another exporter")
        return found


def _namespace(obj: Obj) -> Rows:
    name = {"namespace": obj["metadata"]["name"]}
    return [("kube_namespace_labels", {**name, **_labels(obj)}, 1.0)]


def _node(obj: Obj) -> Rows:
    name, status = {"node": obj["metadata"]["name"]}, obj.get("status", {})
    info = status.get("nodeInfo") or {}
    provider = obj["spec"].get("providerID", "")
    about = {**name, "kernel_version": info.get("kernelVersion", ""), "os_image": info.get("osImage", ""),
             "kubelet_version": info.get("kubeletVersion", ""), "provider_id": provider}  # fmt: skip
    rows: Rows = [("kube_node_info", about, 1.0), ("kube_node_labels", {**name, **_labels(obj)}, 1.0),
                  ("kube_node_spec_unschedulable", name, float(bool(obj["spec"].get("unschedulable"))))]  # fmt: skip
    for resource, amount in (status.get("allocatable") or {}).items():
        rows.append(("kube_node_status_allocatable", {**name, **_amount(resource)}, float(parse_quantity(amount))))
    return rows


def _replicated(prefix: str, label: str, names: dict[str, str]) -> Callable[[Obj], Rows]:
    def rows(obj: Obj) -> Rows:
        about = {"namespace": obj["metadata"]["namespace"], label: obj["metadata"]["name"]}
        status = obj.get("status") or {}
        wanted = "kube_deployment_spec_replicas" if prefix == "kube_deployment" else f"{prefix}_replicas"
        made: Rows = [(wanted, about, float(obj["spec"].get("replicas", 1)))]
        return made + [(f"{prefix}_{name}", about, float(status.get(field, 0))) for name, field in names.items()]

    return rows


def _pod(obj: Obj) -> Rows:
    metadata, status, spec = obj["metadata"], obj.get("status") or {}, obj["spec"]
    about = {"namespace": metadata["namespace"], "pod": metadata["name"], "uid": metadata["uid"]}
    owner = controller_of(obj) or {"kind": "<none>", "name": "<none>"}
    node = spec.get("nodeName", "")
    addresses = {"host_ip": status.get("hostIP", ""), "pod_ip": status.get("podIP", "")}
    rows: Rows = [
        ("kube_pod_info", {**about, **addresses, "node": node, "created_by_kind": owner["kind"],
                           "created_by_name": owner["name"]}, 1.0),
        ("kube_pod_owner", {**about, "owner_kind": owner["kind"], "owner_name": owner["name"],
                            "owner_is_controller": "true"}, 1.0),
    ]  # fmt: skip
    phase = status.get("phase", "Pending")
    rows += [("kube_pod_status_phase", {**about, "phase": one}, float(one == phase)) for one in _PHASES]
    for container in spec["containers"]:
        for resource, amount in (container.get("resources", {}).get("requests") or {}).items():
            labels = {**about, "container": container["name"], "node": node, **_amount(resource)}
            rows.append(("kube_pod_container_resource_requests", labels, float(parse_quantity(amount))))
    return rows


def _claim(obj: Obj) -> Rows:
    about = {"namespace": obj["metadata"]["namespace"], "persistentvolumeclaim": obj["metadata"]["name"]}
    asked = obj["spec"].get("resources", {}).get("requests", {}).get("storage", 0)
    spec = obj["spec"]
    info = {**about, "storageclass": spec.get("storageClassName", ""), "volumename": spec.get("volumeName", "")}
    phase = (obj.get("status") or {}).get("phase", "Pending")
    return [
        ("kube_persistentvolumeclaim_info", info, 1.0),
        ("kube_persistentvolumeclaim_resource_requests_storage_bytes", about, float(parse_quantity(asked))),
        *(("kube_persistentvolumeclaim_status_phase", {**about, "phase": one}, float(one == phase))
          for one in ("Bound", "Lost", "Pending")),
    ]  # fmt: skip


def _autoscaler(obj: Obj) -> Rows:
    about = {"namespace": obj["metadata"]["namespace"], "horizontalpodautoscaler": obj["metadata"]["name"]}
    prefix, status = "kube_horizontalpodautoscaler", obj.get("status") or {}
    return [
        (f"{prefix}_spec_min_replicas", about, float(obj["spec"].get("minReplicas", 1))),
        (f"{prefix}_spec_max_replicas", about, float(obj["spec"]["maxReplicas"])),
        (f"{prefix}_status_current_replicas", about, float(status.get("currentReplicas", 0))),
        (f"{prefix}_status_desired_replicas", about, float(status.get("desiredReplicas", 0))),
    ]


def _cron_job(obj: Obj) -> Rows:
    about = {"namespace": obj["metadata"]["namespace"], "cronjob": obj["metadata"]["name"]}
    rows: Rows = [("kube_cronjob_spec_suspend", about, float(bool(obj["spec"].get("suspend"))))]
    last = (obj.get("status") or {}).get("lastScheduleTime")
    if last:
        moment = datetime.fromisoformat(last).timestamp()
        rows.append(("kube_cronjob_status_last_schedule_time", about, moment))
    return rows


_ROWS: dict[tuple[str, str], Callable[[Obj], Rows]] = {
    k.NAMESPACES.key: _namespace,
    k.NODES.key: _node,
    k.PODS.key: _pod,
    k.PERSISTENTVOLUMECLAIMS.key: _claim,
    k.HPAS.key: _autoscaler,
    k.CRONJOBS.key: _cron_job,
    k.DEPLOYMENTS.key: _replicated("kube_deployment", "deployment", {
        "status_replicas": "replicas", "status_replicas_ready": "readyReplicas",
        "status_replicas_available": "availableReplicas", "status_replicas_unavailable": "unavailableReplicas",
    }),
    k.STATEFULSETS.key: _replicated("kube_statefulset", "statefulset", {
        "status_replicas": "replicas", "status_replicas_ready": "readyReplicas",
    }),
}  # fmt: skip


def _labels(obj: Obj) -> dict[str, str]:
    found = obj["metadata"].get("labels") or {}
    return {f"label_{_NOT_IN_LABEL.sub('_', name)}": value for name, value in found.items()}


def _amount(resource: str) -> dict[str, str]:
    name = _NOT_IN_LABEL.sub("_", resource)
    return {"resource": name, "unit": _UNITS.get(name, "integer")}
