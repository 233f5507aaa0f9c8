"""Label sets, in frames whose derived frames (grouped, dropped, joined) are computed once and kept with them.

A frame does not change when values do: a series without a value keeps its place and is marked absent. So repeated
queries over the same series cost only their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from apps.sandbox.sim.draw import Ints

T = TypeVar("T")
LabelSet = dict[str, str]

NAME = "__name__"
_DERIVED_LIMIT = 256  # a bound on memory for callers that pair one frame with ever new ones


class LabelFrame:
    """An ordered list of label sets; an empty value is the same as no label and is left out."""

    __slots__ = ("_derived", "sets")

    def __init__(self, sets: Sequence[LabelSet]) -> None:
        self.sets = sets
        self._derived: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.sets)

    def derived(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for each key."""
        if key not in self._derived:
            if len(self._derived) > _DERIVED_LIMIT:
                self._derived.clear()
            self._derived[key] = make()
        return self._derived[key]  # type: ignore[return-value]  # keyed by the caller, who knows the type

    def nameless(self) -> LabelFrame:
        """Without the metric name."""
        return self.derived("nameless", lambda: LabelFrame([without(one, (NAME,)) for one in self.sets]))

    def keys(self) -> list[tuple[tuple[str, str], ...]]:
        """A hashable identity for each set."""
        return self.derived("keys", lambda: [identity(one) for one in self.sets])

    def has_twins(self) -> bool:
        """Whether two sets are equal."""
        return self.derived("twins", lambda: len(set(self.keys())) < len(self))

    def grouped(self, names: tuple[str, ...], *, keep: bool) -> tuple[LabelFrame, Ints]:
        """(groups, the group of each set): by `names` when `keep`, else by all others but the name."""
        return self.derived(("grouped", names, keep), lambda: self._group(names, keep=keep))

    def _group(self, names: tuple[str, ...], *, keep: bool) -> tuple[LabelFrame, Ints]:
        numbers: dict[tuple[tuple[str, str], ...], int] = {}
        groups: list[LabelSet] = []
        place = np.empty(len(self), dtype=np.int64)
        for i, one in enumerate(self.sets):
            group = only(one, names) if keep else without(one, (NAME, *names))
            key = identity(group)
            number = numbers.setdefault(key, len(groups))
            if number == len(groups):
                groups.append(group)
            place[i] = number
        return LabelFrame(groups), place


def identity(labels: LabelSet) -> tuple[tuple[str, str], ...]:
    """A hashable form of a label set."""
    return tuple(sorted(labels.items()))


def only(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    """The labels with these names."""
    return {name: labels[name] for name in names if name in labels}


def without(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    """The labels but these names."""
    left = dict(labels)
    for name in names:
        left.pop(name, None)
    return left
