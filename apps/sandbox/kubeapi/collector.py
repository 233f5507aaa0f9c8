"""The garbage collector: what happens to the dependents of an object that is deleted.

It follows k8s.io/kubernetes `pkg/controller/garbagecollector`, but acts at once, in the store's callbacks. Dependents
of a removed owner are deleted (Background). An owner with `foregroundDeletion` waits for its blocking dependents. An
owner with `orphan` lets go of its dependents first. An object made for owners that are already gone goes too.
"""

from __future__ import annotations

from apps.sandbox.kubeapi.errors import NotFound, Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import FOREGROUND, ORPHAN, DeleteOptions, Store


class GarbageCollector:
    """Collects in one store; subscribes to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.subscribe(self._on_change)

    def _on_change(self, event: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        metadata = obj["metadata"]
        if event == "DELETED":
            self._owner_gone(metadata["uid"])
            for owner in metadata.get("ownerReferences") or ():
                self._continue_foreground(owner.get("uid", ""))
        elif metadata.get("deletionTimestamp"):
            finalizers = metadata.get("finalizers") or ()
            if ORPHAN in finalizers:
                self._orphan(resource, obj)
            elif FOREGROUND in finalizers:
                self._foreground(resource, obj)
        elif event == "ADDED" and metadata.get("ownerReferences"):
            if all(self._store.by_uid(owner.get("uid", "")) is None for owner in metadata["ownerReferences"]):
                self._delete(resource, obj)

    def _delete(self, resource: Resource, obj: Obj, *, foreground: bool = False) -> None:
        metadata = obj["metadata"]
        options = DeleteOptions(propagation="Foreground" if foreground else "Background", uid=metadata["uid"])
        try:
            self._store.delete(resource, namespace=metadata.get("namespace"), name=metadata["name"], options=options)
        except NotFound:
            pass  # someone else was faster

    def _owner_gone(self, uid: str) -> None:
        for resource, obj in self._store.dependents(uid):
            others = [ref for ref in obj["metadata"]["ownerReferences"] if ref.get("uid") != uid]
            if any(self._store.by_uid(ref.get("uid", "")) is not None for ref in others):
                self._set_owners(resource, obj, others)
            elif not obj["metadata"].get("deletionTimestamp"):
                self._delete(resource, obj)

    def _set_owners(self, resource: Resource, obj: Obj, owners: list[Obj]) -> None:
        def change(copy: Obj) -> None:
            copy["metadata"]["ownerReferences"] = owners
            if not owners:
                del copy["metadata"]["ownerReferences"]

        metadata = obj["metadata"]
        self._store.modify(resource, namespace=metadata.get("namespace"), name=metadata["name"], change=change)

    def _orphan(self, resource: Resource, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        for kind, dependent in self._store.dependents(uid):
            owners = [ref for ref in dependent["metadata"]["ownerReferences"] if ref.get("uid") != uid]
            self._set_owners(kind, dependent, owners)
        self._drop_finalizer(resource, obj, ORPHAN)

    def _foreground(self, resource: Resource, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        blocking = [(kind, dependent) for kind, dependent in self._store.dependents(uid) if _blocks(dependent, uid)]
        if not blocking:
            self._drop_finalizer(resource, obj, FOREGROUND)
        for kind, dependent in blocking:
            if not dependent["metadata"].get("deletionTimestamp"):
                has_own = bool(self._store.dependents(dependent["metadata"]["uid"]))
                self._delete(kind, dependent, foreground=has_own)

    def _continue_foreground(self, uid: str) -> None:
        found = self._store.by_uid(uid)
        if found is None:
            return
        resource, owner = found
        metadata = owner["metadata"]
        if metadata.get("deletionTimestamp") and FOREGROUND in (metadata.get("finalizers") or ()):
            self._foreground(resource, owner)

    def _drop_finalizer(self, resource: Resource, obj: Obj, finalizer: str) -> None:
        def change(copy: Obj) -> None:
            left = [entry for entry in copy["metadata"].get("finalizers") or () if entry != finalizer]
            copy["metadata"]["finalizers"] = left
            if not left:
                del copy["metadata"]["finalizers"]

        metadata = obj["metadata"]
        live = self._store.find(resource, namespace=metadata.get("namespace"), name=metadata["name"])
        if live is not None and finalizer in (live["metadata"].get("finalizers") or ()):
            self._store.modify(resource, namespace=metadata.get("namespace"), name=metadata["name"], change=change)


def _blocks(dependent: Obj, uid: str) -> bool:
    owners = dependent["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid and owner.get("blockOwnerDeletion") for owner in owners)
