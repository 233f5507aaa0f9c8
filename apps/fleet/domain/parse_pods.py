"""Pods from their raw JSON: the hot path, 50,000 of them in a large cluster."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.fleet.domain.metadata import controller_of, items, mapping, shared_labels, text
from apps.fleet.domain.parse_objects import resources
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import ObjectRef, Pod, Resources

TEMPLATE_HASH = "pod-template-hash"
FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A Pod, and the names of the PersistentVolumeClaims it mounts."""

    pod: Pod
    claims: tuple[str, ...] = ()


def parse_pod(obj: JsonObject, *, cluster: str) -> PodFacts:
    meta, spec, status = obj["metadata"], mapping(obj.get("spec")), mapping(obj.get("status"))
    labels = shared_labels(meta.get("labels"))
    owner = controller_of(meta, cluster=cluster)
    ref = ObjectRef(cluster, "", "Pod", sys.intern(text(meta.get("namespace"))), meta["name"], text(meta.get("uid")))
    return PodFacts(
        Pod(
            ref=ref,
            labels=labels,
            phase=sys.intern(text(status.get("phase"))),
            ready=_is_ready(status),
            node=sys.intern(text(spec.get("nodeName"))),
            owner=_deployment_of(owner, labels.get(TEMPLATE_HASH, "")) if owner else None,
            requests=pod_requests(spec),
        ),
        _claims(spec),
    )


def _is_ready(status: Mapping[str, Any]) -> bool:
    for condition in items(status.get("conditions")):
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return False


@lru_cache(maxsize=16_384)
def _deployment_of(owner: ObjectRef, template_hash: str) -> ObjectRef:
    """The Deployment above a ReplicaSet, else the owner itself.

    The Deployment controller names its ReplicaSets NAME-HASH and labels their pods with the HASH
    (k8s.io/kubernetes pkg/controller/deployment/sync.go, getNewReplicaSet). Reading it off spares a watch on
    ReplicaSets, of which every Deployment keeps ten old ones. A ReplicaSet that somebody else named so would be taken
    for a Deployment; its pods then belong to a workload that does not exist, and nothing is decided on them.
    """
    if owner.kind != "ReplicaSet" or not template_hash or not owner.name.endswith("-" + template_hash):
        return owner
    name = owner.name[: -len(template_hash) - 1]
    return ObjectRef(owner.cluster, "apps", "Deployment", owner.namespace, sys.intern(name))


def _claims(spec: Mapping[str, Any]) -> tuple[str, ...]:
    found = (mapping(volume.get("persistentVolumeClaim")).get("claimName") for volume in items(spec.get("volumes")))
    return tuple(sys.intern(name) for name in found if name)


def pod_requests(spec: Mapping[str, Any]) -> Resources:
    """What the scheduler reserves for a pod: its containers and sidecars together, or its largest init container if
    that is more, and the runtime's overhead (KEP-753). Only requests count; a limit without one is defaulted to a
    request by the API server itself."""
    running = _NOTHING
    for container in items(spec.get("containers")):
        running += _container_requests(container)
    peak = _NOTHING
    for container in items(spec.get("initContainers")):
        asked = _container_requests(container)
        if container.get("restartPolicy") == "Always":
            running += asked
        else:
            peak = _larger(peak, asked)
    total = _larger(running, peak)
    return total + resources(spec["overhead"]) if spec.get("overhead") else total


_NOTHING = Resources()


def _container_requests(container: Any) -> Resources:
    return resources(mapping(mapping(container).get("resources")).get("requests"))


def _larger(one: Resources, other: Resources) -> Resources:
    """The larger of each amount."""
    if other == _NOTHING:
        return one
    return Resources(
        max(one.cpu_millicores, other.cpu_millicores),
        max(one.memory_bytes, other.memory_bytes),
        max(one.gpus, other.gpus),
    )
