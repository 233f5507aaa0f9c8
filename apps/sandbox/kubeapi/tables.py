"""meta.k8s.io/v1 Tables: the rows that `kubectl get` prints, for built-in kinds and by a CRD's printer columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from apps.sandbox.kubeapi.ages import age
from apps.sandbox.kubeapi.customs import CustomKind
from apps.sandbox.kubeapi.errors import BadRequest, Obj
from apps.sandbox.kubeapi.jsonpath import JsonPath, compile_path
from apps.sandbox.kubeapi.printers import DEFAULT, PRINTERS
from apps.sandbox.kubeapi.resources import Resource

_TYPES = {"i": "integer", "b": "boolean"}
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


@cache
def _columns(text: str) -> list[Obj]:
    found = []
    for part in text.split("|"):
        match = re.match(r"^(.*?)(@)?(?::([ib]))?(\*)?$", part)
        if match is None:
            raise ValueError(f"not a column: {part}")
        name, named, kind, wide = match.groups()
        found.append(_column(name, _TYPES.get(kind or "", "string"), fmt="name" if named else "", wide=bool(wide)))
    return found


def _column(name: str, kind: str, *, fmt: str = "", wide: bool = False, description: str = "") -> Obj:
    return {
        "name": name,
        "type": kind,
        "format": fmt,
        "description": description,
        "priority": 1 if wide else 0,
    }


def partial(obj: Obj) -> Obj:
    """The object's metadata alone, as PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


class Printer:
    """Prints the objects of one resource."""

    def __init__(self, resource: Resource, *, custom: CustomKind | None) -> None:
        self._resource = resource
        self._custom = custom

    def columns(self) -> list[Obj]:
        """The column definitions."""
        if self._custom is None:
            return _columns(PRINTERS.get(self._resource.key, DEFAULT)[0])
        name = _column("Name", "string", fmt="name")
        return [name] + [
            {
                "name": column["name"],
                "type": column["type"],
                "format": column.get("format", ""),
                "description": column.get("description", ""),
                "priority": column.get("priority", 0),
            }
            for column in self._custom_columns()
        ]

    def _custom_columns(self) -> Iterable[Mapping[str, Any]]:
        return self._custom.columns if self._custom and self._custom.columns else (_AGE,)

    def cells(self, obj: Obj, *, now: datetime) -> list[Any]:
        """The cells of one object."""
        if self._custom is None:
            return PRINTERS.get(self._resource.key, DEFAULT)[1](obj, now)
        return [obj["metadata"]["name"]] + [_custom_cell(obj, column, now) for column in self._custom_columns()]

    def table(self, objs: Iterable[Obj], *, now: datetime, include: str, metadata: Obj, headers: bool = True) -> Obj:
        """The Table; `include` is the includeObject parameter: None, Metadata (the default) or Object."""
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": self.columns() if headers else [],
            "rows": [self._row(obj, now, include) for obj in objs],
        }

    def _row(self, obj: Obj, now: datetime, include: str) -> Obj:
        row: Obj = {"cells": self.cells(obj, now=now)}
        phase = (obj.get("status") or {}).get("phase") if self._resource.plural == "pods" else None
        if phase in ("Succeeded", "Failed"):
            text = f"The pod has {'completed successfully' if phase == 'Succeeded' else 'failed'}."
            row["conditions"] = [{"type": "Completed", "status": "True", "reason": phase, "message": text}]
        if include != "None":
            row["object"] = obj if include == "Object" else partial(obj)
        return row


def included(value: str) -> str:
    """The includeObject parameter, checked. Raises BadRequest."""
    if value not in ("", "None", "Metadata", "Object"):
        raise BadRequest(f'unrecognized includeObject value: "{value}"')
    return value or "Metadata"


@lru_cache(maxsize=1024)
def _path(text: str) -> JsonPath:
    return compile_path(text)


def _custom_cell(obj: Obj, column: Mapping[str, Any], now: datetime) -> Any:
    found = _path(str(column["jsonPath"]))(obj)
    if not found:
        return None
    value, kind = found[0], column["type"]
    if kind == "date":
        return age(value, now=now) if isinstance(value, str) else "<invalid>"
    if kind == "string":
        shown = [entry if isinstance(entry, str) else _go(entry) for entry in found]
        return ",".join(shown) if len(shown) > 1 else shown[0]
    if kind in ("integer", "number"):
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return value if kind != "boolean" or isinstance(value, bool) else None


def _go(value: Any) -> str:
    """A value as a string column shows it."""
    return json.dumps(value, separators=(",", ":"))
