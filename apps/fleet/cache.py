"""One cluster in memory, fed by watches and read by whoever decides. See ClusterCache.

A kind is `synced` once it was read whole, or once the cluster has said that it does not serve it. Between a kind's
first page and its last nothing is taken away, so a list that breaks half-way leaves the cache as it was, plus what it
brought; it is not synced by that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from apps.fleet.domain.pricing import PriceBook
from apps.fleet.domain.sources import SOURCES, Source
from apps.fleet.domain.world import World, key_of
from apps.kernel.errors import InvalidInput, PlimsollError, Unavailable
from apps.kernel.ids import uuid7
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject, Listing, WatchEvent
from apps.kernel.vocab import Cluster, Reading, Snapshot, SourceAge

log = structlog.get_logger(__name__)

METRICS = "metrics"


@dataclass(slots=True)
class SourceState:
    """What is known of one source. `alive_at` is when it last proved itself; None when it never did."""

    synced: bool = False
    absent: bool = False
    alive_at: datetime | None = None
    version: str = ""
    error: PlimsollError | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys of the objects that changed since they were last drained."""

    namespaces: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    workloads: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)


class ClusterCache:
    """What the watches of one cluster have told, parsed once a change; any number of threads may feed and read it.

    `changed` is set whenever something was taken in; `stirred` when it was something that decisions should not wait
    for. Whoever waits for them clears them.
    """

    def __init__(
        self, cluster: Cluster, *, book: PriceBook | None = None, sources: tuple[Source, ...] = SOURCES
    ) -> None:
        self.cluster = cluster
        self.sources = sources
        self.changed = threading.Event()
        self.stirred = threading.Event()
        self._book = book or PriceBook()
        self._world = World(cluster.name, book=self._book, region=cluster.region)
        self._states = {source.kind: SourceState() for source in sources}
        self._metrics: SourceState | None = None
        self._lock = threading.Lock()

    # Feeding.

    def load(self, kind: Kind, pages: Iterable[Listing], *, now: datetime) -> str:
        """Takes in a whole list, page by page, and forgets what it did not bring; returns the version to watch from.

        What `pages` raises comes through, and nothing is forgotten then.
        """
        seen: set[str] = set()
        version = ""
        for page in pages:
            version = page.resource_version
            with self._lock:
                for obj in page.items:
                    self._put(kind, obj)
                    seen.add(key_of(kind, obj))
        if not version:
            raise Unavailable(f"the list of {kind.qualified} ended before it began")
        with self._lock:
            for key in self._world.keys(kind) - seen:
                self._world.drop(kind, key)
            self._states[kind] = SourceState(synced=True, alive_at=now, version=version)
            self._tell()
        return version

    def apply(self, kind: Kind, event: WatchEvent, *, now: datetime) -> str:
        """Takes in one event; returns the resourceVersion it brings the kind to."""
        version = str(event.object.get("metadata", {}).get("resourceVersion", ""))
        with self._lock:
            if event.type in ("ADDED", "MODIFIED"):
                self._put(kind, event.object)
            elif event.type == "DELETED":
                self._world.drop(kind, key_of(kind, event.object))
            state = self._states[kind]
            state.alive_at, state.version, state.error = now, version or state.version, None
            if event.type != "BOOKMARK":
                self._tell()
        return version

    def alive(self, kind: Kind, *, now: datetime) -> None:
        """The source proved itself without a change: its watch is open."""
        with self._lock:
            state = self._states[kind]
            if state.error is not None:
                self.changed.set()
            state.alive_at, state.error = now, None

    def absent(self, kind: Kind, *, now: datetime) -> None:
        """The cluster does not serve the kind: whatever was known of it is gone."""
        with self._lock:
            was = self._states[kind]
            for key in list(self._world.keys(kind)):
                self._world.drop(kind, key)
            self._states[kind] = SourceState(synced=True, absent=True, alive_at=now)
            if not was.absent:
                self._tell()

    def failed(self, kind: Kind, error: PlimsollError) -> None:
        """A list or a watch of the kind failed. What was read before stays, and grows old."""
        with self._lock:
            self._states[kind].error = error
            self.changed.set()

    def metrics_read(self, error: PlimsollError | None, *, now: datetime) -> None:
        """The metrics source was asked; `error` is None when it answered."""
        with self._lock:
            was = self._metrics or SourceState()
            alive_at = now if error is None else was.alive_at
            self._metrics = SourceState(synced=True, alive_at=alive_at, error=error)

    def reprice(self, book: PriceBook) -> None:
        with self._lock:
            self._book = book
            self._world.nodes.reprice(book)

    def _put(self, kind: Kind, obj: JsonObject) -> None:
        """One object that cannot be read is left out, and never keeps the others from being taken in."""
        try:
            self._world.put(kind, obj)
        except InvalidInput as e:
            log.warning("Object left out", cluster=self.cluster.name, error=str(e))

    def _tell(self) -> None:
        self.changed.set()
        if self._world.take_stirred():
            self.stirred.set()

    # Reading.

    def snapshot(self, *, readings: Mapping[str, Reading], now: datetime) -> Snapshot:
        """The cluster as it is known at `now`. Cheap: what did not change since the last one is shared with it."""
        with self._lock:
            world = self._world
            world.settle()
            return Snapshot(
                id=uuid7(unix_ms=int(now.timestamp() * 1000)),
                cluster=self.cluster,
                taken_at=now,
                ages=self._ages(now),
                versions={kind.qualified: state.version for kind, state in self._states.items() if state.version},
                namespaces=world.namespaces.shelf.view(),
                nodes=world.nodes.shelf.view(),
                workloads=world.workloads.shelf.view(),
                pods=world.workloads.pods.view(),
                volumes=world.volumes.shelf.view(),
                services=world.services.shelf.view(),
                routes=world.routes.shelf.view(),
                policies=world.policies.shelf.view(),
                prices=world.workloads.prices.view(),
                currency=self._book.currency,
                controllers=world.routes.controllers,
                readings=readings,
            )

    def drain(self) -> Changes:
        """What changed since the last drain, for whoever keeps rows of it."""
        with self._lock:
            world = self._world
            world.settle()
            workloads = world.workloads
            return Changes(
                namespaces=world.namespaces.shelf.drain(),
                nodes=world.nodes.shelf.drain(),
                workloads=workloads.shelf.drain() | workloads.prices.drain(),
                volumes=world.volumes.shelf.drain(),
            )

    def states(self) -> dict[str, SourceState]:
        """A copy of each source's state by its name; `metrics` among them once it was asked."""
        with self._lock:
            found = {kind.qualified: _copy(state) for kind, state in self._states.items()}
            if self._metrics is not None:
                found[METRICS] = _copy(self._metrics)
            return found

    def ages(self, now: datetime) -> tuple[SourceAge, ...]:
        with self._lock:
            return self._ages(now)

    def _ages(self, now: datetime) -> tuple[SourceAge, ...]:
        known = [(kind.qualified, state) for kind, state in self._states.items()]
        if self._metrics is not None:
            known.append((METRICS, self._metrics))
        return tuple(
            SourceAge(
                source=name,
                synced=state.synced,
                age=now - state.alive_at if state.alive_at else NEVER,
                error=str(state.error) if state.error else "",
            )
            for name, state in known
        )


NEVER = timedelta(days=36_500)
"""The age of a source that never proved itself alive."""


def _copy(state: SourceState) -> SourceState:
    return SourceState(state.synced, state.absent, state.alive_at, state.version, state.error)
