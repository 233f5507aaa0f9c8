"""Watches: the stream of changes after a version, with bookmarks, and watch-list.

Steps of a stream: (1) the objects as they are, if the client asked for them (no version, version 0, or
sendInitialEvents) and then, for sendInitialEvents, the bookmark that ends them; (2) every change after the version, as
the selectors see it; (3) bookmarks when nothing happens; (4) the end, at the client's timeout or when the server
closes. A version older than the window gives one ERROR event with 410, as the watch cache of a real server does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from apps.sandbox.kubeapi import codec
from apps.sandbox.kubeapi.errors import ApiError, Expired, Obj, PlainError, invalid
from apps.sandbox.kubeapi.fielderrors import forbidden
from apps.sandbox.kubeapi.request import Request
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.selectors import parse_fields, parse_labels
from apps.sandbox.kubeapi.store import Store, as_version
from apps.sandbox.kubeapi.watchlog import Event

INITIAL_END = "k8s.io/initial-events-end"
BOOKMARK_SECONDS = 60.0
_SHORTEST_DEFAULT = 1800  # seconds; a real server picks between this and twice this

Renderer = Callable[[Obj], Obj]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchQuery:
    """What a client watches, and from where."""

    resource: Resource
    namespace: str | None
    name: str
    labels: str
    fields: str
    version: str
    initial: bool
    end_bookmark: bool
    bookmarks: bool
    timeout_seconds: float


def parse_watch(request: Request, *, resource: Resource, namespace: str | None, name: str = "") -> WatchQuery:
    """The watch that a request asks for. Raises Invalid or BadRequest for what a real server refuses."""
    version = request.query.get("resourceVersion", "")
    send_initial = request.flag("sendInitialEvents")
    match = request.query.get("resourceVersionMatch", "")
    if "sendInitialEvents" in request.query and match != "NotOlderThan":
        said = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise _bad_options([forbidden("resourceVersionMatch", detail=said)])
    if match and "sendInitialEvents" not in request.query:
        said = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        raise _bad_options([forbidden("resourceVersionMatch", detail=said)])
    if version and not version.isdigit():
        said = f'strconv.ParseUint: parsing "{version}": invalid syntax'
        raise PlainError(f'resourceVersion: Invalid value: "{version}": {said}')
    timeout = request.number("timeoutSeconds")
    return WatchQuery(
        resource=resource,
        namespace=namespace,
        name=name,
        labels=request.query.get("labelSelector", ""),
        fields=request.query.get("fieldSelector", ""),
        version=version,
        initial=send_initial or (version in ("", "0") and "sendInitialEvents" not in request.query),
        end_bookmark=send_initial and request.flag("allowWatchBookmarks"),
        bookmarks=request.flag("allowWatchBookmarks"),
        timeout_seconds=float(timeout) if timeout else _SHORTEST_DEFAULT * (1 + random.random()),  # noqa: S311
    )


def _bad_options(causes: list[object]) -> ApiError:
    return invalid("meta.k8s.io", kind="ListOptions", name="", causes=causes)  # type: ignore[arg-type]


class Watcher:
    """One open watch. `render` turns an object into what the client accepts; `close` ends the stream."""

    def __init__(self, store: Store, *, query: WatchQuery, render: Renderer) -> None:
        self._store = store
        self._query = query
        self._render = render
        self._labels = parse_labels(query.labels)
        self._fields = parse_fields(query.fields, supported=store.rules.selectable_fields(query.resource))
        self._wake = asyncio.Event()
        self._closed = False
        self._position = 0
        self._rung = False

    def _bell(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """Wakes the stream from any thread, once until it has looked, however many changes there are."""

        def ring() -> None:
            if not self._rung:
                self._rung = True
                loop.call_soon_threadsafe(self._wake.set)

        return ring

    def close(self) -> None:
        """End the stream at its next step; as a dropped connection looks to the client."""
        self._closed = True
        self._wake.set()

    def _sees(self, obj: Obj | None) -> bool:
        if obj is None:
            return False
        metadata = obj["metadata"]
        query = self._query
        if query.namespace is not None and metadata.get("namespace") != query.namespace:
            return False
        if query.name and metadata["name"] != query.name:
            return False
        if self._labels is not None and not self._labels(metadata.get("labels") or {}):
            return False
        return self._fields is None or self._fields(obj)

    async def lines(self) -> AsyncIterator[bytes]:
        """The events, one JSON line each."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._query.timeout_seconds
        detach = self._store.log.attach(self._query.resource.key, waker=self._bell(loop))
        try:
            for line in self._first_lines():
                yield line
            quiet_since = loop.time()
            while not self._closed and loop.time() < deadline:
                self._wake.clear()
                self._rung = False
                sent = False
                for line in self._new_lines():
                    sent = True
                    yield line
                if sent:
                    quiet_since = loop.time()
                    continue
                if self._query.bookmarks and loop.time() - quiet_since >= BOOKMARK_SECONDS:
                    yield self._bookmark()
                    quiet_since = loop.time()
                await self._sleep(min(deadline - loop.time(), BOOKMARK_SECONDS))
            if self._query.bookmarks and not self._closed:
                yield self._bookmark()
        except Expired as error:
            yield _event("ERROR", error.status())
        finally:
            detach()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=max(seconds, 0.0))
        except TimeoutError:
            return

    def _first_lines(self) -> list[bytes]:
        query = self._query
        with self._store.lock:
            if not query.initial:
                self._position = int(query.version or 0)
                if not query.version or query.version == "0":
                    self._position = self._store.version
                return []
            self._position = self._store.version
            page = self._store.list(query.resource, namespace=query.namespace)
            found = [obj for obj in page.items if self._sees(obj)]
        lines = [self._line("ADDED", obj) for obj in found]
        if query.end_bookmark:
            lines.append(self._bookmark(end=True))
        return lines

    def _new_lines(self) -> list[bytes]:
        events = self._store.log.since(self._query.resource.key, version=self._position)
        lines = []
        for event in events:
            self._position = event.version
            line = self._of_event(event)
            if line is not None:
                lines.append(line)
        return lines

    def _of_event(self, event: Event) -> bytes | None:
        """The event as the selectors see it: an object that no longer matches is DELETED for this client."""
        before = event.type != "ADDED" and self._sees(event.old)
        now = event.type != "DELETED" and self._sees(event.obj)
        if now:
            return self._line("MODIFIED" if before else "ADDED", event.obj)
        if not before:
            return None
        last = event.obj
        if event.type == "MODIFIED" and event.old is not None:
            metadata = {**event.old["metadata"], "resourceVersion": str(event.version)}
            last = {**event.old, "metadata": metadata}
        return self._line("DELETED", last)

    def _line(self, kind: str, obj: Obj) -> bytes:
        return _event(kind, self._render(as_version(obj, resource=self._query.resource)))

    def _bookmark(self, *, end: bool = False) -> bytes:
        resource = self._query.resource
        with self._store.lock:  # nothing of this resource is pending: the version of the whole store is reached
            if not self._store.log.since(resource.key, version=self._position, limit=1):
                self._position = self._store.version
        metadata: Obj = {"resourceVersion": str(self._position), "creationTimestamp": None}
        if end:
            metadata["annotations"] = {INITIAL_END: "true"}
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return _event("BOOKMARK", self._render(obj))


def _event(kind: str, obj: Obj) -> bytes:
    return codec.encode({"type": kind, "object": obj})
