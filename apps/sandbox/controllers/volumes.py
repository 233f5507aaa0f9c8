"""Claims are bound to volumes: at once, or when the first pod that uses them has a node, as their class says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import is_finished, is_terminating, key_of
from apps.sandbox.kubeapi.builtin import (
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    STORAGECLASSES,
)
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import WriteOptions

_BIND = WriteOptions(subresource="binding")  # claims are immutable to everyone but the binder
_PROTECTION = "kubernetes.io/pvc-protection"
_ZONE = "topology.kubernetes.io/zone"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


@dataclass
class VolumeBinder:
    """Provisions a volume for each claim, lets protected claims go once nothing mounts them, and reclaims volumes."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        if resource.key == PERSISTENTVOLUMECLAIMS.key:
            return [key_of(obj)]
        if resource.key == PERSISTENTVOLUMES.key:
            claim = obj["spec"].get("claimRef") or {}
            return [(claim["namespace"], claim["name"])] if claim else ()
        return [(obj["metadata"]["namespace"], name) for name in _claims(obj)]

    def sync(self, key: Key) -> None:
        store = self.world.store
        claim = store.find(PERSISTENTVOLUMECLAIMS, namespace=key[0], name=key[1])
        if claim is None:
            self._reclaim(key)
        elif is_terminating(claim):
            self._release(claim)
        elif not claim["spec"].get("volumeName"):
            self._provision(claim)
        elif (claim.get("status") or {}).get("phase") != "Bound":
            self._tell(claim)

    def _provision(self, claim: Obj) -> None:
        class_ = self._class_of(claim)
        if class_ is None:
            self._pend(claim)
            return
        user = self._user(claim)
        if class_.get("volumeBindingMode") == "WaitForFirstConsumer" and user is None:
            self._pend(claim)
            return
        namespace, name = key_of(claim)
        volume = f"pvc-{claim['metadata']['uid']}"
        if self.world.store.find(PERSISTENTVOLUMES, name=volume) is None:
            made = _volume(claim, name=volume, class_=class_, zone=self._zone(user))
            self.world.store.create(PERSISTENTVOLUMES, obj=made, options=WRITE)

        def change(obj: Obj) -> None:
            obj["spec"] |= {"volumeName": volume, "storageClassName": class_["metadata"]["name"]}
            obj["metadata"].setdefault("annotations", {})["pv.kubernetes.io/bind-completed"] = "yes"

        self.world.store.modify(PERSISTENTVOLUMECLAIMS, namespace=namespace, name=name, change=change, options=_BIND)

    def _tell(self, claim: Obj) -> None:
        capacity = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
        status = {"phase": "Bound", "accessModes": claim["spec"]["accessModes"], "capacity": capacity}
        self.world.put_status(PERSISTENTVOLUMECLAIMS, claim, status=status)

    def _pend(self, claim: Obj) -> None:
        self.world.put_status(PERSISTENTVOLUMECLAIMS, claim, status={"phase": "Pending"})

    def _release(self, claim: Obj) -> None:
        """The claim goes once no pod mounts it."""
        finalizers = claim["metadata"].get("finalizers") or ()
        if _PROTECTION in finalizers and self._user(claim) is None:
            namespace, name = key_of(claim)

            def change(obj: Obj) -> None:
                obj["metadata"]["finalizers"] = [one for one in finalizers if one != _PROTECTION]

            store = self.world.store
            store.modify(PERSISTENTVOLUMECLAIMS, namespace=namespace, name=name, change=change, options=WRITE)

    def _reclaim(self, key: Key) -> None:
        """Volumes of a claim that is gone: deleted or kept as Released, as their policy says."""
        store = self.world.store
        for volume in store.items(PERSISTENTVOLUMES):
            claim = volume["spec"].get("claimRef") or {}
            if (claim.get("namespace"), claim.get("name")) != key or is_terminating(volume):
                continue
            name = volume["metadata"]["name"]
            if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                store.delete(PERSISTENTVOLUMES, name=name)
            else:
                self.world.put_status(PERSISTENTVOLUMES, volume, status={"phase": "Released"})

    def _class_of(self, claim: Obj) -> Obj | None:
        wanted = claim["spec"].get("storageClassName")
        for class_ in self.world.store.items(STORAGECLASSES):
            default = (class_["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
            if class_["metadata"]["name"] == wanted or (wanted is None and default):
                return class_
        return None

    def _user(self, claim: Obj) -> Obj | None:
        """A pod with a node that mounts the claim."""
        namespace, name = key_of(claim)
        for pod in self.world.store.items(PODS, namespace=namespace):
            if name in _claims(pod) and pod["spec"].get("nodeName") and not is_finished(pod):
                return pod
        return None

    def _zone(self, pod: Obj | None) -> str:
        node = pod and self.world.store.find(NODES, name=pod["spec"]["nodeName"])
        return str((node or {}).get("metadata", {}).get("labels", {}).get(_ZONE, ""))


def _claims(pod: Obj) -> list[str]:
    volumes = pod["spec"].get("volumes") or ()
    return [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]


def _volume(claim: Obj, *, name: str, class_: Obj, zone: str) -> Obj:
    namespace, claim_name = key_of(claim)
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim_name,
                 "uid": claim["metadata"]["uid"]}  # fmt: skip
    made: Obj = {
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": class_["provisioner"]}},
        "spec": {
            "accessModes": claim["spec"].get("accessModes", ["ReadWriteOnce"]),
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": reference, "csi": {"driver": class_["provisioner"], "volumeHandle": f"vol-{name[4:21]}"},
            "persistentVolumeReclaimPolicy": class_.get("reclaimPolicy", "Delete"),
            "storageClassName": class_["metadata"]["name"], "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound"},
    }  # fmt: skip
    if zone:
        term = {"matchExpressions": [{"key": _ZONE, "operator": "In", "values": [zone]}]}
        made["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return made
