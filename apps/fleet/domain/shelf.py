"""A dictionary that knows what changed in it, and hands out copies only when something did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Values by key. Not thread-safe: its owner holds a lock. Only a `drained` shelf keeps the keys that changed; on
    one that nobody drains they would pile up."""

    def __init__(self, *, drained: bool = False) -> None:
        self._drained = drained
        self._values: dict[str, T] = {}
        self._view: Mapping[str, T] | None = None
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> T | None:
        return self._values.get(key)

    def values(self) -> Iterator[T]:
        return iter(self._values.values())

    def put(self, key: str, value: T) -> bool:
        """Keeps the value; False when it equals the one that was there."""
        if self._values.get(key) == value:
            return False
        self._values[key] = value
        self._touch(key)
        return True

    def pop(self, key: str) -> T | None:
        """Takes the value away and returns it; None when there was none."""
        found = self._values.pop(key, None)
        if found is not None:
            self._touch(key)
        return found

    def view(self) -> Mapping[str, T]:
        """The values as they are now; the same mapping as last time when nothing has changed."""
        if self._view is None:
            self._view = dict(self._values)
        return self._view

    def drain(self) -> set[str]:
        """The keys that were put or taken away since the last drain."""
        changed, self._changed = self._changed, set()
        return changed

    def _touch(self, key: str) -> None:
        self._view = None
        if self._drained:
            self._changed.add(key)
