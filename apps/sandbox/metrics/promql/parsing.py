"""From PromQL text to what the engine needs of it: the parsed expression, its matchers, offsets and matching rules."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import promql_parser as parser

from apps.sandbox.metrics.labels import NAME
from apps.sandbox.metrics.promql.binary import Matching
from apps.sandbox.metrics.promql.values import Moments, QueryError
from apps.sandbox.metrics.registry import Match
from apps.sandbox.sim.clock import to_ms
from apps.sandbox.sim.draw import Ints

_OPS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_CARDS = {
    "VectorMatchCardinality.OneToOne": "one-to-one", "VectorMatchCardinality.ManyToOne": "many-to-one",
    "VectorMatchCardinality.OneToMany": "one-to-many", "VectorMatchCardinality.ManyToMany": "many-to-many",
}  # fmt: skip


@lru_cache(maxsize=500)
def parse(query: str) -> Any:
    """The parsed expression. Raises QueryError of kind bad_data."""
    try:
        return parser.parse(query)
    except ValueError as e:
        raise QueryError(f'invalid parameter "query": {e}', kind="bad_data") from e


def matches_of(node: Any) -> tuple[Match, ...]:
    """The matchers of a vector selector, its name among them."""
    if node.matchers.or_matchers:
        raise QueryError("the sandbox does not know `or` inside a selector", kind="bad_data")
    found = [Match(m.name, _OPS[str(m.op)], m.value) for m in node.matchers.matchers]
    return (*([Match(NAME, "=", node.name)] if node.name else []), *found)


def selector_of(text: str) -> tuple[Match, ...]:
    """The matchers of a `match[]` parameter."""
    node = parse(text)
    if not isinstance(node, parser.VectorSelector):
        raise QueryError('invalid parameter "match[]": expected a series selector', kind="bad_data")
    return matches_of(node)


def milliseconds(span: timedelta) -> int:
    """A duration of the query, in ms."""
    return span // timedelta(milliseconds=1)


def base_of(node: Any) -> Any:
    """The part of a range expression that carries offset and @: the selector inside, or the subquery itself."""
    return node.vector_selector if isinstance(node, parser.MatrixSelector) else node


def shifted(node: Any, *, moments: Moments) -> Ints:
    """The moments at which a selector or subquery is read, after @ and offset."""
    at = moments.at
    if node.at is not None:
        kind = str(node.at.type)
        fixed = {"AtModifierType.Start": moments.start, "AtModifierType.End": moments.end}.get(kind)
        at = np.full_like(at, to_ms(node.at.at) if fixed is None else fixed)
    return at - (milliseconds(node.offset) if node.offset is not None else 0)


def matching_of(modifier: Any) -> Matching:
    """How two vectors match; no modifier means one-to-one on all labels."""
    if modifier is None:
        return Matching()
    labels = modifier.matching
    on = labels is not None and str(labels.type) == "LabelModifierType.Include"
    names = () if labels is None else tuple(labels.labels)
    return Matching(on, names, _CARDS[str(modifier.card)], tuple(modifier.group_labels or ()))


def absent_labels(node: Any) -> dict[str, str]:
    """What absent() says is missing: the selector's equality matchers, where a label has one matcher only."""
    if isinstance(node, parser.MatrixSelector):
        node = node.vector_selector
    if not isinstance(node, parser.VectorSelector):
        return {}
    matches = [match for match in matches_of(node) if match.name != NAME]
    names = [match.name for match in matches]
    return {m.name: m.value for m in matches if m.op == "=" and m.value and names.count(m.name) == 1}
