"""A cluster in memory behind the Kube port, for simulations of many days: objects, versions, the scale subresource,
and a controller that makes a workload ready a while after it was scaled up. The contract suites prove the real ones.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from apps.kernel.errors import AlreadyExists, Conflict, NotFound
from apps.kernel.kinds import Kind, find
from apps.kernel.ports import JsonObject, Listing, WatchEvent
from apps.kernel.vocab import ObjectRef

Changed = Callable[[Kind, WatchEvent], None]


class MemoryKube:
    """`changed` is told of every change; `now` gives the cluster's time. `served` are the kinds that exist."""

    def __init__(self, *, now: Callable[[], datetime], ready_after: timedelta = timedelta(seconds=20)) -> None:
        self.now = now
        self.ready_after = ready_after
        self.objects: dict[tuple[str, str, str], JsonObject] = {}
        self.listeners: list[Changed] = []
        self.writes = 0
        self._version = 0
        self._ready_at: dict[tuple[str, str, str], datetime] = {}

    # What tests do to it.

    def add(self, obj: JsonObject) -> JsonObject:
        """Somebody else creates an object, or writes it whole."""
        key = _key(obj)
        meta = obj["metadata"]
        was = self.objects.get(key)
        meta.setdefault("uid", was["metadata"]["uid"] if was else "uid-" + "-".join(key))
        meta.setdefault("creationTimestamp", self.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        generation = was["metadata"].get("generation", 0) if was else 0
        meta["generation"] = generation + (was is None or was.get("spec") != obj.get("spec"))
        self._keep(key, obj, "MODIFIED" if was else "ADDED")
        return obj

    def edit(self, kind: str, namespace: str, name: str, body: Mapping[str, Any]) -> None:
        """Somebody else patches an object."""
        obj = copy.deepcopy(self.objects[kind, namespace, name])
        _merge(obj, body)
        self.add(obj)

    def drop(self, kind: str, namespace: str, name: str) -> None:
        obj = self.objects.pop((kind, namespace, name))
        self._tell(obj, "DELETED")

    def settle(self) -> None:
        """The controller's part: what was scaled up a while ago is ready now."""
        for key, at in list(self._ready_at.items()):
            if at <= self.now():
                del self._ready_at[key]
                obj = copy.deepcopy(self.objects[key])
                obj["status"] = {"replicas": obj["spec"]["replicas"], "readyReplicas": obj["spec"]["replicas"]}
                self._keep(key, obj, "MODIFIED")

    # The port.

    def get(self, ref: ObjectRef) -> JsonObject:
        obj = self.objects.get((ref.kind, ref.namespace, ref.name))
        if obj is None or (ref.uid and obj["metadata"]["uid"] != ref.uid):
            raise NotFound(f"{ref} is not there")
        return copy.deepcopy(obj)

    def list(self, kind: Kind, *, namespace: str | None = None, label_selector: str = "") -> Listing:
        found = [
            copy.deepcopy(obj)
            for (name, place, _), obj in self.objects.items()
            if name == kind.kind and namespace in (None, place)
        ]
        return Listing(found, str(self._version))

    def pages(self, kind: Kind, *, page: int = 500) -> Iterator[Listing]:
        yield self.list(kind)

    def patch(
        self,
        ref: ObjectRef,
        *,
        body: Mapping[str, Any],
        resource_version: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:
        obj = self._checked(ref, resource_version)
        was = copy.deepcopy(obj.get("spec"))
        _merge(obj, body)
        if obj.get("spec") != was:
            obj["metadata"]["generation"] = obj["metadata"].get("generation", 0) + 1
        return obj if dry_run else self._write(obj)

    def scale(self, ref: ObjectRef, *, replicas: int, resource_version: str, dry_run: bool = False) -> JsonObject:
        obj = self._checked(ref, resource_version)
        obj["spec"]["replicas"] = replicas
        if not dry_run:
            key = _key(obj)
            if replicas == 0:
                self._ready_at.pop(key, None)
                obj["status"] = {"replicas": 0}
            else:
                self._ready_at[key] = self.now() + self.ready_after
            self._write(obj)
        return {"kind": "Scale", "spec": {"replicas": replicas}}

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> JsonObject:
        obj = copy.deepcopy(dict(manifest))
        key = _key(obj)
        was = self.objects.get(key)
        if was is not None:
            obj["metadata"] = {**was["metadata"], **obj["metadata"]}
        if dry_run:
            return obj
        self.writes += 1
        return copy.deepcopy(self.add(obj))

    def delete(self, ref: ObjectRef, *, resource_version: str = "", dry_run: bool = False) -> None:
        self._checked(ref, resource_version)
        if not dry_run:
            self.writes += 1
            self.drop(ref.kind, ref.namespace, ref.name)

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> JsonObject:
        obj = copy.deepcopy(dict(manifest))
        if _key(obj) in self.objects:
            raise AlreadyExists(f"{obj['metadata']['name']} is there already")
        self.writes += 1
        return self.add(obj)

    def close(self) -> None:
        """Nothing is open."""

    def _checked(self, ref: ObjectRef, resource_version: str) -> JsonObject:
        obj = self.get(ref)
        if resource_version and obj["metadata"]["resourceVersion"] != resource_version:
            raise Conflict(f"{ref} has changed")
        return obj

    def _write(self, obj: JsonObject) -> JsonObject:
        self.writes += 1
        self._keep(_key(obj), obj, "MODIFIED")
        return copy.deepcopy(obj)

    def _keep(self, key: tuple[str, str, str], obj: JsonObject, event: str) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        self.objects[key] = obj
        self._tell(obj, event)

    def _tell(self, obj: JsonObject, event: str) -> None:
        if obj["kind"] == "Event":
            return
        kind = find(obj["kind"], str(obj["apiVersion"]).rpartition("/")[0])
        for listener in self.listeners:
            listener(kind, WatchEvent(event, copy.deepcopy(obj)))


def _key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _merge(into: dict[str, Any], body: Mapping[str, Any]) -> None:
    """RFC 7396."""
    for name, value in body.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, Mapping):
            if not isinstance(into.get(name), dict):
                into[name] = {}
            _merge(into[name], value)
        else:
            into[name] = copy.deepcopy(value)
