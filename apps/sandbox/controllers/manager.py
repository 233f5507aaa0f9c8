"""The queue of dirty keys that drives all controllers, and what they share.

1. A change in the store marks the keys that its controllers name (never the change itself: a key is looked at afresh).
2. `drain` takes keys in order until none is left. What a controller writes marks further keys.
3. A key that fails by a conflict is taken again at once, a few times; otherwise later, with growing delay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from apps.sandbox.kubeapi.errors import ApiError, Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store, WriteOptions
from apps.sandbox.sim.clock import EventQueue

log = logging.getLogger(__name__)

MANAGER = "kube-controller-manager"
WRITE = WriteOptions()  # what controllers make is theirs anyway; only writes to what others made are tracked
SCALE = WriteOptions(manager=MANAGER, subresource="scale")
STATUS = WriteOptions(subresource="status")
_SPIN_LIMIT = 300  # syncs of one key within one millisecond, after which it waits a second: two writers disagree
_RETRY_MS = (0, 0, 0, 1_000, 5_000, 30_000, 120_000)

Key = tuple[str, str]  # namespace ("" for cluster scope), name


@dataclass
class World:
    """Where controllers act: the store, the time, and what happens later. `seed` makes their choices repeatable;
    `requeue(controller, key, ms)` has a controller look at a key again in `ms`."""

    store: Store
    now_ms: Callable[[], int]
    queue: EventQueue
    seed: int = 0
    requeue: Callable[[Controller, Key, int], None] = lambda controller, key, ms: None

    def put_status(self, resource: Resource, obj: Obj, *, status: Obj) -> None:
        """Store a status that differs from the object's own; the cheap way for the usual case that it does not."""
        if obj.get("status") == status:
            return

        def change(copy: Obj) -> None:
            copy["status"] = status

        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        self.store.modify(resource, namespace=namespace, name=name, change=change, options=STATUS)

    def after(self, ms: int, action: Callable[[], None]) -> None:
        """Do `action` in `ms` from now."""
        self.queue.at(self.now_ms() + ms, action)


class Controller(Protocol):
    """One controller. `keys` names what a change makes dirty; `sync` makes the world right for one key."""

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]: ...

    def sync(self, key: Key) -> None: ...


@dataclass
class Manager:
    """Runs controllers over one world. Not thread-safe: `drain` runs where the clock does."""

    world: World
    _watchers: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _controllers: list[Controller] = field(default_factory=list)
    _dirty: dict[tuple[int, Key], None] = field(default_factory=dict)
    _failures: dict[tuple[int, Key], int] = field(default_factory=dict)
    _spins: dict[tuple[int, Key], int] = field(default_factory=dict)
    _spin_ms: int = 0
    on_dirty: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.world.store.subscribe(self._changed)
        self.world.requeue = lambda controller, key, ms: self.mark_later(controller, key, ms=ms)

    def add(self, controller: Controller, *, watches: Iterable[Resource]) -> None:
        """Run `controller` on changes of these kinds, and look at what is there already."""
        number = len(self._controllers)
        self._controllers.append(controller)
        for resource in watches:
            self._watchers.setdefault(resource.key, []).append(number)
            for obj in self.world.store.items(resource):
                self._mark(number, controller.keys(resource, obj, None))

    def mark(self, controller: Controller, key: Key) -> None:
        """Have `controller` look at `key`."""
        self._mark(self._controllers.index(controller), (key,))

    def touch(self, resource: Resource, obj: Obj) -> None:
        """Have every controller that watches `resource` look at this object again."""
        for number in self._watchers.get(resource.key, ()):
            self._mark(number, self._controllers[number].keys(resource, obj, None))

    def touch_all(self) -> None:
        """Have every controller look at everything it watches: after a restore, which tells nobody."""
        for key in self._watchers:
            resource = self.world.store.registry.of_key(key)
            if resource is not None:
                for obj in self.world.store.items(resource):
                    self.touch(resource, obj)

    def mark_later(self, controller: Controller, key: Key, *, ms: int) -> None:
        """The same, in `ms` from now."""
        self.world.after(ms, lambda: self.mark(controller, key))

    def drain(self, *, limit: int | None = None) -> bool:
        """Sync dirty keys until none is left, or `limit` of them; returns whether any is left."""
        while self._dirty and (limit is None or limit > 0):
            item = next(iter(self._dirty))
            del self._dirty[item]
            self._sync(item)
            limit = None if limit is None else limit - 1
        return bool(self._dirty)

    def _changed(self, kind: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        for number in self._watchers.get(resource.key, ()):
            self._mark(number, self._controllers[number].keys(resource, obj, old))

    def _mark(self, number: int, keys: Iterable[Key]) -> None:
        was_clean = not self._dirty
        for key in keys:
            self._dirty[(number, key)] = None
        if was_clean and self._dirty:
            self.on_dirty()

    def _sync(self, item: tuple[int, Key]) -> None:
        number, key = item
        if self._spinning(item):
            self.world.after(1_000, lambda: self._mark(number, (key,)))
            return
        try:
            self._controllers[number].sync(key)
        except ApiError as e:
            tries = self._failures[item] = self._failures.get(item, -1) + 1
            delay = _RETRY_MS[min(tries, len(_RETRY_MS) - 1)]
            log.debug("sync failed", extra={"controller": type(self._controllers[number]).__name__, "key": key,
                                            "error": str(e), "retry_ms": delay})  # fmt: skip
            if delay:
                self.world.after(delay, lambda: self._mark(number, (key,)))
            else:
                self._mark(number, (key,))
        else:
            self._failures.pop(item, None)

    def _spinning(self, item: tuple[int, Key]) -> bool:
        now = self.world.now_ms()
        if now != self._spin_ms:
            self._spin_ms = now
            self._spins.clear()
        count = self._spins[item] = self._spins.get(item, 0) + 1
        if count == _SPIN_LIMIT:
            log.warning("two writers disagree", extra={"key": item[1]})
        return count >= _SPIN_LIMIT
