"""Reads the shipped schemas and puts together the OpenAPI v3 document of a group."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources as package
from typing import Any

from apps.sandbox.kubeapi.typed import Schema, Types

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
VERSION = "v1.36.3"  # of the API description; `build` makes the data


def _load(name: str) -> Any:
    raw = package.files("apps.sandbox.kubeapi.openapi").joinpath(name).read_bytes()
    return json.loads(gzip.decompress(raw))


@cache
def schemas() -> dict[str, Schema]:
    """Every shipped schema by name. Costs about 30 ms once."""
    found: dict[str, Schema] = _load("schemas.json.gz")
    return found


@cache
def paths() -> dict[str, dict[str, Any]]:
    """The paths of each group version, as `apis/apps/v1`."""
    found: dict[str, dict[str, Any]] = _load("paths.json.gz")
    return found


@cache
def types() -> Types:
    """The resolver over the shipped schemas."""
    return Types(schemas())


@cache
def _by_kind() -> dict[tuple[str, str, str], Schema]:
    return {
        (entry["group"], entry["version"], entry["kind"]): schema
        for schema in schemas().values()
        for entry in schema.get("x-kubernetes-group-version-kind", ())
    }


def schema_of(group: str, *, version: str, kind: str) -> Schema | None:
    """The schema of a built-in kind, or None."""
    return _by_kind().get((group, version, kind))


def references(node: Any) -> set[str]:
    """The names of the schemas that a piece of a document refers to."""
    found: set[str] = set()
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            target = part.get("$ref")
            if isinstance(target, str):
                found.add(target.rpartition("/")[2])
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)
    return found


def closure(roots: set[str]) -> dict[str, Schema]:
    """The shipped schemas that these reach."""
    found: dict[str, Schema] = {}
    todo = set(roots)
    while todo:
        name = todo.pop()
        if name not in found and name in schemas():
            found[name] = schemas()[name]
            todo |= references(found[name])
    return found


@cache
def document(base: str) -> bytes | None:
    """The OpenAPI v3 document of a built-in group version (`apis/apps/v1`) as JSON, or None."""
    found = paths().get(base)
    if found is None:
        return None
    prefix, _, version = base.rpartition("/")
    group = "" if prefix == "api" else prefix.removeprefix("apis/")
    roots = {
        name
        for name, schema in schemas().items()
        for kind in schema.get("x-kubernetes-group-version-kind", ())
        if (kind["group"], kind["version"]) == (group, version)
    }
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": VERSION},
            "paths": found,
            "components": {"schemas": dict(sorted(closure(roots).items()))},
        },
        separators=(",", ":"),
    ).encode()
