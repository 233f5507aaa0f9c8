"""What a field of an object is, by its OpenAPI schema: the questions that merging, pruning and ownership ask.

A schema node is the JSON of an OpenAPI v3 or structural schema. `Types.resolve` follows `$ref` and the one-element
`allOf` in which published schemas wrap a reference that has a default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]
EMPTY: Schema = {}
_SCALAR_KINDS = ("string", "integer", "number", "boolean")


class Types:
    """Schemas by name, for following references."""

    def __init__(self, definitions: Mapping[str, Schema] | None = None) -> None:
        self._definitions = definitions or {}

    def resolve(self, node: Schema | None) -> Schema:
        """The schema itself, without references; the empty schema when it says nothing."""
        while node is not None:
            if "$ref" in node:
                node = self._definitions.get(str(node["$ref"]).rpartition("/")[2])
                continue
            inner = node.get("allOf")
            if isinstance(inner, list) and len(inner) == 1 and "$ref" in inner[0]:
                target = self.resolve(inner[0])
                extra = {key: value for key, value in node.items() if key not in ("allOf", "description")}
                return {**target, **extra} if extra else target
            return node
        return EMPTY

    def struct_field(self, node: Schema, *, name: str) -> Schema | None:
        """The schema of a declared property, or None when it is not declared."""
        found = (node.get("properties") or EMPTY).get(name)
        return None if found is None else self.resolve(found)

    def child(self, node: Schema, *, name: str) -> Schema:
        """The schema of a property or, failing that, of any map value."""
        found = self.struct_field(node, name=name)
        if found is not None:
            return found
        extra = node.get("additionalProperties")
        return self.resolve(extra) if isinstance(extra, Mapping) else EMPTY

    def items(self, node: Schema) -> Schema:
        """The schema of a list's elements."""
        return self.resolve(node.get("items"))


def is_atomic_map(node: Schema) -> bool:
    """Whether a map is owned and replaced as a whole."""
    return node.get("x-kubernetes-map-type") == "atomic"


def is_scalar(node: Schema) -> bool:
    """Whether the schema says scalar (Quantity, IntOrString and Time included)."""
    return node.get("type") in _SCALAR_KINDS or bool(node.get("x-kubernetes-int-or-string"))


def list_kind(node: Schema) -> str:
    """`map`, `set` or `atomic` (the default, and what an unknown list is)."""
    return str(node.get("x-kubernetes-list-type") or "atomic")


def map_keys(node: Schema) -> list[str]:
    """The keys that identify an element of a `map` list."""
    return list(node.get("x-kubernetes-list-map-keys") or ())


def item_key(types: Types, *, node: Schema, item: Any) -> str | None:
    """The path element of an element of an associative list: `k:{...}` or `v:...`; None when it has no key."""
    if list_kind(node) == "set":
        return "v:" + json.dumps(item, separators=(",", ":"), sort_keys=True)
    if not isinstance(item, dict):
        return None
    element = types.items(node)
    found: dict[str, Any] = {}
    for key in map_keys(node):
        if key in item:
            found[key] = item[key]
        else:
            default = (types.struct_field(element, name=key) or EMPTY).get("default")
            if default is not None:
                found[key] = default
    return "k:" + json.dumps(found, separators=(",", ":"), sort_keys=True) if found else None


def keyed(types: Types, *, node: Schema, items: Iterable[Any] | None) -> dict[str, Any]:
    """The elements of an associative list by path element, in order; the first of duplicates wins."""
    found: dict[str, Any] = {}
    for item in items or ():
        key = item_key(types, node=node, item=item)
        if key is not None:
            found.setdefault(key, item)
    return found
