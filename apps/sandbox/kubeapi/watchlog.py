"""The bounded history of changes that watches read from.

Each resource has its own window, so that a flood of pods does not push other kinds out. A reader that asks for a
version older than the window gets `Expired` (410) and lists again, as on a real server.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from apps.sandbox.kubeapi.errors import Expired, Obj

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One change: `type` is ADDED, MODIFIED or DELETED, `old` the object before it (None when added)."""

    version: int
    type: str
    obj: Obj
    old: Obj | None


@dataclass(slots=True)
class _Window:
    versions: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    floor: int = 0
    wakers: dict[int, Callable[[], None]] = field(default_factory=dict)


class WatchLog:
    """Events by resource key. Holds between `limit` and 2 x `limit` events of each resource."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._windows: dict[Key, _Window] = {}
        self._next_waker = 0

    def _window(self, key: Key) -> _Window:
        return self._windows.setdefault(key, _Window())

    def append(self, key: Key, *, event: Event) -> None:
        """Keep the event and wake the readers of its resource."""
        window = self._window(key)
        window.versions.append(event.version)
        window.events.append(event)
        if len(window.events) > 2 * self._limit:
            self._drop(window, len(window.events) - self._limit)
        for waker in list(window.wakers.values()):
            waker()

    @staticmethod
    def _drop(window: _Window, count: int) -> None:
        if count > 0:
            window.floor = window.versions[count - 1]
            del window.versions[:count], window.events[:count]

    def compact(self, *, version: int) -> None:
        """Forget every event up to this version, as etcd's compaction does."""
        for window in self._windows.values():
            self._drop(window, bisect_right(window.versions, version))
            window.floor = max(window.floor, version)

    def since(self, key: Key, *, version: int, limit: int = 1000) -> list[Event]:
        """At most `limit` events after `version`. Raises Expired when some of them are forgotten."""
        window = self._window(key)
        if version < window.floor:
            raise Expired(f"too old resource version: {version} ({window.floor})")
        start = bisect_right(window.versions, version)
        return window.events[start : start + limit]

    def attach(self, key: Key, *, waker: Callable[[], None]) -> Callable[[], None]:
        """Call `waker` after each event of the resource; returns the function that detaches it."""
        window = self._window(key)
        self._next_waker += 1
        number = self._next_waker
        window.wakers[number] = waker

        def detach() -> None:
            window.wakers.pop(number, None)

        return detach
