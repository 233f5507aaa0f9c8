"""Reads Kubernetes protobuf bodies (`application/vnd.kubernetes.protobuf`), which kubectl's typed commands send.

Answers are always JSON, which those clients accept too. The tables of fields are package data. A scalar that Go keeps
without a pointer is always on the wire, so its zero is dropped, as `omitempty` drops it from JSON.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources as package
from typing import Any

from apps.sandbox.kubeapi.errors import BadRequest

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_GROUPS = {
    "": "k8s.io.api.core",
    "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions",
    "rbac.authorization.k8s.io": "k8s.io.api.rbac",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = tuple[str, str, str, str]  # JSON name, type, shape (o, r, m), flag


@cache
def _tables() -> dict[str, dict[int, Row]]:
    raw = package.files("apps.sandbox.kubeapi.openapi").joinpath("protobuf.json.gz").read_bytes()
    found: dict[str, list[list[Any]]] = json.loads(gzip.decompress(raw))
    return {name: {row[0]: (row[1], row[2], row[3], row[4]) for row in rows} for name, rows in found.items()}


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (field number, value) pairs of a message."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == 2:
            size, position = _varint(data, position)
        else:
            size = {1: 8, 5: 4}[kind]
        if position + size > len(data):
            raise IndexError("message ends early")
        yield number, data[position : position + size]
        position += size


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises BadRequest when it cannot be read."""
    if not body.startswith(MAGIC):
        raise BadRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        outer = _raw_fields(body[len(MAGIC) :])
        names = _raw_fields(outer.get(1, b""))
        api_version, kind = names.get(1, b"").decode(), names.get(2, b"").decode()
        value = _message(_message_name(api_version, kind), outer.get(2, b""))
    except (IndexError, KeyError, UnicodeDecodeError, ValueError) as error:
        raise BadRequest(f"unable to decode protobuf body: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **value}


def _raw_fields(data: bytes) -> dict[int, bytes]:
    return {number: value for number, value in _wire(data) if isinstance(value, bytes)}


def _message_name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    base = _GROUPS.get(group) or f"k8s.io.api.{group.partition('.')[0]}"
    name = f"{base}.{version}.{kind}"
    return name if name in _tables() else f"{_META}.{kind}"


def _time(data: bytes) -> str | None:
    fields = dict(_wire(data))
    seconds, nanos = _signed(fields.get(1, 0)), int(_signed(fields.get(2, 0)))
    if not fields:
        return None
    moment = _EPOCH + timedelta(seconds=seconds)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{nanos // 1000:06d}Z" if nanos else f"{text}Z"


def _micro_time(data: bytes) -> str | None:
    text = _time(data)
    return text if text is None or "." in text else f"{text[:-1]}.000000Z"


def _int_or_string(data: bytes) -> int | str:
    fields = dict(_wire(data))
    if fields.get(1):
        value = fields.get(3, b"")
        return value.decode() if isinstance(value, bytes) else str(value)
    return _signed(fields.get(2, 0))


def _quantity(data: bytes) -> str:
    return _raw_fields(data).get(1, b"").decode()


def _embedded(data: bytes) -> Any:
    raw = _raw_fields(data).get(1, b"")
    return json.loads(raw) if raw else None


_SPECIAL: dict[str, Callable[[bytes], Any]] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.FieldsV1": _embedded,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _embedded,
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON": _embedded,
}


def _signed(value: int | bytes) -> int:
    number = int(value) if isinstance(value, int) else 0
    return number - (1 << 64) if number >= 1 << 63 else number


def _value(kind: str, value: int | bytes) -> Any:
    if isinstance(value, int):
        return bool(value) if kind == "bool" else _signed(value)
    if kind == "string":
        return value.decode()
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind == "double":
        return struct.unpack("<d", value)[0]
    special = _SPECIAL.get(kind)
    return special(value) if special else _message(kind, value)


def _message(name: str, data: bytes) -> Any:
    rows = _tables()[name]
    if set(rows) == {1} and rows[1][0] == "items" and rows[1][2] == "r" and not name.endswith("List"):
        return [_value(rows[1][1], value) for _, value in _wire(data)]  # a Go slice with a name of its own
    out: dict[str, Any] = {}
    for number, raw in _wire(data):
        if number in rows:
            _add(out, rows[number], raw)
    return out


def _add(out: dict[str, Any], row: Row, raw: int | bytes) -> None:
    name, kind, shape, flag = row
    if shape == "m":
        entry = dict(_wire(raw)) if isinstance(raw, bytes) else {}
        key = entry.get(1, b"")
        value = _value(kind, entry.get(2, 0 if kind in ("bool", "int32", "int64") else b""))
        out.setdefault(name, {})[key.decode() if isinstance(key, bytes) else str(key)] = value
        return
    value = _value(kind, raw)
    if shape == "r":
        out.setdefault(name, []).append(value)
    elif flag == "i" and isinstance(value, dict):
        out.update(value)
    elif value is not None and (flag == "p" or value not in ("", 0, False)):
        out[name] = value
