"""Pruning, defaulting and validating custom objects by the structural schema of their CRD.

The sentences are those of kube-openapi's validator as apiextensions-apiserver passes them on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.formats import FORMATS
from apps.sandbox.kubeapi.jsontree import deep_copy
from apps.sandbox.kubeapi.typed import Schema

_ROOT = ("apiVersion", "kind", "metadata")
_EMPTY: Schema = {}


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def prune(schema: Schema, *, obj: Obj) -> list[str]:
    """Take away, in place, what the schema does not name; returns the paths taken. Metadata is left alone."""
    gone: list[str] = []
    for key in list(obj):
        if key in _ROOT:
            continue
        _prune_field(schema, obj, key, key, gone)
    return gone


def _prune_field(schema: Schema, parent: Obj, key: str, path: str, gone: list[str]) -> None:
    declared = schema.get("properties") or _EMPTY
    extra = schema.get("additionalProperties")
    if key in declared:
        _prune(declared[key], parent[key], path, gone)
    elif isinstance(extra, Mapping):
        _prune(extra, parent[key], path, gone)
    elif not extra and not schema.get("x-kubernetes-preserve-unknown-fields"):
        del parent[key]
        gone.append(path)


def _prune(schema: Schema, value: Any, path: str, gone: list[str]) -> None:
    if isinstance(value, dict):
        embedded = bool(schema.get("x-kubernetes-embedded-resource"))
        for key in list(value):
            if not (embedded and key in _ROOT):
                _prune_field(schema, value, key, f"{path}.{key}", gone)
    elif isinstance(value, list):
        element = schema.get("items") or _EMPTY
        for index, item in enumerate(value):
            _prune(element, item, f"{path}[{index}]", gone)


def set_defaults(schema: Schema, *, value: Any) -> None:
    """Fill in, in place, the defaults that the schema gives; a null that may not be null is defaulted too."""
    if isinstance(value, dict):
        declared = schema.get("properties") or _EMPTY
        for key, below in declared.items():
            _default_field(below, value, key)
        extra = schema.get("additionalProperties")
        if isinstance(extra, Mapping):
            for key in value.keys() - declared.keys():
                set_defaults(extra, value=value[key])
    elif isinstance(value, list):
        element = schema.get("items") or _EMPTY
        for item in value:
            set_defaults(element, value=item)


def _default_field(schema: Schema, parent: Obj, key: str) -> None:
    null = key in parent and parent[key] is None and not schema.get("nullable")
    if "default" in schema and (null or key not in parent):
        parent[key] = deep_copy(schema["default"])
    elif null:
        del parent[key]
    if key in parent:
        set_defaults(schema, value=parent[key])


def validate(schema: Schema, *, value: Any, old: Any = None, path: str = "") -> list[Cause]:
    """Every way in which the value breaks the schema; empty when it holds.

    With `old`, parts that did not change are not judged anew (ratcheting, as on a real server), so an object stored
    under an older schema can still be edited elsewhere.
    """
    return list(_validate(schema, value, path, old))


def _name(path: str) -> str:
    return f"{path} in body" if path else "in body"


def _validate(schema: Schema, value: Any, path: str, old: Any = None) -> Iterator[Cause]:
    if old is not None and value == old:
        return
    if value is None and (schema.get("nullable") or not schema.get("type")):
        return
    mismatch = _type_error(schema, value, path)
    if mismatch is not None:
        yield mismatch
        return
    yield from _validate_enum(schema, value, path)
    if isinstance(value, dict):
        yield from _validate_map(schema, value, path, old if isinstance(old, dict) else _EMPTY)
    elif isinstance(value, list):
        yield from _validate_list(schema, value, path, old if isinstance(old, list) else None)
    elif isinstance(value, str):
        yield from _validate_string(schema, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _validate_number(schema, value, path)
    yield from _validate_logic(schema, value, path)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names[type(value)]


def _type_error(schema: Schema, value: Any, path: str) -> Cause | None:
    if schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, (int, str)) and not isinstance(value, bool)
        wanted = "integer,string"
    else:
        wanted = str(schema.get("type") or "")
        fits = wanted not in _TYPES or _TYPES[wanted](value)
    if fits:
        return None
    got = _type_name(value)
    return fe.type_invalid(path, value=got, detail=f"{_name(path)} must be of type {wanted}: {json.dumps(got)}")


def _validate_enum(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        listed = [entry if isinstance(entry, str) else json.dumps(entry) for entry in allowed]
        yield fe.unsupported(path, value=value, allowed=listed)


def _validate_map(schema: Schema, value: Obj, path: str, old: Mapping[str, Any]) -> Iterator[Cause]:
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        yield fe.too_many(path, actual=len(value), limit=most)
    if least is not None and len(value) < least:
        yield fe.invalid(path, value=value, detail=f"{_name(path)} should have at least {least} properties")
    for key in schema.get("required") or ():
        if key not in value:
            yield fe.required(fe.join(path, name=key))
    declared, extra = schema.get("properties") or _EMPTY, schema.get("additionalProperties")
    for key in sorted(value):
        if key in declared:
            yield from _validate(declared[key], value[key], fe.join(path, name=key), old.get(key))
        elif isinstance(extra, Mapping):
            yield from _validate(extra, value[key], fe.join(path, name=key), old.get(key))


def _validate_list(schema: Schema, value: list[Any], path: str, old: list[Any] | None) -> Iterator[Cause]:
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        yield fe.too_many(path, actual=len(value), limit=most)
    if least is not None and len(value) < least:
        detail = f"{_name(path)} should have at least {least} items"
        yield fe.invalid(path, value=len(value), detail=detail)
    element = schema.get("items") or _EMPTY
    before = correlated(schema, old=old)
    for index, item in enumerate(value):
        yield from _validate(element, item, f"{path}[{index}]", before(item))
    yield from _duplicates(schema, value, path)


def correlated(schema: Schema, *, old: list[Any] | None) -> Callable[[Any], Any]:
    """A function from an element to the old element with the same map keys; None for other lists."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if not old or schema.get("x-kubernetes-list-type") != "map":
        return lambda item: None

    def identity(item: Any) -> str:
        return json.dumps([item.get(key) for key in keys]) if isinstance(item, dict) else ""

    found = {identity(item): item for item in old}
    return lambda item: found.get(identity(item))


def _duplicates(schema: Schema, value: list[Any], path: str) -> Iterator[Cause]:
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    keys, seen = schema.get("x-kubernetes-list-map-keys") or (), set()
    for index, item in enumerate(value):
        if kind == "map":
            if not isinstance(item, dict):
                continue
            item = {key: item[key] for key in keys if key in item}
        text = json.dumps(item, sort_keys=True)
        if text in seen:
            yield fe.duplicate(f"{path}[{index}]", value=item)
        seen.add(text)


def _validate_string(schema: Schema, value: str, path: str) -> Iterator[Cause]:
    most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if most is not None and len(value) > most:  # only the first of these three is said
        yield fe.too_long(path, limit=most)
    elif least is not None and len(value) < least:
        yield fe.invalid(path, value=value, detail=f"{_name(path)} should be at least {least} chars long")
    elif pattern and not _pattern(pattern).search(value):
        yield fe.invalid(path, value=value, detail=f"{_name(path)} should match '{pattern}'")
    form = schema.get("format")
    check = FORMATS.get(str(form))
    if check is not None and not check(value):
        yield fe.invalid(path, value=value, detail=f"{_name(path)} must be of type {form}: {json.dumps(value)}")


def _validate_number(schema: Schema, value: float, path: str) -> Iterator[Cause]:
    for key, exclusive, word in (
        ("maximum", "exclusiveMaximum", "less"),
        ("minimum", "exclusiveMinimum", "greater"),
    ):
        bound = schema.get(key)
        if bound is None:
            continue
        strict = bool(schema.get(exclusive))
        beyond = value > bound if word == "less" else value < bound
        if beyond or (strict and value == bound):
            tail = "" if strict else " or equal to"
            yield fe.invalid(path, value=value, detail=f"{_name(path)} should be {word} than{tail} {fe.shown(bound)}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield fe.invalid(path, value=value, detail=f"{_name(path)} should be a multiple of {fe.shown(step)}")


def _validate_logic(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    name = path or ""
    for below in schema.get("allOf") or ():
        yield from _validate(below, value, path)
    any_of, one_of = schema.get("anyOf"), schema.get("oneOf")
    if any_of:
        tried = [list(_validate(below, value, path)) for below in any_of]
        if all(tried):
            yield from min(tried, key=len)
            yield fe.invalid(path, value="", detail=f'"{name}" must validate at least one schema (anyOf)')
    if one_of:
        held = sum(not list(_validate(below, value, path)) for below in one_of)
        if held != 1:
            said = "Found none valid" if held == 0 else f"Found {held} valid alternatives"
            detail = f'"{name}" must validate one and only one schema (oneOf). {said}'
            yield fe.invalid(path, value="", detail=detail)
    negated = schema.get("not")
    if negated is not None and not list(_validate(negated, value, path)):
        yield fe.invalid(path, value="", detail=f'"{name}" must not validate the schema (not)')
