"""The walk over a parsed expression: what each node evaluates to, at all moments of the query at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import promql_parser as parser

from apps.sandbox.metrics import edges, samples
from apps.sandbox.metrics.labels import LabelFrame
from apps.sandbox.metrics.promql import aggregation, binary, windows
from apps.sandbox.metrics.promql.calls import Call, absent, bare, evaluate_call
from apps.sandbox.metrics.promql.parsing import base_of, matches_of, matching_of, milliseconds, parse, shifted
from apps.sandbox.metrics.promql.values import Moments, QueryError, Scalar, Text, Value, Vector
from apps.sandbox.metrics.registry import Registry, Selection
from apps.sandbox.sim.draw import Floats

_SUBQUERY_STEP_MS = 60_000  # what Prometheus takes when none is given: its evaluation interval
_OF_EDGES = frozenset({*windows.EXTRAPOLATED, *windows.OF_EDGES, "absent_over_time"})
_OVER_RANGE = frozenset({*_OF_EDGES, *windows.WINDOWED, "quantile_over_time", "predict_linear"})

# (start, end, (the scalar argument, the evaluation moment)) -> (values, present) of every series
_Compute = Callable[[int, int, tuple[float, int]], windows.Result]


class Engine:
    """Evaluates PromQL over one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def instant(self, query: str, *, at_ms: int) -> Value:
        """The value of `query` at one moment. Raises QueryError, for a bare range selector too: see `matrix`."""
        return self._evaluated(parse(query), moments=Moments.one(at_ms))

    def matrix(self, query: str, *, at_ms: int) -> tuple[LabelFrame, samples.Window] | None:
        """What a bare range selector or subquery-free matrix finds at one moment; None for any other expression."""
        node = bare(parse(query))
        if not isinstance(node, parser.MatrixSelector):
            return None
        selection = self._registry.select(matches_of(node.vector_selector))
        end = int(shifted(node.vector_selector, moments=Moments.one(at_ms))[0])
        start = end - milliseconds(node.range)
        return selection.labels, samples.window(selection, targets=self._registry.targets, start=start, end=end)

    def span(self, query: str, *, start_ms: int, end_ms: int, step_ms: int) -> tuple[Moments, Vector | Scalar]:
        """The value of `query` at every step. Raises QueryError."""
        moments = Moments.span(start_ms, end_ms=end_ms, step_ms=step_ms)
        node = parse(query)
        if isinstance(bare(node), parser.MatrixSelector | parser.StringLiteral | parser.SubqueryExpr):
            raise QueryError(
                "invalid expression type for range query, must be Scalar or instant Vector", kind="bad_data"
            )
        value = self._evaluated(node, moments=moments)
        if isinstance(value, Text):
            raise QueryError("a range query needs a scalar or an instant vector", kind="bad_data")
        return moments, value

    def _evaluated(self, node: Any, *, moments: Moments) -> Value:
        with np.errstate(all="ignore"):
            return self._eval(node, moments)

    def _eval(self, node: Any, moments: Moments) -> Value:
        evaluate = self._NODES.get(type(node))
        if evaluate is None:
            raise QueryError(f"unexpected {type(node).__name__}", kind="bad_data")
        return evaluate(self, node, moments)

    def _vector(self, node: Any, moments: Moments) -> Vector:
        value = self._eval(node, moments)
        if not isinstance(value, Vector):
            raise QueryError("expected an instant vector")
        return value

    # -- nodes -----------------------------------------------------------------------------------------------

    def _number(self, node: Any, moments: Moments) -> Value:
        return Scalar(np.full(len(moments.at), node.val))

    def _text(self, node: Any, moments: Moments) -> Value:
        return Text(node.val)

    def _paren(self, node: Any, moments: Moments) -> Value:
        return self._eval(node.expr, moments)

    def _negated(self, node: Any, moments: Moments) -> Value:
        value = self._eval(node.expr, moments)
        if isinstance(value, Scalar):
            return Scalar(-value.values)
        vector = self._vector(node.expr, moments)
        return Vector(vector.labels, -vector.values, vector.present).nameless()

    def _selector(self, node: Any, moments: Moments) -> Value:
        selection, found = self._latest(node, moments)
        return Vector(selection.labels, found.values, found.present)

    def _latest(self, node: Any, moments: Moments) -> tuple[Selection, samples.Latest]:
        selection = self._registry.select(matches_of(node))
        at = shifted(node, moments=moments)
        return selection, samples.latest(selection, targets=self._registry.targets, moments=at)

    def _binary(self, node: Any, moments: Moments) -> Value:
        operator = str(node.op)
        left, right = self._eval(node.lhs, moments), self._eval(node.rhs, moments)
        as_bool = bool(node.modifier is not None and node.modifier.return_bool)
        if isinstance(left, Vector) and isinstance(right, Vector):
            matching = matching_of(node.modifier)
            if operator in ("and", "or", "unless"):
                return binary.sets(operator, left=left, right=right, matching=matching)
            return binary.vectors(operator, left=left, right=right, matching=matching, as_bool=as_bool)
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            return binary.scalars(operator, left=left, right=right)
        if isinstance(left, Vector) and isinstance(right, Scalar):
            return binary.with_scalar(operator, vector=left, scalar=right, scalar_left=False, as_bool=as_bool)
        if isinstance(left, Scalar) and isinstance(right, Vector):
            return binary.with_scalar(operator, vector=right, scalar=left, scalar_left=True, as_bool=as_bool)
        raise QueryError("binary expression must contain only scalar and instant vector types", kind="bad_data")

    def _aggregate(self, node: Any, moments: Moments) -> Value:
        param = None if node.param is None else self._eval(node.param, moments)
        keep = node.modifier is None or str(node.modifier.type) == "AggModifierType.By"
        names = () if node.modifier is None else tuple(node.modifier.labels)
        vector = self._vector(node.expr, moments)
        return aggregation.aggregate(str(node.op), vector=vector, param=param, names=names, keep=keep)

    def _call(self, node: Any, moments: Moments) -> Value:
        name = node.func.name
        if name in _OVER_RANGE:
            return self._over_range(name, node.args, moments)
        return evaluate_call(name, call=self._arguments(node.args, moments))

    def _arguments(self, args: list[Any], moments: Moments) -> Call:
        return Call(args, moments=moments, evaluate=self._eval, latest=self._latest)

    # -- functions of a range --------------------------------------------------------------------------------

    def _over_range(self, name: str, args: list[Any], moments: Moments) -> Value:
        node = bare(args[1] if name == "quantile_over_time" else args[0])
        extra = self._extra(name, args, moments)
        if isinstance(node, parser.SubqueryExpr):
            frame, compute = self._subquery(name, node, moments)
        else:
            frame, compute = self._samples(name, node)
        at, length = shifted(base_of(node), moments=moments), milliseconds(node.range)
        out = np.zeros((len(frame), len(at)))
        present = np.zeros(out.shape, dtype=bool)
        for i, end in enumerate(at.tolist()):
            out[:, i], present[:, i] = compute(end - length, end, (float(extra[i]), int(moments.at[i])))
        if name == "absent_over_time":
            return absent(node, seen=np.asarray(present.any(axis=0)))
        made = Vector(frame, out, present)
        return made if name == "last_over_time" else made.nameless()

    def _extra(self, name: str, args: list[Any], moments: Moments) -> Floats:
        index = {"quantile_over_time": 0, "predict_linear": 1}.get(name)
        return np.zeros(len(moments.at)) if index is None else self._arguments(args, moments).scalar(index)

    def _samples(self, name: str, node: Any) -> tuple[LabelFrame, _Compute]:
        selection = self._registry.select(matches_of(node.vector_selector))
        targets = self._registry.targets

        def compute(start: int, end: int, extra: tuple[float, int]) -> windows.Result:
            if name in _OF_EDGES:
                found = edges.edges(selection, targets=targets, start=start, end=end)
                return windows.of_edges(_plain(name), edges=found, start=start, end=end)
            return _windowed(name, samples.window(selection, targets=targets, start=start, end=end), extra=extra)

        return selection.labels, compute

    def _subquery(self, name: str, node: Any, moments: Moments) -> tuple[LabelFrame, _Compute]:
        step = milliseconds(node.step) if node.step is not None else _SUBQUERY_STEP_MS
        at = shifted(node, moments=moments)
        first = -(-(int(at[0]) - milliseconds(node.range)) // step) * step
        inner = np.arange(first, int(at[-1]) + 1, step, dtype=np.int64)
        vector = self._vector(node.expr, Moments(inner, moments.start, moments.end))
        times = np.broadcast_to(inner, vector.values.shape)

        def compute(start: int, end: int, extra: tuple[float, int]) -> windows.Result:
            span = slice(int(np.searchsorted(inner, start)), int(np.searchsorted(inner, end, side="right")))
            found = samples.Window(start, end, times[:, span], vector.values[:, span], vector.present[:, span])
            return _windowed(name, found, extra=extra)

        return vector.labels, compute

    _NODES: dict[type, Callable[[Engine, Any, Moments], Value]] = {
        parser.NumberLiteral: _number, parser.StringLiteral: _text, parser.ParenExpr: _paren,
        parser.UnaryExpr: _negated, parser.VectorSelector: _selector, parser.BinaryExpr: _binary,
        parser.AggregateExpr: _aggregate, parser.Call: _call,
    }  # fmt: skip


def _windowed(name: str, found: samples.Window, *, extra: tuple[float, int]) -> windows.Result:
    """The function `name` of samples that are written out."""
    if name in _OF_EDGES:
        return windows.of_edges(_plain(name), edges=edges.of_window(found), start=found.start, end=found.end)
    if name == "quantile_over_time":
        return windows.quantile_over_time(found, q=extra[0])
    if name == "predict_linear":
        return windows.predict_linear(found, seconds=extra[0], at_ms=extra[1])
    return windows.WINDOWED[name](found)


def _plain(name: str) -> str:
    return "present_over_time" if name == "absent_over_time" else name
