"""What controllers read in objects: owners, selectors, conditions, the state of a pod."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from apps.kernel.units import cpu_millicores, memory_bytes
from apps.sandbox.kubeapi.builtin import PODS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import NAME_ALPHABET, Store

HASH_LABEL = "pod-template-hash"


def key_of(obj: Obj) -> tuple[str, str]:
    """(namespace, name)."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def controller_of(obj: Obj) -> Obj | None:
    """The ownerReference that controls the object, or None."""
    for ref in obj["metadata"].get("ownerReferences") or ():
        if ref.get("controller"):
            owner: Obj = ref
            return owner
    return None


def owner_key(obj: Obj, *, kind: str) -> list[tuple[str, str]]:
    """The key of the controlling owner when it is of this kind: a list of one or none."""
    ref = controller_of(obj)
    return [(obj["metadata"].get("namespace", ""), ref["name"])] if ref and ref["kind"] == kind else []


def owner_reference(owner: Obj, *, resource: Resource) -> Obj:
    """The ownerReference that makes `owner` the controller."""
    return {
        "apiVersion": resource.api_version, "kind": resource.kind, "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def owned(store: Store, *, owner: Obj, resource: Resource) -> list[Obj]:
    """The objects of a kind that `owner` controls."""
    uid = owner["metadata"]["uid"]
    return [
        obj for kind, obj in store.dependents(uid)
        if kind.key == resource.key and (controller_of(obj) or {}).get("uid") == uid
    ]  # fmt: skip


def matches(selector: Obj | None, *, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector selects these labels; None selects nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression_holds(one, labels=labels) for one in selector.get("matchExpressions") or ())


def _expression_holds(one: Obj, *, labels: dict[str, str]) -> bool:
    found, operator = labels.get(one["key"]), one["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool((found is not None) == (operator == "Exists"))
    return bool((found in one.get("values", ())) == (operator == "In"))


def template_hash(template: Any) -> str:
    """A short name for the content of a template, ignoring its pod-template-hash label.

    Like the real one it is the digits of a 32-bit number, spelt without vowels (rand.SafeEncodeString).
    """
    labels = {k: v for k, v in (template.get("metadata", {}).get("labels") or {}).items() if k != HASH_LABEL}
    plain = {**template, "metadata": {**template.get("metadata", {}), "labels": labels}}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
    digits = str(int.from_bytes(digest[:4], "big"))
    return "".join(NAME_ALPHABET[ord(digit) % len(NAME_ALPHABET)] for digit in digits)


def is_terminating(obj: Obj) -> bool:
    """Whether a delete has begun."""
    return "deletionTimestamp" in obj["metadata"]


def is_finished(pod: Obj) -> bool:
    """Whether the pod has run to its end."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_active(pod: Obj) -> bool:
    """Neither finished nor on its way out: what counts as a replica."""
    return not is_finished(pod) and not is_terminating(pod)


def is_ready(pod: Obj) -> bool:
    """Whether the Ready condition is True."""
    return condition(pod, "Ready") == "True"


def condition(obj: Obj, kind: str) -> str:
    """The status of a condition, "" when it is not there."""
    for one in obj.get("status", {}).get("conditions") or ():
        if one["type"] == kind:
            return str(one["status"])
    return ""


def set_condition(conditions: list[Obj], *, new: Obj, now: str) -> None:
    """Put a condition in place; lastTransitionTime moves only when the status does."""
    for i, old in enumerate(conditions):
        if old["type"] == new["type"]:
            moved = old["status"] != new["status"]
            stamp = now if moved else old.get("lastTransitionTime", now)
            conditions[i] = {**old, **new, "lastTransitionTime": stamp}
            return
    conditions.append({**new, "lastTransitionTime": now})


def requests_of(pod_spec: Obj) -> tuple[int, int, int]:
    """(CPU millicores, memory bytes, GPUs) that a pod asks for; init containers are not counted."""
    cpu = memory = gpus = 0
    for container in pod_spec.get("containers") or ():
        asked = container.get("resources", {}).get("requests") or {}
        cpu += cpu_millicores(asked["cpu"]) if "cpu" in asked else 0
        memory += memory_bytes(asked["memory"]) if "memory" in asked else 0
        gpus += int(asked.get("nvidia.com/gpu", 0))
    return cpu, memory, gpus


def pods_of(store: Store, *, namespace: str, selector: Obj | None) -> Iterable[Obj]:
    """The pods of a namespace that a LabelSelector selects."""
    for pod in store.items(PODS, namespace=namespace):
        if matches(selector, labels=pod["metadata"].get("labels") or {}):
            yield pod


def as_count(value: int | str, *, of: int, round_up: bool) -> int:
    """An int-or-percent of `of`."""
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * of
    return -(-share // 100) if round_up else share // 100
