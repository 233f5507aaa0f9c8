"""The objects of one simulated cluster, with versions, a watch log and subscribers.

Contract for whoever writes in process (controllers) and for the HTTP front, which use the same methods:

- Objects are plain JSON dicts. What `get`, `list` and callbacks hand out is the stored object itself: NEVER change it.
  `modify` gives a private copy to a function; `create` and `update` copy what they are given.
- Every write passes `Rules` (defaults, validation, admission, field ownership), so a controller's mistake is refused
  like a client's. The default `NoRules` accepts everything.
- `resourceVersion` grows by one for each stored change in the whole cluster. A write that changes nothing stores
  nothing, keeps the version and sends no event.
- Subscribers are called after the change, in order, on the writer's thread; a write made inside a callback is queued
  behind, so every subscriber sees changes in order of version.
- One re-entrant lock guards everything; it is held for the length of a call and never across I/O.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal, Protocol

from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.conversion import convert, to_storage
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.jsontree import Interner, deep_copy
from apps.sandbox.kubeapi.paging import Page, Pages
from apps.sandbox.kubeapi.resources import Registry, Resource
from apps.sandbox.kubeapi.selectors import parse_fields, parse_labels
from apps.sandbox.kubeapi.watchlog import Event, Key, WatchLog

Propagation = Literal["Background", "Foreground", "Orphan"]
Objs = list[Obj]
Found = list[tuple[Resource, Obj]]
Callback = Callable[[str, Resource, Obj, Obj | None], None]
ObjectId = tuple[Key, str, str]  # storage key, namespace ("" when cluster-scoped), name

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery/pkg/util/rand: no vowels, so no words
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How a write is made: by which field manager (None: not tracked), on which subresource, for real or dry.

    `operation` Apply says that `obj` comes with its managedFields. `keep_status` lets a create bring its status, which
    a client's create may not: for seeding a cluster.
    """

    manager: str | None = None
    subresource: str = ""
    dry_run: bool = False
    operation: Literal["Update", "Apply"] = "Update"
    keep_status: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """How an object is deleted. `grace_seconds` None means the kind's default."""

    propagation: Propagation | None = None
    uid: str | None = None
    resource_version: str | None = None
    grace_seconds: int | None = None
    dry_run: bool = False


class Rules(Protocol):
    """What a write must obey. Each method may change `obj` (a private copy) and may raise ApiError."""

    def prepare_create(self, store: Store, *, resource: Resource, obj: Obj, options: WriteOptions) -> None:
        """Default, validate and admit a new object."""

    def prepare_update(self, store: Store, *, resource: Resource, obj: Obj, old: Obj, options: WriteOptions) -> None:
        """Default, validate and admit a changed object."""

    def prepare_delete(self, store: Store, *, resource: Resource, obj: Obj, options: DeleteOptions) -> int:
        """Seconds that the object lives on after a delete; 0 removes it at once. May refuse the delete."""
        ...

    def is_held(self, resource: Resource, *, obj: Obj) -> bool:
        """Whether finalizers keep a deleted object."""
        ...

    def default_propagation(self, resource: Resource) -> Propagation:
        """What a delete without a propagation policy does to dependents."""
        ...

    def selectable_fields(self, resource: Resource) -> dict[str, str] | None:
        """Field labels beyond metadata.name and metadata.namespace, each with the path it reads; None: no others."""
        ...


class NoRules:
    """Accepts every write; for tests of the store alone."""

    def prepare_create(self, store: Store, *, resource: Resource, obj: Obj, options: WriteOptions) -> None:
        """Accept."""

    def prepare_update(self, store: Store, *, resource: Resource, obj: Obj, old: Obj, options: WriteOptions) -> None:
        """Accept."""

    def prepare_delete(self, store: Store, *, resource: Resource, obj: Obj, options: DeleteOptions) -> int:
        """At once, unless the caller asks for more."""
        return options.grace_seconds or 0

    def is_held(self, resource: Resource, *, obj: Obj) -> bool:
        """By metadata.finalizers alone."""
        return bool(obj["metadata"].get("finalizers"))

    def default_propagation(self, resource: Resource) -> Propagation:
        """Dependents go too."""
        return "Background"

    def selectable_fields(self, resource: Resource) -> dict[str, str]:
        """None beyond the common ones."""
        return {}


def timestamp(moment: datetime) -> str:
    """The RFC 3339 form that metav1.Time has: UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """One cluster's objects. `now` gives the cluster's time; `seed` makes uids and generated names repeatable."""

    def __init__(
        self,
        registry: Registry,
        *,
        now: Callable[[], datetime],
        rules: Rules | None = None,
        seed: int | None = None,
        history: int = 4096,
    ) -> None:
        self.registry = registry
        self.now = now
        self.rules: Rules = rules or NoRules()
        self.lock = threading.RLock()
        self.log = WatchLog(limit=history)
        self._random = Random(seed)  # noqa: S311  # names and uids of a simulated cluster guard nothing
        self._version = 1
        self._objects: dict[Key, dict[str, dict[str, Obj]]] = {}
        self._dependents: dict[str, set[ObjectId]] = {}
        self._uids: dict[str, ObjectId] = {}
        self._interner = Interner()
        self._pages = Pages()
        self._callbacks: list[Callback] = []
        self._pending: deque[tuple[str, Resource, Obj, Obj | None]] = deque()
        self._draining = False

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The resourceVersion of the last change."""
        return self._version

    def find(self, resource: Resource, *, namespace: str | None = None, name: str) -> Obj | None:
        """The stored object, or None."""
        with self.lock:
            obj = self._objects.get(resource.key, {}).get(namespace or "", {}).get(name)
        return obj if obj is None else as_version(obj, resource=resource)

    def get(self, resource: Resource, *, namespace: str | None = None, name: str) -> Obj:
        """The stored object. Raises NotFound."""
        obj = self.find(resource, namespace=namespace, name=name)
        if obj is None:
            raise errors.not_found(resource.group, plural=resource.plural, name=name)
        return obj

    def items(self, resource: Resource, *, namespace: str | None = None) -> Iterable[Obj]:
        """The stored objects in no promised order: the cheap way for controllers. None means all namespaces."""
        with self.lock:
            spaces = self._objects.get(resource.key, {})
            if namespace is not None:
                return list(spaces.get(namespace, {}).values())
            return [obj for space in spaces.values() for obj in space.values()]

    def count(self, resource: Resource, *, namespace: str | None = None) -> int:
        """How many are stored."""
        spaces = self._objects.get(resource.key, {})
        if namespace is not None:
            return len(spaces.get(namespace, {}))
        return sum(len(space) for space in spaces.values())

    def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int | None = None,
        continue_: str | None = None,
    ) -> Page:
        """A page of objects by namespace and name. Raises Expired for a forgotten `continue_`."""
        if continue_:
            return self._pages.resume(continue_, limit=limit)
        with self.lock:
            found = self._matching(
                resource, namespace=namespace, label_selector=label_selector, field_selector=field_selector
            )
            return self._pages.first(found, version=str(self._version), limit=limit)

    def _matching(
        self, resource: Resource, *, namespace: str | None, label_selector: str | None, field_selector: str | None
    ) -> Objs:
        labels = parse_labels(label_selector)
        fields = parse_fields(field_selector, supported=self.rules.selectable_fields(resource))
        spaces = self._objects.get(resource.key, {})
        wanted = sorted(spaces) if namespace is None else [namespace]
        return [
            as_version(obj, resource=resource)
            for space in wanted
            for _, obj in sorted(spaces.get(space, {}).items())
            if (labels is None or labels(obj["metadata"].get("labels") or {})) and (fields is None or fields(obj))
        ]

    def by_uid(self, uid: str) -> tuple[Resource, Obj] | None:
        """The live object of a uid with its resource, or None."""
        with self.lock:
            where = self._uids.get(uid)
            return None if where is None else self._at(where)

    def dependents(self, uid: str) -> Found:
        """The objects whose ownerReferences name this uid."""
        with self.lock:
            found = [self._at(where) for where in sorted(self._dependents.get(uid, ()))]
        return [pair for pair in found if pair is not None]

    def _at(self, where: ObjectId) -> tuple[Resource, Obj] | None:
        key, namespace, name = where
        obj = self._objects.get(key, {}).get(namespace, {}).get(name)
        resource = self.registry.of_key(key)
        return None if obj is None or resource is None else (resource, obj)

    # -- writing ---------------------------------------------------------------------------------------------

    def create(self, resource: Resource, *, obj: Obj, options: WriteOptions | None = None) -> Obj:
        """Store a new object and return it. Raises AlreadyExists, or what the rules raise."""
        options = options or WriteOptions()
        with self.lock:
            resource, new = to_storage(resource, obj=deep_copy(obj))
            new["apiVersion"], new["kind"] = resource.api_version, resource.kind
            metadata = new.setdefault("metadata", {})
            self._name(metadata)
            metadata["uid"] = self.new_uid()
            metadata["creationTimestamp"] = timestamp(self.now())
            self.rules.prepare_create(self, resource=resource, obj=new, options=options)
            space = self._objects.setdefault(resource.key, {}).setdefault(metadata.get("namespace", ""), {})
            if metadata["name"] in space:
                raise errors.already_exists(resource.group, plural=resource.plural, name=metadata["name"])
            if options.dry_run:
                return new
            return self._put(resource, new=new, old=None)

    def update(self, resource: Resource, *, obj: Obj, options: WriteOptions | None = None) -> Obj:
        """Replace an object and return what is stored.

        A resourceVersion or uid in `obj` is a precondition (Conflict when stale). A write that changes nothing returns
        the stored object. When the last finalizer of a deleted object goes, the object goes.
        """
        options = options or WriteOptions()
        with self.lock:
            resource, new = to_storage(resource, obj=deep_copy(obj))
            new["apiVersion"], new["kind"] = resource.api_version, resource.kind
            metadata = new.setdefault("metadata", {})
            name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
            old = self.get(resource, namespace=namespace, name=name)
            self._check(resource, old=old, version=metadata.get("resourceVersion"), uid=metadata.get("uid"))
            _keep_system_fields(metadata, old=old["metadata"])
            self.rules.prepare_update(self, resource=resource, obj=new, old=old, options=options)
            metadata = new["metadata"]
            metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
            if new == old:
                return old
            if options.dry_run:
                return new
            deleted = "deletionTimestamp" in metadata and _grace_of(metadata) == 0
            if deleted and not self.rules.is_held(resource, obj=new):
                return self._remove(resource, obj=new, old=old)
            return self._put(resource, new=new, old=old)

    def update_status(self, resource: Resource, *, obj: Obj, manager: str | None = None) -> Obj:
        """Replace the status alone; the rest of `obj` only says which object and which version."""
        return self.update(resource, obj=obj, options=WriteOptions(manager=manager, subresource="status"))

    def modify(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        name: str,
        change: Callable[[Obj], None],
        options: WriteOptions | None = None,
    ) -> Obj:
        """Read, let `change` edit a private copy, and store it, all under the lock, so it cannot be stale."""
        with self.lock:
            copy: Obj = deep_copy(self.get(resource, namespace=namespace, name=name))
            change(copy)
            return self.update(resource, obj=copy, options=options)

    def delete(
        self, resource: Resource, *, namespace: str | None = None, name: str, options: DeleteOptions | None = None
    ) -> tuple[Obj, bool]:
        """Delete an object; returns it and whether it is gone.

        It stays, with a deletionTimestamp, while it has finalizers (Orphan and Foreground add theirs) or a grace
        period; whoever serves the grace (the kubelet of the simulator) deletes again with `grace_seconds=0`.
        """
        options = options or DeleteOptions()
        with self.lock:
            old = self.get(resource, namespace=namespace, name=name)
            self._check(resource, old=old, version=options.resource_version, uid=options.uid, deleting=True)
            new: Obj = deep_copy(old)
            metadata = new["metadata"]
            grace = self.rules.prepare_delete(self, resource=resource, obj=new, options=options)
            self._set_propagation(resource, metadata=metadata, wanted=options.propagation)
            if grace == 0 and not self.rules.is_held(resource, obj=new):
                return (new, True) if options.dry_run else (self._remove(resource, obj=new, old=old), True)
            self._mark_deleted(metadata, grace=grace)
            if options.dry_run or new == old:
                return new, False
            return self._put(resource, new=new, old=old), False

    def restore(self, resource: Resource, *, obj: Obj, announce: bool = False) -> None:
        """Put back an object as it was stored once, with its uid and resourceVersion, in place of any of its name.

        For starting again from a saved state: no rule looks at it, and nobody is told unless `announce`.
        """
        with self.lock:
            metadata = obj["metadata"]
            namespace, name = metadata.get("namespace", ""), metadata["name"]
            space = self._objects.setdefault(resource.key, {}).setdefault(namespace, {})
            old = space.get(name)
            stored = space[name] = self._interner.share(obj)
            self._index((resource.key, namespace, name), new=metadata, old=old["metadata"] if old else None)
            self._version = max(self._version, int(metadata["resourceVersion"]))
            if announce:
                self._announce("ADDED", resource=resource, obj=stored, old=None)

    def resume(self, *, version: int, seed: int) -> None:
        """Go on from `version`: nothing older can be watched, and names and uids are drawn afresh."""
        with self.lock:
            self._version = max(self._version, version)
            self._random = Random(seed)  # noqa: S311  # as in __init__
            self.compact()

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback(type, resource, obj, old)` after each change; returns the function that ends it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def compact(self) -> None:
        """Forget all history, so that older watches and pages get 410."""
        with self.lock:
            self.log.compact(version=self._version)
            self._pages.clear()

    # -- inner -----------------------------------------------------------------------------------------------

    def new_uid(self) -> str:
        """A fresh version 4 UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _name(self, metadata: Obj) -> None:
        if not metadata.get("name") and metadata.get("generateName"):
            suffix = "".join(self._random.choices(NAME_ALPHABET, k=5))
            metadata["name"] = metadata["generateName"][:58] + suffix

    @staticmethod
    def _check(resource: Resource, *, old: Obj, version: str | None, uid: str | None, deleting: bool = False) -> None:
        have = old["metadata"]
        why = ""
        if uid and uid != have["uid"]:
            why = (
                f"StorageError: invalid object, Code: 4, Key: /registry/{_registry_path(resource, have)}, "
                "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
                f"{uid}, UID in object meta: {have['uid']}"
            )
            if deleting:
                why = (
                    f"the UID in the precondition ({uid}) does not match the UID in record ({have['uid']}). "
                    "The object might have been deleted and then recreated"
                )
        elif version and version != "0" and version != have["resourceVersion"]:
            why = errors.STALE
            if deleting:
                why = (
                    f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in "
                    f"record ({have['resourceVersion']}). The object might have been modified"
                )
        if why:
            named = resource.kind if deleting else resource.plural
            raise errors.conflict(resource.group, plural=named, name=have["name"], why=why)

    def _set_propagation(self, resource: Resource, *, metadata: Obj, wanted: Propagation | None) -> None:
        finalizers = list(metadata.get("finalizers") or ())
        policy = wanted
        if policy is None:
            policy = self.rules.default_propagation(resource)
            policy = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}.get(_own_choice(finalizers), policy)  # type: ignore[assignment]
        kept = [entry for entry in finalizers if entry not in (ORPHAN, FOREGROUND)]
        added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND], "Background": []}[policy]
        if kept + added != finalizers and set(kept + added) != set(finalizers):
            metadata["finalizers"] = kept + added
            if not metadata["finalizers"]:
                del metadata["finalizers"]

    def _mark_deleted(self, metadata: Obj, *, grace: int) -> None:
        if "deletionTimestamp" in metadata and grace >= _grace_of(metadata):
            return
        metadata["deletionTimestamp"] = timestamp(_after(self.now(), grace))
        metadata["deletionGracePeriodSeconds"] = grace
        if metadata.get("generation"):
            metadata["generation"] += 1

    def _put(self, resource: Resource, *, new: Obj, old: Obj | None) -> Obj:
        metadata = new["metadata"]
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        stored = self._interner.share(new)
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        self._objects.setdefault(resource.key, {}).setdefault(namespace, {})[name] = stored
        self._index((resource.key, namespace, name), new=metadata, old=old["metadata"] if old else None)
        self._announce("MODIFIED" if old else "ADDED", resource=resource, obj=stored, old=old)
        return stored

    def _remove(self, resource: Resource, *, obj: Obj, old: Obj) -> Obj:
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        del self._objects[resource.key][namespace][name]
        self._index((resource.key, namespace, name), new=None, old=old["metadata"])
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        self._announce("DELETED", resource=resource, obj=obj, old=old)
        return obj

    def _index(self, where: ObjectId, *, new: Obj | None, old: Obj | None) -> None:
        before = {ref.get("uid", "") for ref in (old or {}).get("ownerReferences") or ()}
        after = {ref.get("uid", "") for ref in (new or {}).get("ownerReferences") or ()}
        for uid in before - after:
            owned = self._dependents.get(uid, set())
            owned.discard(where)
            if not owned:
                self._dependents.pop(uid, None)
        for uid in after - before:
            self._dependents.setdefault(uid, set()).add(where)
        if old and (new is None or new["uid"] != old["uid"]):
            self._uids.pop(old["uid"], None)
        if new:
            self._uids[new["uid"]] = where

    def _announce(self, kind: str, *, resource: Resource, obj: Obj, old: Obj | None) -> None:
        self.log.append(resource.key, event=Event(version=self._version, type=kind, obj=obj, old=old))
        self._pending.append((kind, resource, obj, old))
        if self._draining:
            return
        self._draining = True
        try:
            while self._pending:
                change = self._pending.popleft()
                for callback in list(self._callbacks):
                    callback(*change)
        finally:
            self._draining = False


def as_version(obj: Obj, *, resource: Resource) -> Obj:
    """The object in the version of this resource."""
    return obj if obj.get("apiVersion") == resource.api_version else convert(obj, resource=resource)


def _registry_path(resource: Resource, metadata: Obj) -> str:
    """Where a real server keeps the object in etcd, which its errors name."""
    parts = [resource.group] if resource.custom else []
    parts += [resource.plural, metadata.get("namespace", ""), metadata["name"]]
    return "/".join(part for part in parts if part)


def _grace_of(metadata: Obj) -> int:
    return int(metadata.get("deletionGracePeriodSeconds") or 0)


def _own_choice(finalizers: list[str]) -> str:
    return next((entry for entry in finalizers if entry in (ORPHAN, FOREGROUND)), "")


def _after(moment: datetime, seconds: int) -> datetime:
    return moment + timedelta(seconds=seconds)


def _keep_system_fields(metadata: Obj, *, old: Obj) -> None:
    """Fields that no client sets come from the stored object."""
    for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if field in old:
            metadata[field] = old[field]
        else:
            metadata.pop(field, None)
    if "namespace" in old:
        metadata["namespace"] = old["namespace"]
