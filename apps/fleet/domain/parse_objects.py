"""Namespaces, nodes, services and volumes from their raw JSON."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.fleet.domain.metadata import annotations_of, items, mapping, ref_of, shared_labels, text
from apps.fleet.domain.pricing import PRICE_ANNOTATION
from apps.kernel.errors import InvalidInput
from apps.kernel.ports import JsonObject
from apps.kernel.units import cpu_millicores, memory_bytes
from apps.kernel.vocab import Namespace, Node, Resources, Service, Volume

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915")

_SPOT_LABELS = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
    "node.kubernetes.io/lifecycle": "spot",
}
"""The label by which each cloud marks capacity that it may take back."""


@lru_cache(maxsize=4_096)
def millicores(amount: str) -> int:
    """Whole millicores; 0 for what is no quantity, which the API server lets nobody store."""
    try:
        return cpu_millicores(amount)
    except InvalidInput:
        return 0


@lru_cache(maxsize=4_096)
def byte_count(amount: str) -> int:
    try:
        return memory_bytes(amount)
    except InvalidInput:
        return 0


@lru_cache(maxsize=4_096)
def _resources(cpu: str, memory: str, gpus: str) -> Resources:
    return Resources(millicores(cpu), byte_count(memory), byte_count(gpus))


def resources(amounts: Any) -> Resources:
    """A ResourceList as Resources; what is not named counts as nothing."""
    found = mapping(amounts)
    gpus = next((found[name] for name in GPU_RESOURCES if name in found), "0")
    return _resources(str(found.get("cpu", "0")), str(found.get("memory", "0")), str(gpus))


def parse_namespace(obj: JsonObject, *, cluster: str) -> Namespace:
    meta = obj["metadata"]
    return Namespace(
        ref_of(obj, cluster=cluster, group="", kind="Namespace"),
        shared_labels(meta.get("labels")),
        annotations_of(meta),
    )


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A Node without a price, and the price that its annotation states ("" when it has none)."""

    node: Node
    annotated_price: str = ""


def parse_node(obj: JsonObject, *, cluster: str) -> NodeFacts:
    annotated = text(mapping(obj["metadata"].get("annotations")).get(PRICE_ANNOTATION))
    return NodeFacts(_node(obj, cluster), annotated)


def _node(obj: JsonObject, cluster: str) -> Node:
    labels = shared_labels(obj["metadata"].get("labels"))
    status, spec = mapping(obj.get("status")), mapping(obj.get("spec"))
    conditions = {text(c.get("type")): c.get("status") for c in items(status.get("conditions"))}
    return Node(
        ref=ref_of(obj, cluster=cluster, group="", kind="Node"),
        labels=labels,
        allocatable=resources(status.get("allocatable") or status.get("capacity")),
        ready=conditions.get("Ready") == "True",
        unschedulable=spec.get("unschedulable") is True,
        instance_type=labels.get("node.kubernetes.io/instance-type")
        or labels.get("beta.kubernetes.io/instance-type", ""),
        arch=labels.get("kubernetes.io/arch", "amd64"),
        spot=any(labels.get(key, "").lower() == value.lower() for key, value in _SPOT_LABELS.items()),
    )


def parse_service(obj: JsonObject, *, cluster: str) -> Service:
    spec = mapping(obj.get("spec"))
    ports = tuple((text(port.get("name")), int(port.get("port", 0))) for port in items(spec.get("ports")))
    return Service(ref_of(obj, cluster=cluster, group="", kind="Service"), shared_labels(spec.get("selector")), ports)


def parse_volume(obj: JsonObject, *, cluster: str) -> Volume:
    """A PersistentVolumeClaim; `capacity_bytes` is what is bound, or what is asked for while nothing is."""
    spec, status = mapping(obj.get("spec")), mapping(obj.get("status"))
    asked = mapping(mapping(spec.get("resources")).get("requests")).get("storage", "0")
    bound = mapping(status.get("capacity")).get("storage", asked)
    return Volume(
        ref=ref_of(obj, cluster=cluster, group="", kind="PersistentVolumeClaim"),
        labels=shared_labels(obj["metadata"].get("labels")),
        storage_class=sys.intern(text(spec.get("storageClassName"))),
        capacity_bytes=byte_count(str(bound)),
        phase=sys.intern(text(status.get("phase"))),
    )
