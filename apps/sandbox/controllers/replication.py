"""ReplicaSets keep their number of pods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import (
    is_active,
    is_ready,
    is_terminating,
    key_of,
    owned,
    owner_key,
    owner_reference,
    set_condition,
)
from apps.sandbox.kubeapi.builtin import PODS, REPLICASETS
from apps.sandbox.kubeapi.errors import ApiError, Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.sim.clock import stamp

_QUOTA_RETRY_MS = 30_000


def pod_from_template(template: Obj, *, owner: Obj, resource: Resource, name: str = "") -> Obj:
    """A pod as a controller makes it: the template, owned; `name` "" means generated from the owner's."""
    metadata = {key: template.get("metadata", {}).get(key) for key in ("labels", "annotations")}
    made = {key: dict(value) for key, value in metadata.items() if value}
    names = {"name": name} if name else {"generateName": owner["metadata"]["name"] + "-"}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            **names, "namespace": owner["metadata"]["namespace"], **made,
            "ownerReferences": [owner_reference(owner, resource=resource)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }  # fmt: skip


@dataclass
class ReplicaSets:
    """Creates and deletes pods; a pod that may not be made (quota) is tried again and told in a condition."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if resource.key == REPLICASETS.key else owner_key(obj, kind="ReplicaSet")

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(REPLICASETS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            return
        pods = [pod for pod in owned(store, owner=found, resource=PODS) if is_active(pod)]
        wanted = found["spec"].get("replicas", 1)
        failure = self._create(found, count=wanted - len(pods)) if wanted > len(pods) else ""
        for pod in sorted(pods, key=_first_to_go)[: max(len(pods) - wanted, 0)]:
            store.delete(PODS, namespace=key[0], name=pod["metadata"]["name"])
        self._tell(found, failure=failure)

    def _create(self, found: Obj, *, count: int) -> str:
        for _ in range(count):
            pod = pod_from_template(found["spec"]["template"], owner=found, resource=REPLICASETS)
            try:
                self.world.store.create(PODS, obj=pod, options=WRITE)
            except ApiError as e:
                self.world.requeue(self, key_of(found), _QUOTA_RETRY_MS)
                return str(e)
        return ""

    def _tell(self, found: Obj, *, failure: str) -> None:
        store = self.world.store
        pods = [pod for pod in owned(store, owner=found, resource=PODS) if is_active(pod)]
        ready = sum(is_ready(pod) for pod in pods)

        found = store.get(REPLICASETS, namespace=key_of(found)[0], name=key_of(found)[1])
        old = found.get("status") or {}
        conditions = [dict(one) for one in old.get("conditions") or () if failure or one["type"] != "ReplicaFailure"]
        if failure and not any(one["type"] == "ReplicaFailure" for one in conditions):
            new = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure}
            set_condition(conditions, new=new, now=stamp(self.world.now_ms()))
        status = {
            "replicas": len(pods),
            **({"fullyLabeledReplicas": len(pods)} if pods else {}),
            **({"readyReplicas": ready, "availableReplicas": ready} if ready else {}),
            "observedGeneration": found["metadata"].get("generation", 1),
            **({"conditions": conditions} if conditions else {}),
        }
        self.world.put_status(REPLICASETS, found, status=status)


def _first_to_go(pod: Obj) -> tuple[bool, bool, str, str]:
    """Unscheduled before scheduled, unready before ready, then the youngest; names settle ties."""
    young = pod["metadata"].get("creationTimestamp", "")
    return bool(pod["spec"].get("nodeName")), is_ready(pod), _inverted(young), pod["metadata"]["name"]


def _inverted(text: str) -> str:
    return "".join(chr(0x10FFFF - ord(char)) for char in text)
