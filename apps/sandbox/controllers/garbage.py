"""Dependents follow their owners: background, foreground and orphan deletion, as kube-controller-manager does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import is_terminating
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import FOREGROUND, ORPHAN, DeleteOptions


@dataclass
class GarbageCollector:
    """Keys are ("", uid): of what was deleted, of what is being deleted, and of what has owners that may be gone."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        metadata = obj["metadata"]
        gone = self.world.store.by_uid(metadata["uid"]) is None
        waits = {FOREGROUND, ORPHAN} & set(metadata.get("finalizers") or ()) if is_terminating(obj) else ()
        fresh = old is None and metadata.get("ownerReferences")
        keys = [("", metadata["uid"])] if gone or waits or fresh else []
        # A foreground owner waits for its dependents, so each that goes has it looked at again.
        return [*keys, *(("", ref["uid"]) for ref in metadata.get("ownerReferences") or () if gone)]

    def sync(self, key: Key) -> None:
        uid = key[1]
        found = self.world.store.by_uid(uid)
        if found is None:
            self._collect(uid)
            return
        resource, obj = found
        finalizers = obj["metadata"].get("finalizers") or ()
        if is_terminating(obj) and ORPHAN in finalizers:
            self._orphan(uid)
            self._finish(resource, obj=obj, finalizer=ORPHAN)
        elif is_terminating(obj) and FOREGROUND in finalizers:
            if not self._delete_dependents(uid):
                self._finish(resource, obj=obj, finalizer=FOREGROUND)
        else:
            self._check_owners(resource, obj=obj)

    def _collect(self, uid: str) -> None:
        """The owner is gone: dependents lose the reference, and go when it was their last."""
        for resource, obj in self.world.store.dependents(uid):
            self._drop_owner(resource, obj=obj, uids={uid})

    def _check_owners(self, resource: Resource, *, obj: Obj) -> None:
        """An object made for an owner that is not there (any more) is collected too."""
        references = obj["metadata"].get("ownerReferences") or ()
        gone = {ref["uid"] for ref in references if self.world.store.by_uid(ref["uid"]) is None}
        if gone:
            self._drop_owner(resource, obj=obj, uids=gone)

    def _drop_owner(self, resource: Resource, *, obj: Obj, uids: set[str]) -> None:
        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        left = [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] not in uids]
        if not left:
            if not is_terminating(obj):
                options = DeleteOptions(propagation="Background", uid=obj["metadata"]["uid"])
                self.world.store.delete(resource, namespace=namespace, name=name, options=options)
            return

        def change(copy: Obj) -> None:
            copy["metadata"]["ownerReferences"] = left

        self.world.store.modify(resource, namespace=namespace, name=name, change=change, options=WRITE)

    def _delete_dependents(self, uid: str) -> bool:
        """Delete, in the foreground too; returns whether one that blocks its owner is still there."""
        blocked = False
        for resource, obj in self.world.store.dependents(uid):
            blocked |= any(ref["uid"] == uid and ref.get("blockOwnerDeletion")
                           for ref in obj["metadata"]["ownerReferences"])  # fmt: skip
            if not is_terminating(obj):
                options = DeleteOptions(propagation="Foreground", uid=obj["metadata"]["uid"])
                self.world.store.delete(
                    resource, namespace=obj["metadata"].get("namespace"), name=obj["metadata"]["name"], options=options
                )
        return blocked and any(
            ref["uid"] == uid and ref.get("blockOwnerDeletion")
            for _, obj in self.world.store.dependents(uid) for ref in obj["metadata"]["ownerReferences"]
        )  # fmt: skip

    def _orphan(self, uid: str) -> None:
        for resource, obj in self.world.store.dependents(uid):

            def change(copy: Obj) -> None:
                left = [ref for ref in copy["metadata"]["ownerReferences"] if ref["uid"] != uid]
                copy["metadata"]["ownerReferences"] = left
                if not left:
                    del copy["metadata"]["ownerReferences"]

            namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
            self.world.store.modify(resource, namespace=namespace, name=name, change=change, options=WRITE)

    def _finish(self, resource: Resource, *, obj: Obj, finalizer: str) -> None:
        def change(copy: Obj) -> None:
            copy["metadata"]["finalizers"] = [one for one in copy["metadata"]["finalizers"] if one != finalizer]

        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        self.world.store.modify(resource, namespace=namespace, name=name, change=change, options=WRITE)
