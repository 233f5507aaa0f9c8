"""The metrics of one cluster: its families, and which series a selector finds."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from apps.sandbox.metrics.families import Family
from apps.sandbox.metrics.labels import NAME, LabelFrame, LabelSet
from apps.sandbox.metrics.targets import Targets
from apps.sandbox.sim.draw import Ints


@dataclass(frozen=True, slots=True)
class Match:
    """One matcher of a selector; `op` is = != =~ or !~. A label that is not there counts as empty."""

    name: str
    op: str
    value: str

    def holds(self, labels: LabelSet) -> bool:
        """Whether the label set passes."""
        found = labels.get(self.name, "")
        if self.op == "=":
            return found == self.value
        if self.op == "!=":
            return found != self.value
        matched = _anchored(self.value).fullmatch(found) is not None
        return matched if self.op == "=~" else not matched


@dataclass(frozen=True, slots=True)
class Part:
    """The chosen rows of one family, and the target of each."""

    family: Family
    rows: Ints
    targets: Ints


@dataclass(frozen=True, slots=True)
class Selection:
    """What a selector finds: the labels of all parts, in order, with the metric name. `memo` is for `edges`."""

    labels: LabelFrame
    parts: tuple[Part, ...]
    memo: dict[Hashable, object] = field(default_factory=dict, compare=False)

    def version(self) -> tuple[object, ...]:
        """Changes whenever a value of these series may: a lever was pulled, a workload slept, a share was added."""
        return tuple(part.family.version() for part in self.parts)


class Registry:
    """Families by name. Selections are kept until a family they drew from gets new series."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self.families: dict[str, Family] = {}
        self._kept: dict[tuple[Match, ...], tuple[tuple[int, ...], Selection]] = {}

    def register(self, *families: Family) -> None:
        """Add families; a name can be taken once."""
        for family in families:
            if family.name in self.families:
                raise ValueError(f"{family.name} is registered already")
            self.families[family.name] = family

    def select(self, matches: Sequence[Match]) -> Selection:
        """The series that pass every matcher."""
        key = tuple(matches)
        families = self._candidates(matches)
        marks = (len(self.families), *(family.generation for family in families))
        kept = self._kept.get(key)
        if kept is None or kept[0] != marks:
            if len(self._kept) > 500:
                self._kept.clear()
            kept = self._kept[key] = (marks, _choose(families, matches=matches))
        return kept[1]

    def _candidates(self, matches: Sequence[Match]) -> list[Family]:
        names = [match for match in matches if match.name == NAME]
        for match in names:
            if match.op == "=":
                family = self.families.get(match.value)
                return [family] if family is not None else []
        return [f for f in self.families.values() if all(match.holds({NAME: f.name}) for match in names)]


def _choose(families: Iterable[Family], *, matches: Sequence[Match]) -> Selection:
    sets: list[LabelSet] = []
    parts: list[Part] = []
    for family in families:
        labels = family.label_sets()
        rows = [i for i, one in enumerate(labels) if all(match.holds(one) for match in matches)]
        if rows:
            chosen = np.asarray(rows, dtype=np.int64)
            parts.append(Part(family, chosen, family.target_rows()[chosen]))
            sets += [labels[i] for i in rows]
    return Selection(LabelFrame(sets), tuple(parts))


@lru_cache(maxsize=2_000)
def _anchored(pattern: str) -> re.Pattern[str]:
    """The pattern as Go's RE2 reads it, as far as Python's syntax agrees; `re.error` when it does not."""
    return re.compile(pattern, re.DOTALL)
