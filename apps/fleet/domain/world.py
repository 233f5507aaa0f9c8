"""One cluster's objects, parsed and joined.

`put` and `drop` take what a watch brings and note what it touches; `settle` then joins only that: nodes and their
prices first, then workloads with their pods, autoscalers and prices, then volumes and routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from apps.fleet.domain.classed_routes import CLASSES, ROUTES, ClassedRoutes
from apps.fleet.domain.joined_workloads import AUTOSCALERS, JoinedWorkloads
from apps.fleet.domain.metadata import text
from apps.fleet.domain.mounted_volumes import MountedVolumes
from apps.fleet.domain.parse_objects import parse_namespace, parse_service
from apps.fleet.domain.priced_nodes import PricedNodes
from apps.fleet.domain.pricing import PriceBook
from apps.fleet.domain.shelf import Shelf
from apps.kernel import kinds
from apps.kernel.errors import InvalidInput
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Json, Namespace, Service

WORKLOADS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.CRON_JOB, kinds.JOB)


class Part(Protocol):
    def put(self, kind: Kind, key: str, obj: JsonObject) -> None: ...

    def drop(self, kind: Kind, key: str) -> None: ...


def key_of(kind: Kind, obj: JsonObject) -> str:
    """`ObjectRef.key` of a raw object."""
    meta = obj["metadata"]
    namespace = text(meta.get("namespace"))
    return f"{kind.kind}/{namespace}/{meta['name']}" if namespace else f"{kind.kind}/{meta['name']}"


class _Namespaces:
    def __init__(self, cluster: str) -> None:
        self.shelf: Shelf[Namespace] = Shelf(drained=True)
        self.stirred = False
        self._cluster = cluster

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        if self.shelf.put(key, parse_namespace(obj, cluster=self._cluster)):
            self.stirred = True

    def drop(self, kind: Kind, key: str) -> None:
        self.shelf.pop(key)


class _Services:
    def __init__(self, cluster: str) -> None:
        self.shelf: Shelf[Service] = Shelf()
        self._cluster = cluster

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        self.shelf.put(key, parse_service(obj, cluster=self._cluster))

    def drop(self, kind: Kind, key: str) -> None:
        self.shelf.pop(key)


class _Policies:
    """Raw, for only the policies app reads them. A status that changes stirs nothing: Plimsoll writes it itself."""

    def __init__(self) -> None:
        self.shelf: Shelf[Mapping[str, Json]] = Shelf()
        self.stirred = False

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        was = self.shelf.get(key)
        meta = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
        now: Mapping[str, Json] = {**obj, "metadata": meta}
        self.shelf.put(key, now)
        self.stirred = self.stirred or was is None or _wish(was) != _wish(now)

    def drop(self, kind: Kind, key: str) -> None:
        if self.shelf.pop(key) is not None:
            self.stirred = True


def _wish(policy: Mapping[str, Json]) -> tuple[Json, ...]:
    """What its author wrote: everything but the status and what the server counts."""
    meta = policy["metadata"]
    if not isinstance(meta, Mapping):
        return ()
    return (
        policy.get("spec"),
        *(meta.get(name) for name in ("uid", "labels", "annotations", "deletionTimestamp", "finalizers")),
    )


class World:
    """Not thread-safe: the cache that owns it holds a lock."""

    def __init__(self, cluster: str, *, book: PriceBook, region: str = "") -> None:
        self.nodes = PricedNodes(cluster, book=book, region=region)
        self.volumes = MountedVolumes(cluster)
        self.workloads = JoinedWorkloads(cluster, volumes=self.volumes)
        self.routes = ClassedRoutes(cluster)
        self.namespaces = _Namespaces(cluster)
        self.services = _Services(cluster)
        self.policies = _Policies()
        self._keys: dict[Kind, set[str]] = {}
        self._parts: dict[Kind, Part] = {
            kinds.NAMESPACE: self.namespaces,
            kinds.NODE: self.nodes,
            kinds.SERVICE: self.services,
            kinds.PERSISTENT_VOLUME_CLAIM: self.volumes,
            kinds.POD: self.workloads,
            kinds.GATEWAY: self.routes,
            kinds.RESOURCE_POLICY: self.policies,
            kinds.CLUSTER_RESOURCE_POLICY: self.policies,
            **dict.fromkeys((*WORKLOADS, *AUTOSCALERS), self.workloads),
            **dict.fromkeys((*ROUTES, *CLASSES), self.routes),
        }

    def keys(self, kind: Kind) -> set[str]:
        """What is known of `kind` now; a relist drops those that it did not bring."""
        return self._keys.setdefault(kind, set())

    def put(self, kind: Kind, obj: JsonObject) -> None:
        """Takes in one object as it is now. What it changes shows after `settle`.

        InvalidInput when it cannot be read, as where a CRD allows anything; it is then forgotten, so that nothing is
        decided on what it used to be.
        """
        key = key_of(kind, obj)
        self.keys(kind).add(key)
        try:
            self._parts[kind].put(kind, key, obj)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
            self.drop(kind, key)
            raise InvalidInput(f"{key} cannot be read: {type(e).__name__}: {e}", field=key) from e

    def drop(self, kind: Kind, key: str) -> None:
        """Forgets one object; nothing happens when it is not known."""
        if key in self.keys(kind):
            self.keys(kind).discard(key)
            self._parts[kind].drop(kind, key)

    def settle(self) -> None:
        """Joins what was touched since the last time."""
        costs_changed = self.nodes.settle()
        self.workloads.settle(self.nodes.rates, reprice=costs_changed)
        self.volumes.settle()
        self.routes.settle()

    def take_stirred(self) -> bool:
        """Whether something came since the last call that decisions should not wait for."""
        parts = (self.workloads, self.namespaces, self.policies)
        stirred = any(part.stirred for part in parts)
        for part in parts:
            part.stirred = False
        return stirred
