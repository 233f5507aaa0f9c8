"""Field errors in the real server's words (apimachinery `util/validation/field`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apps.sandbox.kubeapi.errors import Cause

OMIT: Any = object()


def shown(value: Any) -> str:
    """The value as Go prints it in a field error: strings quoted, structures as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def invalid(field: str, *, value: Any = OMIT, detail: str) -> Cause:
    """A malformed value."""
    text = "Invalid value" if value is OMIT else f"Invalid value: {shown(value)}"
    return Cause("FieldValueInvalid", f"{text}: {detail}" if detail else text, field)


def type_invalid(field: str, *, value: Any, detail: str) -> Cause:
    """A value of the wrong type."""
    return Cause("FieldValueTypeInvalid", f"Invalid value: {shown(value)}: {detail}", field)


def required(field: str, *, detail: str = "") -> Cause:
    """A value that is missing."""
    return Cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", field)


def unsupported(field: str, *, value: Any, allowed: Iterable[Any]) -> Cause:
    """A value outside an enumeration."""
    listed = ", ".join(json.dumps(str(entry)) for entry in allowed)
    return Cause("FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}", field)


def forbidden(field: str, *, detail: str) -> Cause:
    """A value that may not stand here now."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def duplicate(field: str, *, value: Any) -> Cause:
    """A value that must be unique and is not."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field)


def absent(field: str, *, value: Any) -> Cause:
    """A reference to something that does not exist."""
    return Cause("FieldValueNotFound", f"Not found: {shown(value)}", field)


def too_long(field: str, *, limit: int, unit: str = "byte") -> Cause:
    """A value longer than `limit` bytes."""
    units = unit if limit == 1 else f"{unit}s"
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} {units}", field)


def too_many(field: str, *, actual: int, limit: int) -> Cause:
    """A list or map with more than `limit` members."""
    items = "item" if limit == 1 else "items"
    return Cause("FieldValueTooMany", f"Too many: {actual}: must have at most {limit} {items}", field)


def join(path: str, *, name: str) -> str:
    """The path of a field below another; the root is ""."""
    return f"{path}.{name}" if path else name
