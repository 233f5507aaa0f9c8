"""Raw Kubernetes objects, as an API server lists them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from apps.fleet.cache import ClusterCache
from apps.fleet.domain.pricing import PriceBook
from apps.fleet.domain.sources import SOURCES
from apps.kernel.ids import uuid7
from apps.kernel.kinds import Kind
from apps.kernel.ports import Listing, WatchEvent
from apps.kernel.vocab import Cluster, Snapshot

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Raw = dict[str, Any]


def uid_of(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(parts)))


def meta(name: str, namespace: str = "", *, kind: str = "", **more: Any) -> Raw:
    place = {"namespace": namespace} if namespace else {}
    return {
        "name": name,
        **place,
        "uid": uid_of(kind, namespace, name),
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-05T08:00:00Z",
        **more,
    }


def controller(kind: str, name: str, api_version: str = "apps/v1") -> list[Raw]:
    return [{"apiVersion": api_version, "kind": kind, "name": name, "uid": uid_of(kind, name), "controller": True}]


def pod_spec(cpu: str = "500m", memory: str = "512Mi", **more: Any) -> Raw:
    return {"containers": [{"name": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}}], **more}


def make_deployment(
    name: str = "web", namespace: str = "shop", *, replicas: int = 2, ready: int | None = None, **more: Any
) -> Raw:
    labels = {"app": name}
    return {
        "metadata": meta(name, namespace, kind="Deployment", labels=labels, **more.pop("metadata", {})),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
            **more,
        },
        "status": {"readyReplicas": replicas if ready is None else ready},
    }


def make_pod(name: str, namespace: str = "shop", *, node: str = "n1", phase: str = "Running", **more: Any) -> Raw:
    spec = more.pop("spec", None) or pod_spec()
    return {
        "metadata": meta(name, namespace, kind="Pod", **more),
        "spec": {**spec, "nodeName": node},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(phase == "Running")}]},
    }


def make_deployment_pod(deployment: str, number: int, *, node: str = "n1", template: str = "5d9c", **more: Any) -> Raw:
    """A pod as the Deployment controller's ReplicaSet makes it."""
    return make_pod(
        f"{deployment}-{template}-{number}",
        node=node,
        labels={"app": deployment, "pod-template-hash": template},
        ownerReferences=controller("ReplicaSet", f"{deployment}-{template}"),
        **more,
    )


def make_node(name: str = "n1", *, cpu: str = "4", memory: str = "16Gi", type_: str = "m5.xlarge", **more: Any) -> Raw:
    labels = {"node.kubernetes.io/instance-type": type_, "kubernetes.io/arch": "amd64", **more.pop("labels", {})}
    return {
        "metadata": meta(name, kind="Node", labels=labels, **more),
        "spec": {},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def make_namespace(name: str = "shop", **more: Any) -> Raw:
    return {"metadata": meta(name, kind="Namespace", **more), "spec": {}, "status": {"phase": "Active"}}


def make_volume(name: str = "data", namespace: str = "shop", *, capacity: str = "10Gi") -> Raw:
    return {
        "metadata": meta(name, namespace, kind="PersistentVolumeClaim"),
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": capacity}}},
        "status": {"phase": "Bound", "capacity": {"storage": capacity}},
    }


def make_scaler(kind: str, name: str, target: str, namespace: str = "shop", target_kind: str = "Deployment") -> Raw:
    """An HPA or a ScaledObject."""
    return {
        "metadata": meta(name, namespace, kind=kind),
        "spec": {"scaleTargetRef": {"kind": target_kind, "name": target}},
    }


def make_policy(name: str = "night", namespace: str = "shop", **more: Any) -> Raw:
    return {
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": meta(name, namespace, kind="ResourcePolicy", generation=1),
        "spec": {"mode": "Enforce"},
        **more,
    }


def kernel_cluster(name: str = "demo") -> Cluster:
    return Cluster(id=uuid7(), name=name)


def make_cache(objects: dict[Kind, list[Raw]] | None = None, *, book: PriceBook | None = None) -> ClusterCache:
    """A cache in which every source has been read; those that are not named were empty."""
    cache = ClusterCache(kernel_cluster(), book=book)
    for source in SOURCES:
        cache.load(source.kind, [Listing((objects or {}).get(source.kind, []), "10")], now=NOW)
    return cache


def feed(cache: ClusterCache, kind: Kind, *changed: Raw, type_: str = "MODIFIED", now: datetime = NOW) -> None:
    for obj in changed:
        cache.apply(kind, WatchEvent(type_, obj), now=now)


def look(cache: ClusterCache, now: datetime = NOW) -> Snapshot:
    return cache.snapshot(readings={}, now=now)
