"""Kernel dataclasses to JSON and back.

`encode` writes plain JSON values; a class with a `schema_version` writes it beside its fields, and an Action its
`kind`. `decode` reads them back by the class's own annotations, after the upcasters have lifted an older version.
An unknown field is an error: data written by a newer Plimsoll must not be read as if it were whole.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from apps.kernel import actions
from apps.kernel.errors import InvalidInput

T = TypeVar("T")

UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(class name, version) -> function that lifts its JSON to the next version."""


def encode(value: Any) -> Any:
    """`value` as JSON: dataclasses as objects, datetimes in ISO 8601, Decimals and UUIDs as strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if hasattr(value, "schema_version"):
            out["schema_version"] = value.schema_version
        if isinstance(value, actions.Action):
            out["kind"] = value.kind
        return out
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return _encode_scalar(value)


def _encode_scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    return value


def decode(cls: type[T], data: Any) -> T:
    """The `cls` that `encode` wrote as `data`; InvalidInput when it is not one."""
    return typing.cast("T", _decode(cls, data))


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(hint: Any, data: Any) -> Any:
    if hint is actions.Action:
        return _decode_action(data)
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(typing.cast("type", hint), data)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(hint), data)
    if origin is tuple:
        return _decode_tuple(typing.get_args(hint), data)
    if origin is not None and issubclass(origin, Mapping):
        item = typing.get_args(hint)[1]
        return {key: _decode(item, value) for key, value in data.items()}
    return _decode_scalar(hint, data)


def _decode_scalar(hint: Any, data: Any) -> Any:
    if hint is datetime:
        return datetime.fromisoformat(data)
    if hint is timedelta:
        return timedelta(seconds=data)
    if hint in (Decimal, UUID) or (isinstance(hint, type) and issubclass(hint, Enum)):
        return hint(data)
    return data


def _decode_tuple(args: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], item) for item in data)
    return tuple(_decode(arg, item) for arg, item in zip(args, data, strict=True))


def _decode_union(args: tuple[Any, ...], data: Any) -> Any:
    """None stays None; of the rest the kernel only joins scalars, or one class with None."""
    if data is None:
        return None
    rest = [arg for arg in args if arg is not type(None)]
    return _decode(rest[0], data) if len(rest) == 1 else data


def _decode_action(data: Any) -> Any:
    cls = actions.ACTIONS.get(data.get("kind", "")) if isinstance(data, dict) else None
    if cls is None:
        raise InvalidInput(f"not an action: {data!r:.200}", field="kind", mend="one of " + ", ".join(actions.ACTIONS))
    return _decode_dataclass(cls, {key: value for key, value in data.items() if key != "kind"})


def _decode_dataclass(cls: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise InvalidInput(f"not a {cls.__name__}: {data!r:.200}")
    data = _upcast(cls, dict(data))
    hints = _hints(cls)
    names = {f.name for f in dataclasses.fields(cls)}
    unknown = sorted(data.keys() - names)
    if unknown:
        raise InvalidInput(f"{cls.__name__} has no such field", field=unknown[0], mend="upgrade Plimsoll to read it")
    return cls(**{name: _decode(hints[name], value) for name, value in data.items()})


def _upcast(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    want = getattr(cls, "schema_version", None)
    if want is None:
        return data
    have = data.pop("schema_version", 1)
    while have < want:
        data, have = UPCASTERS[cls.__name__, have](data), have + 1
    if have > want:
        raise InvalidInput(f"{cls.__name__} version {have} is newer than {want}", mend="upgrade Plimsoll to read it")
    return data
