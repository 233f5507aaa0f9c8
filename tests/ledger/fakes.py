"""A cluster in memory behind the Kube port, and a clock that stands still.

The fake keeps the port's promises that carry_out lives by: a resourceVersion that each write moves, Conflict on a stale
one, NotFound for another incarnation, dry runs that judge and keep nothing, and scale writing the object. `killer` is
called before and after each write, so that a test can end the "process" there.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.kernel.clock import ManualClock
from apps.kernel.errors import Conflict, NotFound, Unavailable
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject, Listing, WatchEvent
from apps.kernel.vocab import ObjectRef

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process ended here. Not an Exception, so that nothing in the code can outlive it."""


class FakeKube:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], JsonObject] = {}
        self.writes: list[str] = []
        self.dry_runs: list[str] = []
        self.killer: Callable[[str], None] = lambda label: None
        self.failures: list[Exception] = []
        self.on_read: Callable[[ObjectRef], None] = lambda ref: None
        self._version = 100

    # -- what a test does

    def put(self, obj: JsonObject) -> JsonObject:
        meta = obj["metadata"]
        meta.setdefault("uid", f"uid-{meta['name']}")
        self._bump(obj)
        self.objects[obj["kind"], meta.get("namespace", ""), meta["name"]] = obj
        return obj

    def find(self, ref: ObjectRef) -> JsonObject:
        return self.objects[ref.kind, ref.namespace, ref.name]

    def edit(self, ref: ObjectRef, change: Callable[[JsonObject], None]) -> None:
        """Somebody else's write."""
        obj = self.find(ref)
        change(obj)
        self._bump(obj)

    # -- the port

    def get(self, ref: ObjectRef) -> JsonObject:
        self._maybe_fail()
        self.on_read(ref)
        obj = self.objects.get((ref.kind, ref.namespace, ref.name))
        if obj is None or (ref.uid and obj["metadata"]["uid"] != ref.uid):
            raise NotFound(f"{ref} is not there")
        return copy.deepcopy(obj)

    def patch(
        self,
        ref: ObjectRef,
        *,
        body: Mapping[str, Any],
        resource_version: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:
        return self._write(ref, "patch", lambda obj: _merge(obj, body), resource_version, dry_run=dry_run)

    def scale(self, ref: ObjectRef, *, replicas: int, resource_version: str, dry_run: bool = False) -> JsonObject:
        def change(obj: JsonObject) -> None:
            obj["spec"]["replicas"] = replicas

        return self._write(ref, "scale", change, resource_version, dry_run=dry_run)

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> JsonObject:
        obj = copy.deepcopy(dict(manifest))
        self._maybe_fail()
        if dry_run:
            self.dry_runs.append(f"apply {obj['kind']}")
            return obj
        label = f"apply {obj['kind']}"
        self.killer("before " + label)
        self.put(obj)
        self.writes.append(label)
        self.killer("after " + label)
        return obj

    def delete(self, ref: ObjectRef, *, resource_version: str = "", dry_run: bool = False) -> None:
        obj = self._checked(ref, resource_version)
        if dry_run:
            self.dry_runs.append(f"delete {ref.kind}")
            return
        self.killer("before delete")
        self.objects.pop((ref.kind, ref.namespace, obj["metadata"]["name"]))
        self.writes.append(f"delete {ref.kind}")
        self.killer("after delete")

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> JsonObject:
        return self.apply(manifest, dry_run=dry_run)

    def list(self, kind: Kind, *, namespace: str | None = None, label_selector: str = "") -> Listing:
        return Listing([obj for key, obj in self.objects.items() if key[0] == kind.kind], str(self._version))

    def watch(self, kind: Kind, *, resource_version: str, stop: threading.Event) -> Iterator[WatchEvent]:
        return iter(())

    def can(self, verb: str, kind: Kind, *, namespace: str = "", subresource: str = "") -> bool:
        return True

    def version(self) -> str:
        return "v1.36.3"

    def close(self) -> None:
        """Nothing is open."""

    # -- inside

    def _write(
        self,
        ref: ObjectRef,
        verb: str,
        change: Callable[[JsonObject], None],
        resource_version: str,
        *,
        dry_run: bool,
    ) -> JsonObject:
        obj = self._checked(ref, resource_version)
        label = f"{verb} {ref.kind}"
        if dry_run:
            self.dry_runs.append(label)
            return copy.deepcopy(obj)
        self.killer("before " + label)
        change(obj)
        self._bump(obj)
        self.writes.append(label)
        self.killer("after " + label)
        return copy.deepcopy(obj)

    def _checked(self, ref: ObjectRef, resource_version: str) -> JsonObject:
        self._maybe_fail()
        obj = self.objects.get((ref.kind, ref.namespace, ref.name))
        if obj is None or (ref.uid and obj["metadata"]["uid"] != ref.uid):
            raise NotFound(f"{ref} is not there")
        if resource_version and obj["metadata"]["resourceVersion"] != resource_version:
            raise Conflict("the object has been modified")
        return obj

    def _maybe_fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def _bump(self, obj: JsonObject) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)


def _merge(obj: JsonObject, body: Mapping[str, Any]) -> None:
    """RFC 7396."""
    for key, value in body.items():
        if value is None:
            obj.pop(key, None)
        elif isinstance(value, Mapping):
            _merge(obj.setdefault(key, {}), value)
        else:
            obj[key] = value


KUBES: dict[str, FakeKube] = {}
CLOCK = ManualClock(START)


def connect(cluster: Any) -> FakeKube:
    """What PLIMSOLL_CONNECT names in these tests."""
    found = KUBES.get(cluster.name)
    if found is None:
        raise Unavailable(f"nothing answers at {cluster.name}")
    return found


def clock() -> ManualClock:
    return CLOCK
