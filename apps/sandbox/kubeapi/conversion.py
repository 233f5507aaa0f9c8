"""Objects between the versions of a kind.

Custom kinds convert by name alone (conversion strategy None). Of the built-ins only HorizontalPodAutoscaler has two
versions here: it is stored as autoscaling/v2, and autoscaling/v1, which `kubectl autoscale` writes, is made of it.
"""

from __future__ import annotations

from dataclasses import replace

from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource

_HPA = ("autoscaling", "horizontalpodautoscalers")
_CPU, _CURRENT = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"


def convert(obj: Obj, *, resource: Resource) -> Obj:
    """A stored object in the version of this resource; the stored one is not changed."""
    if resource.key == _HPA and resource.version == "v1":
        return _hpa_v1(obj)
    return {**obj, "apiVersion": resource.api_version}


def to_storage(resource: Resource, *, obj: Obj) -> tuple[Resource, Obj]:
    """The resource and object that are stored for an object of this resource; `obj` may be changed."""
    if resource.key == _HPA and resource.version == "v1":
        return replace(resource, version="v2"), _hpa_v2(obj)
    return resource, obj


def _is_cpu(metric: Obj) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def _hpa_v1(obj: Obj) -> Obj:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    kept = {key: value for key, value in spec.items() if key not in ("metrics", "behavior")}
    for metric in spec.get("metrics") or ():
        wanted = (metric.get("resource") or {}).get("target", {}).get("averageUtilization")
        if _is_cpu(metric) and wanted is not None:
            kept[_CPU] = wanted
    seen = {key: value for key, value in status.items() if key not in ("currentMetrics", "conditions")}
    for metric in status.get("currentMetrics") or ():
        now = (metric.get("resource") or {}).get("current", {}).get("averageUtilization")
        if _is_cpu(metric) and now is not None:
            seen[_CURRENT] = now
    seen.setdefault("currentReplicas", 0)
    seen.setdefault("desiredReplicas", 0)
    return {**obj, "apiVersion": "autoscaling/v1", "spec": kept, "status": seen}


def _hpa_v2(obj: Obj) -> Obj:
    spec = dict(obj.get("spec") or {})
    wanted = spec.pop(_CPU, None)
    if wanted is not None:
        target = {"type": "Utilization", "averageUtilization": wanted}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != _CURRENT}
    return {**obj, "apiVersion": "autoscaling/v2", "spec": spec, "status": status}
