"""The scale subresource of workloads and of custom kinds that declare one."""

from __future__ import annotations

from typing import Any

from apps.sandbox.kubeapi import codec, errors, patches
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.answers import Answer, json_answer
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import BadRequest, Obj
from apps.sandbox.kubeapi.jsontree import deep_copy
from apps.sandbox.kubeapi.request import Request, Target, accepted_form
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.selectors import selector_text
from apps.sandbox.kubeapi.store import WriteOptions
from apps.sandbox.kubeapi.typed import Types

_SPEC, _STATUS = ".spec.replicas", ".status.replicas"


def _at(obj: Obj, path: str) -> Any:
    node: Any = obj
    for part in path.lstrip(".").split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _put(obj: Obj, path: str, value: Any) -> None:
    *parents, last = path.lstrip(".").split(".")
    for part in parents:
        obj = obj.setdefault(part, {})
    obj[last] = value


class Scales:
    """Reads and writes Scale objects."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    def _paths(self, resource: Resource) -> tuple[str, str, str]:
        custom = self._cluster.customs.find(resource)
        if custom is None or custom.scale is None:
            return _SPEC, _STATUS, ""
        scale = custom.scale
        return scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", "")

    def of(self, resource: Resource, *, obj: Obj) -> Obj:
        """The autoscaling/v1 Scale of an object. As in Go, a zero is left out."""
        spec_path, status_path, selector_path = self._paths(resource)
        metadata = obj["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        status: Obj = {"replicas": _at(obj, status_path) or 0}
        if resource.custom:
            selector = _at(obj, selector_path) if selector_path else None
        else:
            selector = selector_text((obj.get("spec") or {}).get("selector"))
        if selector:
            status["selector"] = selector
        replicas = _at(obj, spec_path)
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {key: metadata[key] for key in kept if key in metadata},
            "spec": {"replicas": replicas} if replicas else {},
            "status": status,
        }

    def handle(self, request: Request, *, resource: Resource, target: Target) -> Answer:
        """GET, PUT or PATCH of a scale."""
        form = accepted_form(request.headers.get("accept", ""), kinds=())
        with self._store.lock:
            live = self._store.get(resource, namespace=target.namespace, name=target.name)
            if request.method in ("GET", "HEAD"):
                return json_answer(self.of(resource, obj=live), form=form)
            wanted = self._wanted(request, scale=self.of(resource, obj=live))
            done = self._write(request, resource=resource, live=live, wanted=wanted)
        return json_answer(self.of(resource, obj=done), form=form)

    def _wanted(self, request: Request, *, scale: Obj) -> Obj:
        content = request.headers.get("content-type", "")
        if request.method == "PUT":
            body = codec.parse(request.body, content_type=content).value
            named = (body.get("metadata") or {}).get("name") if isinstance(body, dict) else None
            if named and named != scale["metadata"]["name"]:
                raise BadRequest(
                    f"the name of the object ({named}) does not match the name on the URL ({scale['metadata']['name']})"
                )
        else:
            patch = codec.parse(request.body, content_type="application/yaml").value
            if content.startswith("application/json-patch"):
                scale["spec"].setdefault("replicas", 0)
                body = patches.json_patch(scale, patch=patch)
            elif content.startswith("application/strategic"):
                body = patches.strategic_patch(Types(), node={}, obj=scale, patch=patch)
            else:
                body = patches.merge_patch(scale, patch=patch)
        if not isinstance(body, dict) or not isinstance(body.get("spec", {}), dict):
            raise BadRequest('Scale in version "v1" cannot be handled as a Scale: spec must be an object')
        return body

    def _write(self, request: Request, *, resource: Resource, live: Obj, wanted: Obj) -> Obj:
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        name = live["metadata"]["name"]
        if not isinstance(replicas, int) or isinstance(replicas, bool):
            got = {str: "string", bool: "bool", dict: "object", list: "array"}.get(type(replicas), "number")
            raise BadRequest(
                'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal '
                f"{got} into Go struct field ScaleSpec.spec.replicas of type int32"
            )
        if replicas < 0:
            said = "must be greater than or equal to 0"
            cause = fe.invalid("spec.replicas", value=replicas, detail=said)
            raise errors.invalid("autoscaling", kind="Scale", name=name, causes=[cause])
        obj: Obj = deep_copy(live)
        metadata = wanted.get("metadata") or {}
        for key in ("resourceVersion", "uid"):
            obj["metadata"].pop(key, None)
            if metadata.get(key):
                obj["metadata"][key] = metadata[key]
        _put(obj, self._paths(resource)[0], replicas)
        options = WriteOptions(manager=request.manager, dry_run=request.dry_run, subresource="scale")
        return self._store.update(resource, obj=obj, options=options)
