"""Functions with ways of their own: of time, of one argument's shape, or of labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import promql_parser as parser

from apps.sandbox.metrics.labels import LabelFrame
from apps.sandbox.metrics.promql import functions
from apps.sandbox.metrics.promql.parsing import absent_labels
from apps.sandbox.metrics.promql.values import Moments, QueryError, Scalar, Text, Value, Vector
from apps.sandbox.metrics.registry import Selection
from apps.sandbox.metrics.samples import Latest
from apps.sandbox.metrics.targets import Flags
from apps.sandbox.sim.draw import Floats


class Call:
    """One call: its arguments, evaluated when asked for."""

    def __init__(
        self, args: list[Any], *, moments: Moments, evaluate: Callable[[Any, Moments], Value],
        latest: Callable[[Any, Moments], tuple[Selection, Latest]],
    ) -> None:  # fmt: skip
        self.args, self.moments = args, moments
        self._evaluate, self._latest = evaluate, latest

    def vector(self, index: int) -> Vector:
        """An instant vector argument."""
        value = self._evaluate(self.args[index], self.moments)
        if not isinstance(value, Vector):
            raise QueryError("expected an instant vector")
        return value

    def scalar(self, index: int) -> Floats:
        """A scalar argument, one number a moment."""
        value = self._evaluate(self.args[index], self.moments)
        if not isinstance(value, Scalar):
            raise QueryError("expected a scalar")
        return value.values

    def text(self, index: int) -> str:
        """A string argument."""
        value = self._evaluate(self.args[index], self.moments)
        if not isinstance(value, Text):
            raise QueryError("expected a string")
        return value.value

    def selected(self, index: int) -> tuple[Selection, Latest] | None:
        """The samples behind an argument that is a bare selector, with their own times; None for anything else."""
        node = bare(self.args[index])
        return self._latest(node, self.moments) if isinstance(node, parser.VectorSelector) else None

    def seconds(self) -> Floats:
        """The moments of evaluation, in Unix seconds."""
        return self.moments.at / 1000.0


def bare(node: Any) -> Any:
    """The node without its parentheses."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def absent(node: Any, *, seen: Flags) -> Vector:
    """1 at each moment at which nothing was seen, with what can be told of the missing labels."""
    return Vector(LabelFrame([absent_labels(bare(node))]), np.ones((1, len(seen))), ~seen[None, :])


def _constant(values: Floats) -> Vector:
    return Vector(functions.ONE, values[None, :], np.ones((1, len(values)), dtype=bool))


def _timestamp(call: Call) -> Value:
    selected = call.selected(0)
    if selected is not None:
        selection, found = selected
        return Vector(selection.labels, found.at / 1000.0, found.present).nameless()
    vector = call.vector(0)
    return Vector(vector.labels, np.broadcast_to(call.seconds(), vector.values.shape), vector.present).nameless()


def _scalar(call: Call) -> Value:
    vector = call.vector(0)
    total = np.where(vector.present, vector.values, 0.0).sum(axis=0)
    return Scalar(np.where(vector.present.sum(axis=0) == 1, total, np.nan))


def _sorted(call: Call, *, falling: bool = False) -> Value:
    vector = call.vector(0)
    last = vector.values[:, -1]
    rank = np.where(np.isnan(last), np.inf, -last if falling else last)
    return Vector(vector.labels, vector.values, vector.present, np.argsort(rank, kind="stable"))


def _round(call: Call) -> Value:
    vector = call.vector(0)
    nearest = call.scalar(1) if len(call.args) > 1 else np.ones(len(call.moments.at))
    return Vector(vector.labels, functions.rounded(vector.values, nearest=nearest), vector.present).nameless()


def _clamped(call: Call, *, low: Floats, high: Floats) -> Value:
    vector = call.vector(0)
    values = functions.clamped(vector.values, low=low, high=high)
    return Vector(vector.labels, values, vector.present & (low <= high)).nameless()


def _label_replace(call: Call) -> Value:
    return functions.label_replace(
        call.vector(0), to=call.text(1), replacement=call.text(2), source=call.text(3), pattern=call.text(4)
    )


def _label_join(call: Call) -> Value:
    sources = tuple(call.text(i) for i in range(3, len(call.args)))
    return functions.label_join(call.vector(0), to=call.text(1), separator=call.text(2), sources=sources)


SPECIAL: dict[str, Callable[[Call], Value]] = {
    "time": lambda call: Scalar(call.seconds()),
    "pi": lambda call: Scalar(np.full(len(call.moments.at), np.pi)),
    "timestamp": _timestamp,
    "vector": lambda call: _constant(call.scalar(0)),
    "scalar": _scalar,
    "absent": lambda call: absent(call.args[0], seen=np.asarray(call.vector(0).present.any(axis=0))),
    "sort": _sorted,
    "sort_desc": lambda call: _sorted(call, falling=True),
    "round": _round,
    "clamp": lambda call: _clamped(call, low=call.scalar(1), high=call.scalar(2)),
    "clamp_min": lambda call: _clamped(call, low=call.scalar(1), high=np.asarray(np.inf)),
    "clamp_max": lambda call: _clamped(call, low=np.asarray(-np.inf), high=call.scalar(1)),
    "label_replace": _label_replace,
    "label_join": _label_join,
    "histogram_quantile": lambda call: functions.histogram_quantile(call.vector(1), q=call.scalar(0)),
}


def evaluate_call(name: str, *, call: Call) -> Value:
    """The value of a call that is not over a range. Raises QueryError for a function that is not known."""
    if name in functions.ELEMENTWISE:
        vector = call.vector(0)
        return Vector(vector.labels, functions.ELEMENTWISE[name](vector.values), vector.present).nameless()
    if name in functions.CALENDAR:
        vector = call.vector(0) if call.args else _constant(call.seconds())
        return Vector(vector.labels, functions.calendar(name, values=vector.values), vector.present).nameless()
    if name not in SPECIAL:
        raise QueryError(f"the sandbox does not know the function {name!r}")
    return SPECIAL[name](call)
