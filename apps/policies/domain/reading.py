"""Reading JSON that a person wrote: each helper gives a usable value and notes what was wrong, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from apps.kernel.errors import InvalidInput
from apps.kernel.units import parse_duration
from apps.policies.domain.selectors import EVERYTHING, Requirement, Selector

_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class Problems:
    """The bad fields found so far, in order, each once."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, field: str, message: str) -> None:
        if (field, message) not in self.found:
            self.found.append((field, message))

    def raise_if_any(self, what: str) -> None:
        """InvalidInput that names the first field, and holds all of them as causes."""
        if self.found:
            field, message = self.found[0]
            raise InvalidInput(message, field=field, mend=f"correct it in {what}", causes=tuple(self.found))


def as_map(value: Any, field: str, problems: Problems) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    problems.add(field, "is required" if value is None else "must be an object")
    return {}


def as_list(value: Any, field: str, problems: Problems) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    if value is not None:
        problems.add(field, "must be a list")
    return []


def as_text(value: Any, field: str, problems: Problems) -> str:
    if isinstance(value, str) and value:
        return value
    problems.add(field, "must be a text that is not empty")
    return ""


def one_of(value: Any, allowed: Sequence[str], field: str, problems: Problems) -> str:
    """`value`, or the first allowed one when it is none of them."""
    if value in allowed:
        return str(value)
    problems.add(field, f"{value!r} is not one of " + ", ".join(allowed))
    return allowed[0]


def span(value: Any, field: str, problems: Problems) -> timedelta:
    """A duration such as 2h, 90m or 1h30m; a day when it is none, which no other check will find fault with."""
    try:
        return parse_duration(as_text(value, field, problems), field=field)
    except InvalidInput as e:
        problems.add(field, f"{e.message}: {e.mend}")
        return timedelta(days=1)


def moment(value: Any, field: str, problems: Problems) -> datetime | None:
    """An RFC 3339 moment, in UTC; None when it is none."""
    try:
        at = datetime.fromisoformat(str(value))
        if at.tzinfo is None:
            problems.add(field, f"{value!r} has no time zone: end it with Z or an offset")
            return None
        return at.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter at the ends of the years 1 and 9999
        problems.add(field, f"{value!r} is not a moment: write it like 2026-12-31T18:00:00Z")
        return None


def day(value: Any, field: str, problems: Problems) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        problems.add(field, f"{value!r} is not a date: write it like 2026-12-25")
        return None


def label_selector(value: Any, field: str, problems: Problems) -> Selector:
    """A selector that could match something; absent is one that matches everything."""
    if value is None:
        return EVERYTHING
    raw = as_map(value, field, problems)
    pairs = as_map(raw.get("matchLabels", {}), f"{field}.matchLabels", problems)
    for key, wanted in pairs.items():
        _check_label(key, wanted, f"{field}.matchLabels[{key}]", problems)
    expressions = as_list(raw.get("matchExpressions", []), f"{field}.matchExpressions", problems)
    requirements = tuple(
        _requirement(
            as_map(item, f"{field}.matchExpressions[{i}]", problems), f"{field}.matchExpressions[{i}]", problems
        )
        for i, item in enumerate(expressions)
    )
    selector = Selector(tuple((str(k), str(v)) for k, v in pairs.items()), requirements)
    _check_possible(selector, field, problems)
    return selector


def _check_label(key: str, value: Any, field: str, problems: Problems) -> None:
    if not _KEY.fullmatch(key):
        problems.add(field, f"{key!r} is not a label key")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        problems.add(field, f"{value!r} is not a label value")


def _requirement(value: Any, field: str, problems: Problems) -> Requirement:
    item = as_map(value, field, problems)
    key = as_text(item.get("key"), f"{field}.key", problems)
    operator = one_of(item.get("operator"), _OPERATORS, f"{field}.operator", problems)
    values = as_list(item.get("values", []), f"{field}.values", problems)
    for value in values:
        _check_label(key, value, f"{field}.values", problems)
    if bool(values) is not (operator in ("In", "NotIn")):
        problems.add(f"{field}.values", "values goes with In and NotIn, and only with them")
    return Requirement(key, operator, frozenset(str(v) for v in values))


def _check_possible(selector: Selector, field: str, problems: Problems) -> None:
    """A selector that contradicts itself selects nothing, which nobody means."""
    labels = dict(selector.pairs)
    for requirement in selector.requirements:
        present = requirement.key in labels
        if (present and not requirement.holds(labels)) or _contradicted(requirement, selector.requirements):
            problems.add(field, f"contradicts itself on {requirement.key!r}, so it selects nothing")


def _contradicted(one: Requirement, others: Sequence[Requirement]) -> bool:
    """Whether another requirement rules out every label that this one allows."""
    if one.operator not in ("In", "Exists"):
        return False
    for other in others:
        if other.key != one.key:
            continue
        if other.operator == "DoesNotExist":
            return True
        if one.operator == "In" and not any(other.holds({one.key: value}) for value in one.values):
            return True
    return False
