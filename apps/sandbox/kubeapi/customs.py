"""Custom kinds: what a CustomResourceDefinition compiles to, and the controller that serves it.

When a CRD appears or changes: (1) its versions are compiled (schema, CEL rules, columns, subresources); (2) they are
registered; (3) its status says NamesAccepted and Established. When it is deleted, its objects go first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.sandbox.kubeapi import cel_rules
from apps.sandbox.kubeapi.builtin import CRDS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store, WriteOptions, timestamp
from apps.sandbox.kubeapi.typed import Schema

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_PRESERVE: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomKind:
    """One served version of a CRD. `schema` is what objects obey; `full_schema` has the real metadata in it."""

    resource: Resource
    schema: Schema
    full_schema: Schema
    rules: cel_rules.Node | None
    columns: tuple[Mapping[str, Any], ...]
    scale: Mapping[str, str] | None
    has_status: bool
    selectable: dict[str, str]


def _full(schema: Schema) -> Schema:
    meta = {"$ref": f"#/components/schemas/{spec.OBJECT_META}"}
    text = {"type": "string"}
    properties = {**(schema.get("properties") or {}), "apiVersion": text, "kind": text, "metadata": meta}
    return {**schema, "properties": properties}


def compile_versions(crd: Obj) -> list[CustomKind]:
    """The served versions of a CRD, storage version first. Raises cel_rules.BadRule."""
    body = crd["spec"]
    versions = sorted(body["versions"], key=lambda entry: not entry.get("storage"))
    return [_compile(body, version) for version in versions if version.get("served")]


def _compile(body: Obj, version: Obj) -> CustomKind:
    names, sub = body["names"], version.get("subresources") or {}
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or _PRESERVE
    resource = Resource(
        group=body["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=body["scope"] == "Namespaced",
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"),
        subresources=frozenset(name for name in ("status", "scale") if sub.get(name) is not None),
        custom=True,
    )
    fields = [str(entry["jsonPath"]).lstrip(".") for entry in version.get("selectableFields") or ()]
    return CustomKind(
        resource=resource,
        schema=schema,
        full_schema=_full(schema),
        rules=cel_rules.compile_schema(schema),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=sub.get("scale"),
        has_status=sub.get("status") is not None,
        selectable={name: name for name in fields},
    )


class CustomKinds:
    """The custom kinds that a cluster serves now; subscribes to the store's CRDs."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], CustomKind] = {}
        self._by_crd: dict[str, list[CustomKind]] = {}
        self._store: Store | None = None
        self._cleaning = False

    def find(self, resource: Resource) -> CustomKind | None:
        """The custom kind of a resource, or None for a built-in."""
        return self._kinds.get((resource.group, resource.version, resource.plural)) if resource.custom else None

    def all(self) -> list[CustomKind]:
        """Every served custom kind."""
        return list(self._kinds.values())

    def attach(self, store: Store) -> None:
        """Serve the store's CRDs from now on."""
        self._store = store
        store.subscribe(self._on_change)

    def _on_change(self, event: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        if resource.key == CRDS.key:
            if event == "DELETED":
                self._withdraw(obj["metadata"]["name"])
            elif obj["metadata"].get("deletionTimestamp"):
                self._clean_up(obj["metadata"]["name"])
            elif old is None or old["spec"] != obj["spec"]:
                self._serve(obj)
        elif event == "DELETED" and resource.custom:
            self._clean_up(resource.qualified)

    def _serve(self, crd: Obj) -> None:
        store, name = self._of_store(), crd["metadata"]["name"]
        self._withdraw(name)
        kinds = compile_versions(crd)
        for kind in kinds:
            self._kinds[(kind.resource.group, kind.resource.version, kind.resource.plural)] = kind
            store.registry.add(kind.resource)
        self._by_crd[name] = kinds
        store.modify(CRDS, name=name, change=self._establish, options=WriteOptions(subresource="status"))

    def _establish(self, crd: Obj) -> None:
        now = timestamp(self._of_store().now())
        status, body = crd.setdefault("status", {}), crd["spec"]
        status["acceptedNames"] = body["names"]
        stored = [version["name"] for version in body["versions"] if version.get("storage")]
        status["storedVersions"] = list(dict.fromkeys([*(status.get("storedVersions") or ()), *stored]))
        known = {entry["type"]: entry for entry in status.get("conditions") or ()}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ):
            known.setdefault(
                kind,
                {"lastTransitionTime": now, "message": message, "reason": reason, "status": "True", "type": kind},
            )
        status["conditions"] = list(known.values())

    def _withdraw(self, name: str) -> None:
        for kind in self._by_crd.pop(name, []):
            self._kinds.pop((kind.resource.group, kind.resource.version, kind.resource.plural), None)
            self._of_store().registry.remove(kind.resource)

    def _clean_up(self, name: str) -> None:
        """Delete the objects of a CRD that is being deleted; when none is left, let it go."""
        store = self._of_store()
        crd = store.find(CRDS, name=name)
        kinds = self._by_crd.get(name)
        if crd is None or not kinds or not crd["metadata"].get("deletionTimestamp"):
            return
        resource = kinds[0].resource
        for obj in store.items(resource):
            if not obj["metadata"].get("deletionTimestamp"):
                store.delete(resource, namespace=obj["metadata"].get("namespace"), name=obj["metadata"]["name"])
        if store.count(resource) == 0 and CLEANUP in (crd["metadata"].get("finalizers") or ()):
            store.modify(CRDS, name=name, change=_drop_cleanup)

    def _of_store(self) -> Store:
        if self._store is None:
            raise RuntimeError("attach a store first")
        return self._store


def _drop_cleanup(crd: Obj) -> None:
    metadata = crd["metadata"]
    metadata["finalizers"] = [entry for entry in metadata.get("finalizers") or () if entry != CLEANUP]
    if not metadata["finalizers"]:
        del metadata["finalizers"]
