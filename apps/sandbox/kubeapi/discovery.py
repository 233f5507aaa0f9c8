"""What the cluster serves: /api, /apis and their groups, plain and aggregated (v2), and /openapi/v3."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from apps.sandbox.kubeapi import builtin
from apps.sandbox.kubeapi.customs import CustomKind, CustomKinds
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.request import Form

VERSION: Obj = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": spec.VERSION,
    "gitCommit": "plimsoll-sandbox",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_SCALE = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
_ROOT_PATHS = ("/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version")


class Discovery:
    """Answers discovery for one cluster; built anew from the custom kinds at each call, which are few."""

    def __init__(self, customs: CustomKinds) -> None:
        self._customs = customs

    def groups(self) -> list[Obj]:
        """Every group but the core one, each with its versions and their resources in aggregated form."""
        found: dict[str, dict[str, list[Obj]]] = {}
        for item in builtin.discovery():
            found.setdefault(item["group"], {})[item["version"]] = item["resources"]
        for kind in sorted(self._customs.all(), key=lambda kind: kind.resource.group):
            resource = kind.resource
            versions = found.setdefault(resource.group, {})
            versions.setdefault(resource.version, []).append(_aggregated(kind))
        return [{"group": group, "versions": versions} for group, versions in found.items()]

    def aggregated(self, *, legacy: bool) -> Obj:
        """The APIGroupDiscoveryList of /api (legacy) or /apis."""
        items = []
        for entry in self.groups():
            if (entry["group"] == "") is legacy:
                metadata: Obj = {"creationTimestamp": None}
                if entry["group"]:
                    metadata = {"name": entry["group"], "creationTimestamp": None}
                versions = [
                    {"version": version, "resources": [_full(r, entry["group"], version) for r in resources],
                     "freshness": "Current"}
                    for version, resources in entry["versions"].items()
                ]  # fmt: skip
                items.append({"metadata": metadata, "versions": versions})
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": items,
        }

    def group(self, name: str) -> Obj | None:
        """The APIGroup of a name, or None."""
        for entry in self.groups():
            if entry["group"] == name and name:
                return {"kind": "APIGroup", "apiVersion": "v1", **_group(entry)}
        return None

    def group_list(self) -> Obj:
        """The APIGroupList of /apis."""
        groups = [_group(entry) for entry in self.groups() if entry["group"]]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def resources(self, group: str, *, version: str) -> Obj | None:
        """The APIResourceList of a group version, or None."""
        for entry in self.groups():
            if entry["group"] == group and version in entry["versions"]:
                flat = [plain for item in entry["versions"][version] for plain in _plain(item, group, version)]
                name = f"{group}/{version}" if group else version
                body: Obj = {"kind": "APIResourceList"}
                if group:
                    body["apiVersion"] = "v1"
                return body | {"groupVersion": name, "resources": flat}
        return None

    def answer(self, path: str, *, form: Form) -> Obj | None:
        """The discovery document of a path, in the form that the client accepts; None for other paths."""
        parts = path.strip("/").split("/")
        whole = form.kind == "APIGroupDiscoveryList"
        match parts:
            case ["api"]:
                return self.aggregated(legacy=True) if whole else _legacy_versions()
            case ["apis"]:
                return self.aggregated(legacy=False) if whole else self.group_list()
            case ["api", version]:
                return self.resources("", version=version)
            case ["apis", group]:
                return self.group(group)
            case ["apis", group, version]:
                return self.resources(group, version=version)
        return None

    def root(self) -> Obj:
        """The paths that / lists."""
        groups = [
            path
            for entry in self.groups()
            if entry["group"]
            for path in (f"/apis/{entry['group']}", *(f"/apis/{entry['group']}/{v}" for v in entry["versions"]))
        ]
        return {"paths": sorted([*_ROOT_PATHS, *groups])}

    # -- OpenAPI ---------------------------------------------------------------------------------------------

    def openapi_index(self) -> Obj:
        """The list of OpenAPI v3 documents, each with a hash that changes with its content."""
        bases = list(spec.paths()) + sorted(
            {f"apis/{kind.resource.group}/{kind.resource.version}" for kind in self._customs.all()} - set(spec.paths())
        )
        found = {}
        for base in bases:
            digest = hashlib.sha256(self.openapi(base) or b"").hexdigest()[:32].upper()
            found[base] = {"serverRelativeURL": f"/openapi/v3/{base}?hash={digest}"}
        return {"paths": found}

    def openapi(self, base: str) -> bytes | None:
        """The OpenAPI v3 document of `apis/GROUP/VERSION`, or None."""
        shipped = spec.document(base)
        if shipped is not None:
            return shipped
        group, _, version = base.removeprefix("apis/").partition("/")
        kinds = [k for k in self._customs.all() if (k.resource.group, k.resource.version) == (group, version)]
        return json.dumps(_custom_document(kinds), separators=(",", ":")).encode() if kinds else None


def _legacy_versions() -> Obj:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def _group(entry: Obj) -> Obj:
    versions = [{"groupVersion": f"{entry['group']}/{v}", "version": v} for v in entry["versions"]]
    return {"name": entry["group"], "versions": versions, "preferredVersion": versions[0]}


def _aggregated(kind: CustomKind) -> Obj:
    resource = kind.resource
    me = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    body: Obj = {
        "resource": resource.plural,
        "responseKind": me,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        body["shortNames"] = list(resource.short_names)
    if resource.categories:
        body["categories"] = list(resource.categories)
    subs = [
        {"subresource": name, "responseKind": _SCALE if name == "scale" else me, "verbs": ["get", "patch", "update"]}
        for name in sorted(resource.subresources, reverse=True)
    ]
    return body | ({"subresources": subs} if subs else {})


def _full(entry: Obj, group: str, version: str) -> Obj:
    """The entry with the group and version of kinds that left them empty."""
    kind = {**entry["responseKind"]}
    if not kind.get("version"):
        kind |= {"group": group, "version": version}
    subs = []
    for sub in entry.get("subresources", ()):
        below = {**sub["responseKind"]}
        if not below.get("version"):
            below |= {"group": group, "version": version}
        subs.append({**sub, "responseKind": below})
    return {**entry, "responseKind": kind} | ({"subresources": subs} if subs else {})


def _plain(entry: Obj, group: str, version: str) -> list[Obj]:
    """The entry and its subresources as APIResourceList spells them."""
    base: Obj = {
        "name": entry["resource"],
        "singularName": entry["singularResource"],
        "namespaced": entry["scope"] == "Namespaced",
        "kind": entry["responseKind"]["kind"],
        "verbs": entry["verbs"],
    }
    for key in ("shortNames", "categories"):
        if key in entry:
            base[key] = entry[key]
    found = [base]
    for sub in entry.get("subresources", ()):
        kind = sub["responseKind"]
        plain: Obj = {"name": f"{entry['resource']}/{sub['subresource']}", "singularName": ""}
        plain["namespaced"] = base["namespaced"]
        if kind.get("version") and (kind.get("group"), kind["version"]) != (group, version):
            plain |= {"group": kind.get("group", ""), "version": kind["version"]}
        found.append(plain | {"kind": kind["kind"], "verbs": sub["verbs"]})
    return found


_QUERY = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")


def _operation(kind: CustomKind, action: str, *, parameters: tuple[str, ...] = ()) -> Obj:
    resource = kind.resource
    body: Obj = {
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }
    if parameters:
        body["parameters"] = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in parameters]
    return body


def _schema_name(kind: CustomKind) -> str:
    """`dev.plimsoll.v1alpha1.ResourcePolicy`."""
    resource = kind.resource
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def _custom_document(kinds: list[CustomKind]) -> Obj:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for kind in kinds:
        resource = kind.resource
        base = f"/apis/{resource.group}/{resource.version}"
        base += "/namespaces/{namespace}" if resource.namespaced else ""
        paths[f"{base}/{resource.plural}"] = {
            "get": _operation(kind, "list"),
            "post": _operation(kind, "post", parameters=_QUERY),
        }
        item = {
            "get": _operation(kind, "get"),
            "put": _operation(kind, "put", parameters=_QUERY),
            "patch": _operation(kind, "patch", parameters=_QUERY),
        }
        paths[f"{base}/{resource.plural}/{{name}}"] = item
        for sub in resource.subresources:
            paths[f"{base}/{resource.plural}/{{name}}/{sub}"] = item
        gvk = {"group": resource.group, "kind": resource.kind, "version": resource.version}
        full = _described(kind)
        schemas[_schema_name(kind)] = {**full, "x-kubernetes-group-version-kind": [gvk]}
    schemas |= spec.closure({spec.OBJECT_META, spec.LIST_META})
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _described(kind: CustomKind) -> dict[str, Any]:
    properties = dict(kind.full_schema["properties"])
    core = next(s for s in spec.schemas().values() if "apiVersion" in (s.get("properties") or {}))["properties"]
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string", "description": core[name]["description"]}
    meta = {"$ref": f"#/components/schemas/{spec.OBJECT_META}"}
    properties["metadata"] = {
        "allOf": [meta],
        "description": "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/"
        "sig-architecture/api-conventions.md#metadata",
    }
    return {**kind.full_schema, "properties": properties}
