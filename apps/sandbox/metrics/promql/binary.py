"""Operators between values, and how the series of two vectors find each other.

For two vectors every pair of series whose matching labels agree is laid out once for the label frames and kept; a
moment's result is then an elementwise operation over the pairs that are both present.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from apps.sandbox.metrics.labels import NAME, LabelFrame, LabelSet, identity, only, without
from apps.sandbox.metrics.promql.values import QueryError, Scalar, Vector, check_twins
from apps.sandbox.metrics.targets import Flags
from apps.sandbox.sim.draw import Floats, Ints

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power, "atan2": np.arctan2,
}  # fmt: skip
COMPARISON: dict[str, Callable[[Floats, Floats], Flags]] = {
    "==": np.equal, "!=": np.not_equal, ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal,
}  # fmt: skip
_KEEPS_NAME = frozenset({"atan2"})  # shouldDropMetricName of Prometheus 2.42 forgets it


@dataclass(frozen=True, slots=True)
class Matching:
    """`on (names)` when `on`, else `ignoring (names)`; `card` is one-to-one, many-to-one, one-to-many or many-to-many;
    `include` are the labels that group_left or group_right copies."""

    on: bool = False
    names: tuple[str, ...] = ()
    card: str = "one-to-one"
    include: tuple[str, ...] = ()

    def signature(self, labels: LabelSet) -> tuple[tuple[str, str], ...]:
        """What two series must share to match."""
        return identity(only(labels, self.names) if self.on else without(labels, (NAME, *self.names)))


@dataclass(frozen=True, slots=True)
class _Pairs:
    many: Ints
    one: Ints
    groups: int
    many_group: Ints
    one_group: Ints
    labels: LabelFrame


def scalars(operator: str, *, left: Scalar, right: Scalar) -> Scalar:
    """Between two scalars; a comparison gives 0 or 1."""
    if operator in ARITHMETIC:
        return Scalar(ARITHMETIC[operator](left.values, right.values))
    return Scalar(COMPARISON[operator](left.values, right.values).astype(np.float64))


def with_scalar(operator: str, *, vector: Vector, scalar: Scalar, scalar_left: bool, as_bool: bool) -> Vector:
    """Between a vector and a scalar; a comparison filters, and keeps the vector's values and names."""
    other = np.broadcast_to(scalar.values, vector.values.shape)
    left, right = (other, vector.values) if scalar_left else (vector.values, other)
    if operator in ARITHMETIC:
        made = Vector(vector.labels, ARITHMETIC[operator](left, right), vector.present)
        return made if operator in _KEEPS_NAME else made.nameless()
    holds = COMPARISON[operator](left, right)
    if as_bool:
        return Vector(vector.labels, holds.astype(np.float64), vector.present).nameless()
    return Vector(vector.labels, vector.values, vector.present & holds)


def vectors(operator: str, *, left: Vector, right: Vector, matching: Matching, as_bool: bool) -> Vector:
    """Between two vectors. Raises QueryError where Prometheus would: two series for one partner."""
    swapped = matching.card == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    drops_name = (operator in ARITHMETIC and operator not in _KEEPS_NAME) or as_bool
    key = ("pairs", id(one.labels), matching, drops_name)
    # The other frame is kept in the derived value, so that its id stays its own.
    pairs, _ = many.labels.derived(
        key, lambda: (_pair(many.labels, one=one.labels, matching=matching, drops_name=drops_name), one.labels)
    )
    _check_one_side(pairs, many=many, one=one, matching=matching)
    many_values, one_values = many.values[pairs.many], one.values[pairs.one]
    present = many.present[pairs.many] & one.present[pairs.one]
    left_values, right_values = (one_values, many_values) if swapped else (many_values, one_values)
    if operator in ARITHMETIC:
        made = ARITHMETIC[operator](left_values, right_values)
    else:
        holds = COMPARISON[operator](left_values, right_values)
        made = holds.astype(np.float64) if as_bool else left_values
        present = present if as_bool else present & holds
    if matching.card == "one-to-one":
        _check_many_side(pairs, present=present)
    else:
        _check_grouping(pairs.labels, present=present)
    return Vector(pairs.labels, made, present)


def sets(operator: str, *, left: Vector, right: Vector, matching: Matching) -> Vector:
    """`and`, `unless` and `or`: series of the left by whether the right has a partner."""
    key = ("sets", id(right.labels), matching)
    groups, left_group, right_group, _ = left.labels.derived(
        key, lambda: (*_groups(left.labels, one=right.labels, matching=matching), right.labels)
    )
    if operator == "or":
        taken = _any_by(left_group, present=left.present, groups=groups)[right_group]
        frame = left.labels.derived(
            ("or", id(right.labels)), lambda: (LabelFrame([*left.labels.sets, *right.labels.sets]), right.labels)
        )[0]
        values = np.concatenate([left.values, right.values])
        return Vector(frame, values, np.concatenate([left.present, right.present & ~taken]))
    found = _any_by(right_group, present=right.present, groups=groups)[left_group]
    return Vector(left.labels, left.values, left.present & (found if operator == "and" else ~found))


def _groups(many: LabelFrame, *, one: LabelFrame, matching: Matching) -> tuple[int, Ints, Ints]:
    numbers: dict[object, int] = {}
    places = [
        np.asarray([numbers.setdefault(matching.signature(s), len(numbers)) for s in frame.sets], dtype=np.int64)
        for frame in (many, one)
    ]
    return len(numbers), places[0], places[1]


def _pair(many: LabelFrame, *, one: LabelFrame, matching: Matching, drops_name: bool) -> _Pairs:
    groups, many_group, one_group = _groups(many, one=one, matching=matching)
    partners: dict[int, list[int]] = {}
    for j, group in enumerate(one_group.tolist()):
        partners.setdefault(group, []).append(j)
    pairs = [(i, j) for i, group in enumerate(many_group.tolist()) for j in partners.get(group, ())]
    labels = [_result(many.sets[i], one=one.sets[j], matching=matching, drops_name=drops_name) for i, j in pairs]
    table = np.asarray(pairs, dtype=np.int64).reshape(len(pairs), 2)
    return _Pairs(table[:, 0], table[:, 1], groups, many_group, one_group, LabelFrame(labels))


def _result(many: LabelSet, *, one: LabelSet, matching: Matching, drops_name: bool) -> LabelSet:
    made = without(many, (NAME,)) if drops_name else dict(many)
    if matching.card == "one-to-one":
        made = only(made, matching.names) if matching.on else without(made, matching.names)
    for name in matching.include:
        made.pop(name, None)
        if one.get(name):
            made[name] = one[name]
    return made


def _check_one_side(pairs: _Pairs, *, many: Vector, one: Vector, matching: Matching) -> None:
    twice = (_count_by(pairs.one_group, present=one.present, groups=pairs.groups) > 1).any(axis=0)
    if (twice & many.present.any(axis=0)).any():
        side = "left" if matching.card == "one-to-many" else "right"
        raise QueryError(
            f"found duplicate series for the match group on the {side} hand-side of the operation;"
            "many-to-many matching not allowed: matching labels must be unique on one side"
        )


def _check_many_side(pairs: _Pairs, *, present: Flags) -> None:
    if (_count_by(pairs.many_group[pairs.many], present=present, groups=pairs.groups) > 1).any():
        raise QueryError("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")


def _check_grouping(frame: LabelFrame, *, present: Flags) -> None:
    try:
        check_twins(frame, present=present)
    except QueryError as e:
        raise QueryError("multiple matches for labels: grouping labels must ensure unique matches") from e


def _count_by(group: Ints, *, present: Flags, groups: int) -> Ints:
    counts = np.zeros((groups, present.shape[1]), dtype=np.int64)
    np.add.at(counts, group, present)
    return counts


def _any_by(group: Ints, *, present: Flags, groups: int) -> Flags:
    return _count_by(group, present=present, groups=groups) > 0
