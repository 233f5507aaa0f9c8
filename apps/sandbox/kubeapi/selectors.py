"""Label and field selectors, parsed once into a predicate over an object.

The grammar is that of apimachinery `labels.Parse` and `fields.ParseSelector`; the errors are its sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from apps.sandbox.kubeapi.errors import BadRequest, Obj

Predicate = Callable[[Obj], bool]
LabelTest = Callable[[Mapping[str, str]], bool]

_SET = re.compile(r"^\s*(!?)\s*([^\s=!,()<>]+)\s*(?:(in|notin)\s*\(([^()]*)\))?\s*$")
_EQUAL = re.compile(r"^\s*([^\s=!,()<>]+)\s*(==|=|!=|<|>)\s*([^\s=!,()<>]*)\s*$")
_KEY = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")
_BAD_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def _split(text: str) -> list[str]:
    """Cut at the commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts


def _equality(key: str, *, operator: str, value: str) -> LabelTest:
    if not _VALUE.match(value):
        raise BadRequest(f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": {_BAD_VALUE}')
    if operator in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    if not re.fullmatch(r"-?\d+", value):
        raise BadRequest(
            f"unable to parse requirement: values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, "
            "the value must be an integer"
        )
    bound, greater = int(value), operator == ">"

    def compare(labels: Mapping[str, str]) -> bool:
        have = labels.get(key, "")
        return bool(re.fullmatch(r"-?\d+", have)) and (int(have) > bound if greater else int(have) < bound)

    return compare


def _membership(key: str, *, operator: str, raw: str) -> LabelTest:
    values = frozenset(part.strip() for part in raw.split(","))
    if operator == "in":
        return lambda labels: labels.get(key) in values if key in labels else False
    return lambda labels: key not in labels or labels[key] not in values


def _requirement(text: str) -> LabelTest:
    if match := _EQUAL.match(text):
        key, operator, value = match.groups()
        _check_key(key)
        return _equality(key, operator=operator, value=value)
    if match := _SET.match(text):
        negated, key, operator, raw = match.groups()
        _check_key(key)
        if operator:
            if negated:
                raise BadRequest(f"unable to parse requirement: found '{operator}', expected: ',' or 'end of string'")
            return _membership(key, operator=operator, raw=raw)
        if negated:
            return lambda labels: key not in labels
        return lambda labels: key in labels
    if odd := re.search(r"(==|=|!=)\s*([^\w\s.-])", text):
        raise BadRequest(f"unable to parse requirement: found '{odd.group(2)}', expected: identifier")
    raise BadRequest(f"unable to parse requirement: found '{text.strip()}', expected: '=', '!=', '==', 'in', notin'")


def _check_key(key: str) -> None:
    if not _KEY.match(key):
        raise BadRequest(
            f'unable to parse requirement: <nil>: Invalid value: "{key}": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
            "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )


def parse_labels(text: str | None) -> LabelTest | None:
    """A test over a label map for `app=web,tier in (a,b),!x`; None when the selector is empty."""
    if not text or not text.strip():
        return None
    tests = [_requirement(part) for part in _split(text)]
    if len(tests) == 1:
        return tests[0]
    return lambda labels: all(test(labels) for test in tests)


def _expression(expression: Mapping[str, Any]) -> LabelTest:
    key, operator = str(expression.get("key", "")), expression.get("operator")
    values = frozenset(expression.get("values") or ())
    if operator == "In":
        return lambda labels: key in labels and labels[key] in values
    if operator == "NotIn":
        return lambda labels: key not in labels or labels[key] not in values
    if operator == "Exists":
        return lambda labels: key in labels
    return lambda labels: key not in labels


def of_label_selector(selector: Mapping[str, Any] | None) -> LabelTest:
    """A test for a metav1.LabelSelector; None selects nothing and an empty one selects everything."""
    if selector is None:
        return lambda labels: False
    equal = dict(selector.get("matchLabels") or {})
    tests = [_expression(expression) for expression in selector.get("matchExpressions") or ()]
    return lambda labels: all(labels.get(k) == v for k, v in equal.items()) and all(test(labels) for test in tests)


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """The selector as `kubectl` prints it: `a=b,c in (d,e)`, or `<none>`."""
    if not selector:
        return "<none>"
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression.get("key"), ",".join(sorted(expression.get("values") or ()))
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": f"{key}",
            }.get(str(expression.get("operator")), f"!{key}")
        )
    return ",".join(parts) or "<none>"


COMMON_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


def field_terms(text: str | None) -> list[tuple[str, str, str]]:
    """The (path, operator, value) terms of a field selector."""
    terms = []
    for part in (text or "").split(","):
        if not part.strip():
            continue
        match = re.match(r"^([^=!]*)(==|!=|=)(.*)$", part)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = match.groups()
        terms.append((path.strip(), "!=" if operator == "!=" else "=", value))
    return terms


def _value_at(obj: Obj, where: str) -> str:
    path, _, absent = where.partition("|")
    node: Any = obj
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
        if node is None:
            return absent
    if isinstance(node, bool):
        return "true" if node else "false"
    return str(node)


def parse_fields(text: str | None, *, supported: Mapping[str, str] | None) -> Predicate | None:
    """A predicate over objects; `supported` maps a selectable label to the path it reads (`path|value if absent`).

    None is for kinds that know only the common ones. Another label is refused as the real server refuses it.
    """
    tests: list[tuple[str, bool, str]] = []
    for path, operator, value in field_terms(text):
        if path in COMMON_FIELDS:
            real = path
        elif supported is None:
            known = ", ".join(f'"{name}"' for name in sorted(COMMON_FIELDS))
            raise BadRequest(f'"{path}" is not a known field selector: only {known}')
        elif path in supported:
            real = supported[path]
        else:
            raise BadRequest(f"field label not supported: {path}")
        tests.append((real, operator == "=", value))
    if not tests:
        return None
    return lambda obj: all((_value_at(obj, path) == value) is equal for path, equal, value in tests)
