"""`kernel.ports.Kube` over a cluster's store: what an HTTP client would see, without HTTP. For simulations.

It acts as an administrator. Writes pass the same rules as those of clients; a watch gives what has happened so far and
ends.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from apps.kernel import errors as kernel
from apps.kernel.kinds import Kind
from apps.kernel.ports import Listing, WatchEvent
from apps.kernel.vocab import ObjectRef
from apps.sandbox.kubeapi import errors as api
from apps.sandbox.kubeapi import ssa
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.patches import merge_patch
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions, WriteOptions
from apps.sandbox.metrics.promql.values import QueryError

MANAGER = "plimsoll"
JsonObject = dict[str, Any]


class StoreKube:
    """One cluster, both ways."""

    def __init__(self, api_side: Cluster, *, cluster: str) -> None:
        self._api, self._store, self._name = api_side, api_side.store, cluster

    def get(self, ref: ObjectRef) -> JsonObject:
        """The object, a copy."""
        with _translated():
            found = self._store.get(self._resource(ref), namespace=ref.namespace, name=ref.name)
        if ref.uid and found["metadata"]["uid"] != ref.uid:
            raise kernel.NotFound(f"{ref} is another one now")
        return copy.deepcopy(found)

    def list(self, kind: Kind, *, namespace: str | None = None, label_selector: str = "") -> Listing:
        """Every object of the kind."""
        with _translated(), self._store.lock:
            page = self._store.list(self._served(kind), namespace=namespace, label_selector=label_selector or None)
            return Listing(list(page.items), str(self._store.version))

    def pages(self, kind: Kind, *, page: int = 500) -> Iterator[Listing]:
        """The whole list as one page."""
        yield self.list(kind)

    def watch(
        self, kind: Kind, *, resource_version: str, stop: threading.Event, opened: Callable[[], None] | None = None
    ) -> Iterator[WatchEvent]:
        """What has changed since, then the end."""
        with _translated():
            events = self._store.log.since(self._served(kind).key, version=int(resource_version), limit=1_000_000)
        if opened is not None:
            opened()
        for event in events:
            if stop.is_set():
                return
            yield WatchEvent(event.type, event.obj)
        bookmark = {"metadata": {"resourceVersion": str(self._store.version)}}
        yield WatchEvent("BOOKMARK", bookmark)

    def can(self, verb: str, kind: Kind, *, namespace: str = "", subresource: str = "") -> bool:
        """Always: an administrator asks."""
        return True

    def version(self) -> str:
        """What a real server of this age would say."""
        return "v1.36.3"

    def patch(
        self, ref: ObjectRef, *, body: Mapping[str, Any], resource_version: str = "", subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:  # fmt: skip
        """JSON merge patch."""
        resource = self._resource(ref)
        with _translated(), self._store.lock:
            live = self.get(ref)
            merged = merge_patch(live, patch=dict(body))
            merged["metadata"]["resourceVersion"] = resource_version or live["metadata"]["resourceVersion"]
            options = WriteOptions(manager=MANAGER, subresource=subresource, dry_run=dry_run)
            return copy.deepcopy(self._store.update(resource, obj=merged, options=options))

    def scale(self, ref: ObjectRef, *, replicas: int, resource_version: str, dry_run: bool = False) -> JsonObject:
        """Writes spec.replicas as the scale subresource does; returns the Scale."""
        resource = self._resource(ref)
        with _translated(), self._store.lock:
            live = self.get(ref)
            live["spec"]["replicas"] = replicas
            live["metadata"]["resourceVersion"] = resource_version or live["metadata"]["resourceVersion"]
            options = WriteOptions(manager=MANAGER, subresource="scale", dry_run=dry_run)
            done = self._store.update(resource, obj=live, options=options)
        metadata = {key: done["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
        status = {"replicas": (done.get("status") or {}).get("replicas", 0)}
        return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas},
                "status": status}  # fmt: skip

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> JsonObject:
        """Server-side apply as `plimsoll`."""
        config = copy.deepcopy(dict(manifest))
        resource = self._of_manifest(config)
        metadata = config["metadata"]
        options = WriteOptions(manager=MANAGER, dry_run=dry_run, operation="Apply")
        with _translated(), self._store.lock:
            live = self._store.find(resource, namespace=metadata.get("namespace"), name=metadata["name"])
            writer = self._api.rules.writer(self._store, resource=resource, options=options)
            merged = ssa.apply(writer, live=live or {}, config=config, force=force)
            obj = {**merged, "apiVersion": resource.api_version, "kind": resource.kind}
            write = self._store.create if live is None else self._store.update
            return copy.deepcopy(write(resource, obj=obj, options=options))

    def delete(self, ref: ObjectRef, *, resource_version: str = "", dry_run: bool = False) -> None:
        """Deletes, with `ref.uid` and `resource_version` as preconditions where they are set."""
        options = DeleteOptions(uid=ref.uid or None, resource_version=resource_version or None, dry_run=dry_run)
        with _translated():
            self._store.delete(self._resource(ref), namespace=ref.namespace, name=ref.name, options=options)

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> JsonObject:
        """Creates one object."""
        obj = dict(manifest)
        options = WriteOptions(manager=MANAGER, dry_run=dry_run)
        with _translated():
            return copy.deepcopy(self._store.create(self._of_manifest(obj), obj=obj, options=options))

    def close(self) -> None:
        """Nothing is open."""

    def _resource(self, ref: ObjectRef) -> Resource:
        found = self._store.registry.of_group_kind(ref.group, kind=ref.kind)
        if found is None:
            raise kernel.NotFound(f"{self._name} does not serve {ref.kind}")
        return found

    def _served(self, kind: Kind) -> Resource:
        found = self._store.registry.find(kind.group, version=kind.version, plural=kind.plural)
        if found is None:
            raise kernel.NotFound(f"{self._name} does not serve {kind.qualified}")
        return found

    def _of_manifest(self, obj: JsonObject) -> Resource:
        found = self._store.registry.of_kind(obj.get("apiVersion", ""), kind=obj.get("kind", ""))
        if found is None:
            raise kernel.NotFound(f"{self._name} does not serve {obj.get('apiVersion')} {obj.get('kind')}")
        return found


_KERNEL: dict[type[api.ApiError], type[kernel.PlimsollError]] = {
    api.NotFound: kernel.NotFound, api.AlreadyExists: kernel.AlreadyExists, api.Conflict: kernel.Conflict,
    api.Expired: kernel.Gone, api.Forbidden: kernel.Forbidden, api.Invalid: kernel.InvalidInput,
    api.BadRequest: kernel.InvalidInput,
}  # fmt: skip


@contextmanager
def _translated() -> Iterator[None]:
    """The API's errors as the port's."""
    try:
        yield
    except api.ApiError as e:
        raise _KERNEL.get(type(e), kernel.Unavailable)(str(e)) from e


def refused(error: QueryError) -> kernel.PlimsollError:
    """A query's error as the port's."""
    return kernel.InvalidInput(str(error), field="query", mend="correct the PromQL expression")
