"""The functions that Kubernetes adds to CEL and cel-python lacks: strings, lists and regular expressions.

See the Kubernetes documentation, "Common Expression Language in Kubernetes", and cel-go's strings extension.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from celpy import celtypes

Value = Any


def _text(value: str) -> Value:
    return celtypes.StringType(value)


def _texts(values: list[str]) -> Value:
    return celtypes.ListType([celtypes.StringType(value) for value in values])


def _substring(text: Value, start: Value, end: Value = None) -> Value:
    stop = len(text) if end is None else int(end)
    if not 0 <= int(start) <= stop <= len(text):
        raise ValueError(f"index out of range: {int(start)}")
    return _text(str(text)[int(start) : stop])


def _index_of(whole: Value, part: Value, start: Value = 0) -> Value:
    if isinstance(whole, list):
        return celtypes.IntType(next((i for i, item in enumerate(whole) if item == part), -1))
    return celtypes.IntType(str(whole).find(str(part), int(start)))


def _last_index_of(whole: Value, part: Value) -> Value:
    if isinstance(whole, list):
        found = [i for i, item in enumerate(whole) if item == part]
        return celtypes.IntType(found[-1] if found else -1)
    return celtypes.IntType(str(whole).rfind(str(part)))


def _replace(text: Value, old: Value, new: Value, count: Value = -1) -> Value:
    return _text(str(text).replace(str(old), str(new), int(count)))


def _split(text: Value, separator: Value, count: Value = -1) -> Value:
    most = int(count)
    if most == 0:
        return _texts([])
    parts = list(str(text)) if not separator else str(text).split(str(separator), most - 1 if most > 0 else -1)
    return _texts(parts)


def _is_sorted(values: Value) -> Value:
    return celtypes.BoolType(all(a <= b for a, b in zip(values, values[1:], strict=False)))


def _sum(values: Value) -> Value:
    total = celtypes.IntType(0) if not values else values[0]
    for value in values[1:]:
        total = total + value
    return total


def _find(text: Value, pattern: Value) -> Value:
    match = re.search(str(pattern), str(text))
    return _text(match.group(0) if match else "")


def _find_all(text: Value, pattern: Value, count: Value = -1) -> Value:
    found = [match.group(0) for match in re.finditer(str(pattern), str(text))]
    return _texts(found if int(count) < 0 else found[: int(count)])


def _is_url(text: Value) -> Value:
    parts = urlsplit(str(text))
    return celtypes.BoolType(bool(parts.scheme) or str(text).startswith("/"))


def _parses(parse: Callable[[str], Any]) -> Callable[[Value], Value]:
    def check(text: Value) -> Value:
        try:
            parse(str(text))
        except ValueError:
            return celtypes.BoolType(False)
        return celtypes.BoolType(True)

    return check


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "charAt": lambda text, at: _text(str(text)[int(at) : int(at) + 1]),
    "find": _find,
    "findAll": _find_all,
    "indexOf": _index_of,
    "isCIDR": _parses(lambda text: ipaddress.ip_network(text, strict=False)),
    "isIP": _parses(ipaddress.ip_address),
    "isSorted": _is_sorted,
    "isURL": _is_url,
    "join": lambda values, separator="": _text(str(separator).join(str(value) for value in values)),
    "lastIndexOf": _last_index_of,
    "lowerAscii": lambda text: _text(str(text).lower()),
    "max": lambda values: max(values),
    "min": lambda values: min(values),
    "replace": _replace,
    "split": _split,
    "substring": _substring,
    "sum": _sum,
    "trim": lambda text: _text(str(text).strip()),
    "upperAscii": lambda text: _text(str(text).upper()),
}
