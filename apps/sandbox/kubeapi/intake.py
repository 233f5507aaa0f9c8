"""A body becomes an object of the resource it was sent to; unknown fields are dropped, warned of or refused."""

from __future__ import annotations

import json
from typing import Any

from apps.sandbox.kubeapi import codec, structural
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.codec import Decoded
from apps.sandbox.kubeapi.errors import ApiError, BadRequest, Obj, invalid
from apps.sandbox.kubeapi.jsontree import deep_copy
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.request import OPTIONS, Request
from apps.sandbox.kubeapi.resources import Resource

_LEVELS = ("", "Ignore", "Strict", "Warn")


def validation_level(request: Request) -> str:
    """The fieldValidation parameter; Warn when absent. Raises Invalid."""
    level = request.query.get("fieldValidation", "") or "Warn"
    if level not in _LEVELS:
        cause = fe.unsupported("fieldValidation", value=level, allowed=_LEVELS)
        raise invalid("meta.k8s.io", kind=OPTIONS.get(request.method, ""), name="", causes=[cause])
    return level


def read_object(cluster: Cluster, *, request: Request, resource: Resource) -> Obj:
    """The object in the body of a create or an update."""
    level = validation_level(request)
    context = f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; "
    try:
        decoded = codec.parse(
            request.body, content_type=request.headers.get("content-type", ""), context=f"{context}json parse error"
        )
    except BadRequest as error:
        raise BadRequest(f"{error.message} ({_summary(request.body)})") from error
    obj = as_object(decoded.value, resource=resource)
    typed, problems = conform(cluster, resource=resource, obj=obj)
    found = _listed(decoded, problems)
    if found and level == "Strict":
        raise BadRequest(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {', '.join(found)}"
        )
    warn(request, problems=found)
    return typed


def _summary(body: bytes) -> str:
    """The start of a body that could not be read: text when it looks like an object, else hexadecimal."""
    if not body:
        return "<empty>"
    return body[:1024].decode(errors="replace") if body.startswith(b"{") else body[:512].hex()


def _listed(decoded: Decoded, unknown: list[str]) -> list[str]:
    twice = [f'duplicate field "{path}"' for path in decoded.duplicates]
    return twice + [f'unknown field "{path}"' for path in unknown]


def warn(request: Request, *, problems: list[str]) -> None:
    """Put decoding problems into Warning headers, at the level that says so."""
    if problems and validation_level(request) == "Warn":
        request.warnings.extend(problems)


def as_object(value: Any, *, resource: Resource) -> Obj:
    """The value as an object of the resource. Raises BadRequest for another kind or version."""
    if not isinstance(value, dict):
        raise BadRequest(f"couldn't get version/kind; json parse error: cannot unmarshal {type(value).__name__}")
    version, kind = value.get("apiVersion", ""), value.get("kind", "")
    if resource.custom and not kind:
        raise BadRequest(f"Object 'Kind' is missing in '{json.dumps(value)}'")
    if kind and kind != resource.kind:
        short = version.rpartition("/")[2]
        inner = resource.group.partition(".")[0] or "core"
        raise BadRequest(
            f'{kind} in version "{short}" cannot be handled as a {resource.kind}: converting ({short}.{kind}) to '
            f"({inner}.{resource.kind}): unknown conversion"
        )
    if version and version != resource.api_version:
        raise BadRequest(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
        )
    return {**value, "apiVersion": resource.api_version, "kind": resource.kind}


def conform(cluster: Cluster, *, resource: Resource, obj: Obj) -> tuple[Obj, list[str]]:
    """The object as its type holds it, and the paths of the fields that the type does not have."""
    custom = cluster.customs.find(resource)
    if custom is None:
        return codec.round_trip(resource, obj=obj)
    copy: Obj = deep_copy(obj)
    unknown: list[str] = []
    if isinstance(copy.get("metadata"), dict):
        metadata, extra = codec.typed_value(spec.schemas()[spec.OBJECT_META], copy["metadata"], resource=resource)
        copy["metadata"] = metadata
        unknown += [f"metadata.{path}" for path in extra]
    return copy, structural.prune(custom.schema, obj=copy) + unknown


def check_place(obj: Obj, *, namespace: str | None, name: str) -> None:
    """Give the object the namespace and name of the URL. Raises BadRequest when it says otherwise."""
    metadata = obj.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object")
    if namespace is not None:
        if metadata.get("namespace") and metadata["namespace"] != namespace:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = namespace
    if name:
        if metadata.get("name") and metadata["name"] != name:
            raise BadRequest(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
        metadata["name"] = name


def patch_error(shown: str, *, why: str) -> ApiError:
    """What a patch that the type cannot hold, or a Strict one with unknown fields, is refused with."""
    return invalid("", kind="", name="", causes=[fe.invalid("patch", value=shown, detail=why)])


def go_map(value: Any) -> str:
    """A JSON value as Go prints it with %v: `map[a:1 b:[x y]]`."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_map(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_map(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
