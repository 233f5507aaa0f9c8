"""Bodies in and out: media types, strict decoding, and the round trip through Go types that built-ins make.

A built-in object loses what its Go type could not hold: unknown fields (reported), nulls, empty lists and maps; its
quantities come back in canonical spelling. A custom object is pruned by its structural schema elsewhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from apps.sandbox.kubeapi import protobuf, quantity
from apps.sandbox.kubeapi.errors import BadRequest, Obj, UnsupportedMediaType
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.typed import Schema, Types

_KEEP_EMPTY = {"rules"}  # Go fields without omitempty


@dataclass(slots=True)
class Decoded:
    """A parsed body: `duplicates` are the paths of keys that stood twice."""

    value: Any
    duplicates: list[str] = field(default_factory=list)


class _Pairs(list[tuple[str, Any]]):
    """An object's pairs before they become a dict, so that duplicates can be named by path."""


_NO_KIND = "couldn't get version/kind; json parse error"


def parse(body: bytes, *, content_type: str, context: str = _NO_KIND) -> Decoded:
    """The JSON or YAML value of a body; `context` begins the error. The Python client sends JSON without a type."""
    kind = content_type.partition(";")[0].strip().lower() or "application/json"
    if kind.endswith(("+json", "/json")) or kind == "application/octet-stream" or kind == "*/*":
        return _parse_json(body, context)
    if kind.endswith(("yaml", "+yaml")):
        return _parse_yaml(body)
    if kind == protobuf.MEDIA_TYPE:
        return Decoded(protobuf.decode(body))
    raise UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )


def _go_json_error(error: json.JSONDecodeError) -> str:
    """Go's sentence for a JSON error."""
    if error.pos >= len(error.doc.rstrip()):
        return "unexpected end of JSON input"
    odd = error.doc[error.pos]
    if "property name" in error.msg:
        return f"invalid character '{odd}' looking for beginning of object key string"
    if "delimiter" in error.msg:
        return f"invalid character '{odd}' after object key:value pair"
    return f"invalid character '{odd}' looking for beginning of value"


def _parse_json(body: bytes, context: str) -> Decoded:
    try:
        raw = json.loads(body, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise BadRequest(f"{context}: {_go_json_error(error)}") from error
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{context}: {error}") from error
    duplicates: list[str] = []
    return Decoded(_unpair(raw, "", duplicates), duplicates)


def _unpair(value: Any, path: str, duplicates: list[str]) -> Any:
    if isinstance(value, _Pairs):
        out: dict[str, Any] = {}
        for key, item in value:
            below = f"{path}.{key}" if path else key
            if key in out:
                duplicates.append(below)
            out[key] = _unpair(item, below, duplicates)
        return out
    if isinstance(value, list):
        return [_unpair(item, f"{path}[{index}]", duplicates) for index, item in enumerate(value)]
    return value


class _Loader(yaml.SafeLoader):
    """YAML whose timestamps stay text, as sigs.k8s.io/yaml reads it."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parse_yaml(body: bytes) -> Decoded:
    try:
        return Decoded(yaml.load(body, Loader=_Loader))  # noqa: S506  # _Loader is a SafeLoader
    except yaml.YAMLError as error:
        raise BadRequest(f"error converting YAML to JSON: {error}") from error


def encode(value: Any) -> bytes:
    """Compact JSON with the newline that the real server ends with."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@dataclass(slots=True)
class RoundTrip:
    """What a typed decode found besides the object."""

    kind: str
    version: str
    unknown: list[str] = field(default_factory=list)
    structs: list[str] = field(default_factory=list)

    def refuse(self, why: str) -> BadRequest:
        """The 400 for a value that the Go type cannot hold."""
        return BadRequest(f'{self.kind} in version "{self.version}" cannot be handled as a {self.kind}: {why}')


def round_trip(resource: Resource, *, obj: Obj) -> tuple[Obj, list[str]]:
    """A built-in object as its Go type holds it, and the paths of unknown fields. Raises BadRequest on a wrong type."""
    schema = spec.schema_of(resource.group, version=resource.version, kind=resource.kind)
    if schema is None:
        return obj, []
    return typed_value(schema, obj, resource=resource)


def typed_value(schema: Schema, value: Any, *, resource: Resource) -> tuple[Any, list[str]]:
    """A part of an object as the Go type of this schema holds it, and the paths of unknown fields."""
    found = RoundTrip(kind=resource.kind, version=resource.version)
    found.structs.append(resource.kind)
    return _Walker(spec.types(), found).value(schema, value, "", ""), found.unknown


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=\s]|[ \t]|=(?=[^=])")
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


class _Walker:
    def __init__(self, types: Types, found: RoundTrip) -> None:
        self.types = types
        self.found = found
        self.quantity = spec.schemas()[_QUANTITY]

    def value(self, node: Schema, value: Any, path: str, name: str) -> Any:
        if node.get("description") == self.quantity.get("description"):
            return self._quantity(value)
        if "properties" in node or "additionalProperties" in node:
            return self._map(node, value, path)
        kind = node.get("type")
        if kind == "array":
            if not isinstance(value, list):
                raise self._mismatch(value, path, "array")
            element = self.types.items(node)
            return [self.value(element, item, f"{path}[{index}]", name) for index, item in enumerate(value)]
        self._check_scalar(node, value, path)
        if node.get("format") == "byte":
            self._check_base64(value)
        return value

    def _check_base64(self, text: str) -> None:
        odd = _NOT_BASE64.search(text)
        if odd or len(text) % 4:
            raise self.found.refuse(f"illegal base64 data at input byte {odd.start() if odd else len(text)}")

    def _quantity(self, value: Any) -> str:
        try:
            return quantity.canonical(str(value))
        except ValueError as error:
            raise self.found.refuse(str(error)) from error

    def _map(self, node: Schema, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise self._mismatch(value, path, f"v1.{self.found.structs[-1]}" if "properties" in node else "object")
        declared, free = node.get("properties") or {}, node.get("additionalProperties")
        out: Obj = {}
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            if key in declared:
                child = self.types.resolve(declared[key])
            elif free is not None:
                child = self.types.resolve(free) if isinstance(free, dict) else {}
            else:
                self.found.unknown.append(below)
                continue
            if item is None:
                continue
            self.found.structs.append(_struct_name(declared.get(key) or free) or self.found.structs[-1])
            result = self.value(child, item, below if key in declared else path, key)
            self.found.structs.pop()
            if key in declared and key not in _KEEP_EMPTY and _is_empty(child, result):
                continue
            out[key] = result
        return out

    def _check_scalar(self, node: Schema, value: Any, path: str) -> None:
        kind = node.get("type")
        fits = {
            "string": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        }
        if node.get("format") == "int-or-string":
            fits["string"] = isinstance(value, (str, int)) and not isinstance(value, bool)
        if kind in fits and not fits[str(kind)]:
            raise self._mismatch(value, path, _go_type(node))

    def _mismatch(self, value: Any, path: str, wanted: str) -> BadRequest:
        got = {dict: "object", list: "array", str: "string", bool: "bool"}.get(type(value), "number")
        where = ".".join(part.partition("[")[0] for part in path.split("."))
        holder = self.found.structs[-2] if len(self.found.structs) > 1 else self.found.kind
        into = f"Go struct field {holder}.{where}"
        return self.found.refuse(f"json: cannot unmarshal {got} into {into} of type {wanted}")


def _struct_name(raw: Any) -> str:
    """The Go type that a property's schema refers to, `DeploymentSpec`; "" when it refers to none."""
    while isinstance(raw, dict):
        if "$ref" in raw:
            return str(raw["$ref"]).rpartition(".")[2]
        raw = (raw.get("allOf") or [raw.get("items")])[0]
    return ""


def _go_type(node: Schema) -> str:
    kind, form = node.get("type"), node.get("format")
    if kind == "integer":
        return str(form or "int64")
    return {"boolean": "bool", "number": "float64"}.get(str(kind), str(kind))


def _is_empty(node: Schema, value: Any) -> bool:
    """Whether Go leaves it out: an empty list, or an empty map that is not a struct."""
    if value == []:
        return True
    return value == {} and "properties" not in node and "additionalProperties" in node
