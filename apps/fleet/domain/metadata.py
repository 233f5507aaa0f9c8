"""What every Kubernetes object carries, and strings shared between the many objects that repeat them.

A cluster of 50,000 pods repeats a few thousand namespaces, node names and label sets. They are kept once: that is what
holds a watcher's memory down.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Labels, ObjectRef

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EMPTY: Labels = {}

_UNINTERESTING = ("kubectl.kubernetes.io/last-applied-configuration",)
"""Annotations that no rule reads, and that can be as long as the object itself."""

_LONGEST_ANNOTATION = 4_096


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` when it is an object, else an empty one: a field that a CRD leaves untyped may hold anything."""
    return value if isinstance(value, dict) else EMPTY


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=16_384)
def _shared(pairs: tuple[tuple[str, str], ...]) -> Labels:
    return {sys.intern(key): sys.intern(value) for key, value in pairs}


def shared_labels(found: Any) -> Labels:
    """The labels, as one mapping for all objects that carry the same ones. Values that are no text are left out."""
    if not found or not isinstance(found, dict):
        return EMPTY
    try:
        return _shared(tuple(found.items()))
    except TypeError:
        return {key: value for key, value in found.items() if isinstance(value, str)}


def annotations_of(meta: Mapping[str, Any]) -> Labels:
    """The annotations a rule could read; the last-applied configuration and very long ones are left out."""
    found = meta.get("annotations")
    if not found or not isinstance(found, dict):
        return EMPTY
    return {
        sys.intern(key): value
        for key, value in found.items()
        if key not in _UNINTERESTING and isinstance(value, str) and len(value) <= _LONGEST_ANNOTATION
    }


def ref_of(obj: JsonObject, *, cluster: str, group: str, kind: str) -> ObjectRef:
    meta = obj["metadata"]
    return ObjectRef(cluster, group, kind, sys.intern(text(meta.get("namespace"))), meta["name"], text(meta.get("uid")))


def controller_of(meta: Mapping[str, Any], *, cluster: str) -> ObjectRef | None:
    """The owner that manages the object (`controller: true`), or None. It lies in the object's own namespace."""
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            group, slash, _ = text(owner.get("apiVersion")).rpartition("/")
            return ObjectRef(
                cluster,
                sys.intern(group if slash else ""),
                sys.intern(owner["kind"]),
                sys.intern(text(meta.get("namespace"))),
                sys.intern(owner["name"]),
                sys.intern(text(owner.get("uid"))),
            )
    return None


def moment(value: Any) -> datetime:
    """An RFC 3339 time; the epoch when there is none, which is older than anything."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        return EPOCH
