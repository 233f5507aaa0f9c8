"""What an expression evaluates to, and why it may not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.sandbox.metrics.labels import LabelFrame
from apps.sandbox.metrics.targets import Flags
from apps.sandbox.sim.draw import Floats, Ints


class QueryError(Exception):
    """A query that cannot be answered. `kind` is Prometheus's errorType: bad_data (parsing) or execution."""

    def __init__(self, message: str, *, kind: str = "execution") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Vector:
    """One value for each series and moment, where `present`. `order` ranks the rows of a sorted instant vector."""

    labels: LabelFrame
    values: Floats
    present: Flags
    order: Ints | None = None

    def nameless(self) -> Vector:
        """Without metric names. Raises QueryError when two series would become one."""
        frame = self.labels.nameless()
        check_twins(frame, present=self.present)
        return Vector(frame, self.values, self.present, self.order)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number for each moment."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


Value = Vector | Scalar | Text


@dataclass(frozen=True, slots=True)
class Moments:
    """When an expression is evaluated: `at` in ms, ascending; `start` and `end` are those of the whole query."""

    at: Ints
    start: int
    end: int

    @staticmethod
    def one(at_ms: int) -> Moments:
        """An instant query."""
        return Moments(np.asarray([at_ms], dtype=np.int64), at_ms, at_ms)

    @staticmethod
    def span(start_ms: int, *, end_ms: int, step_ms: int) -> Moments:
        """A range query; `end_ms` is included when a step falls on it."""
        return Moments(np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64), start_ms, end_ms)


def empty(moments: int) -> Vector:
    """A vector of nothing."""
    return Vector(LabelFrame([]), np.zeros((0, moments)), np.zeros((0, moments), dtype=bool))


def check_twins(frame: LabelFrame, *, present: Flags) -> None:
    """Raise QueryError when two series with equal labels have a value at one moment."""
    if not frame.has_twins():
        return
    _, place = frame.derived("by_identity", lambda: _identities(frame))
    counts = np.zeros((int(place.max(initial=-1)) + 1, present.shape[1]), dtype=np.int64)
    np.add.at(counts, place, present)
    if (counts > 1).any():
        raise QueryError("vector cannot contain metrics with the same labelset")


def _identities(frame: LabelFrame) -> tuple[int, Ints]:
    numbers: dict[object, int] = {}
    place = [numbers.setdefault(key, len(numbers)) for key in frame.keys()]
    return len(numbers), np.asarray(place, dtype=np.int64)
