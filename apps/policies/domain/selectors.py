"""Kubernetes label selectors, compiled once and asked many times.

Source of the semantics: k8s.io/apimachinery/pkg/apis/meta/v1 LabelSelectorAsSelector. NotIn and DoesNotExist hold for
an object that lacks the label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apps.kernel.vocab import Labels


@dataclass(frozen=True, slots=True)
class Requirement:
    """`operator` is In, NotIn, Exists or DoesNotExist; `values` is empty for the last two."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Labels) -> bool:
        value = labels.get(self.key)
        if self.operator == "In":
            return value is not None and value in self.values
        if self.operator == "NotIn":
            return value is None or value not in self.values
        return (value is not None) is (self.operator == "Exists")


@dataclass(frozen=True, slots=True)
class Selector:
    """Every pair and every requirement must hold; an empty one selects everything."""

    pairs: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(labels.get(key) == value for key, value in self.pairs) and all(
            requirement.holds(labels) for requirement in self.requirements
        )

    @property
    def is_empty(self) -> bool:
        return not self.pairs and not self.requirements


EVERYTHING = Selector()


def selector_of(labels: Mapping[str, str]) -> Selector:
    """The selector that wants exactly these labels."""
    return Selector(tuple(labels.items()))
