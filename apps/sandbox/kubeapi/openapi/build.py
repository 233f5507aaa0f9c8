"""Makes this package's data from the API description that Kubernetes publishes.

    python -m apps.sandbox.kubeapi.openapi.build DIR

DIR is laid out as `api/` of the module k8s.io/kubernetes (Apache License 2.0): `openapi-spec/v3` and `discovery`. What
is shipped was made from the documents that a kube-apiserver v1.36.3 serves, which name the values of enumerations too:
with KUBECONFIG_DUMP=FILE they are fetched through kubectl.

The steps: keep the groups and resources that the sandbox serves; keep every schema they reach, whole; of the paths keep
what kubectl reads (the kinds and the names of the parameters).
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# Group, version, and the resources served ("*" is all of them).
SERVED: list[tuple[str, str, set[str]]] = [
    (
        "",
        "v1",
        {
            "bindings",
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "podtemplates",
            "resourcequotas",
            "secrets",
            "serviceaccounts",
            "services",
        },
    ),
    ("apps", "v1", {"*"}),
    ("authentication.k8s.io", "v1", {"*"}),
    ("authorization.k8s.io", "v1", {"*"}),
    ("autoscaling", "v2", {"*"}),
    ("autoscaling", "v1", {"*"}),
    ("batch", "v1", {"*"}),
    ("networking.k8s.io", "v1", {"ingresses", "ingressclasses", "networkpolicies"}),
    ("policy", "v1", {"*"}),
    ("rbac.authorization.k8s.io", "v1", {"*"}),
    ("storage.k8s.io", "v1", {"storageclasses"}),
    ("apiextensions.k8s.io", "v1", {"*"}),
    ("scheduling.k8s.io", "v1", {"priorityclasses"}),
    ("coordination.k8s.io", "v1", {"leases"}),
    ("discovery.k8s.io", "v1", {"*"}),
]
DROPPED_SUBRESOURCES = {
    "attach",
    "exec",
    "portforward",
    "proxy",
    "log",
    "ephemeralcontainers",
    "resize",
    "approval",
}


def _base(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _operation(raw: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"responses": {"200": {"description": "OK"}}}
    for field in ("x-kubernetes-action", "x-kubernetes-group-version-kind"):
        if field in raw:
            kept[field] = raw[field]
    names = [entry["name"] for entry in raw.get("parameters", ()) if entry.get("in") == "query"]
    if names:
        kept["parameters"] = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    return kept


def _wanted(path: str, *, base: str, resources: set[str]) -> bool:
    parts = path.strip("/").removeprefix(base).strip("/").split("/")
    if "watch" in parts[:1]:
        return False
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in ("status", "finalize"):
        parts = parts[2:]
    if len(parts) > 2 and parts[2] in DROPPED_SUBRESOURCES:
        return False
    return "*" in resources or parts[0] in resources


def _paths(document: dict[str, Any], *, base: str, resources: set[str]) -> dict[str, Any]:
    found = {}
    for path, item in document["paths"].items():
        if path.strip("/") != base and _wanted(path, base=base, resources=resources):
            verbs = {verb: _operation(raw) for verb, raw in item.items() if verb in ("get", "put", "post", "patch")}
            if verbs:
                found[path] = verbs
    return found


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in node.values())) if node else own
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()


def _closure(roots: set[str], *, schemas: dict[str, Any]) -> set[str]:
    found, todo = set(), set(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo |= _references(schemas[name])
    return found


def _legacy(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The core group's APIResourceList in the form of aggregated discovery."""
    found: dict[str, dict[str, Any]] = {}
    for entry in document["resources"]:
        name, _, sub = entry["name"].partition("/")
        kind = {"group": entry.get("group", ""), "kind": entry["kind"], "version": entry.get("version", "")}
        if not sub:
            found[name] = {
                "resource": name,
                "responseKind": kind,
                "scope": "Namespaced" if entry["namespaced"] else "Cluster",
                "singularResource": entry["singularName"],
                "verbs": entry["verbs"],
            } | {key: entry[key] for key in ("shortNames", "categories") if key in entry}
        elif name in found:
            found[name].setdefault("subresources", []).append(
                {"responseKind": kind, "subresource": sub, "verbs": entry["verbs"]}
            )
    return list(found.values())


def _trim(resources: list[dict[str, Any]], *, wanted: set[str]) -> list[dict[str, Any]]:
    kept = []
    for entry in resources:
        if "*" in wanted or entry["resource"] in wanted:
            subs = [sub for sub in entry.get("subresources", ()) if sub["subresource"] not in DROPPED_SUBRESOURCES]
            trimmed = {key: value for key, value in entry.items() if key != "subresources"}
            kept.append(trimmed | ({"subresources": subs} if subs else {}))
    return kept


def _write(name: str, value: Any) -> None:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    (HERE / name).write_bytes(gzip.compress(text, compresslevel=9, mtime=0))


def _document(root: Path, base: str) -> dict[str, Any]:
    """The OpenAPI v3 document of a group version: from a running server if one is given, else as published."""
    kubeconfig = os.environ.get("KUBECONFIG_DUMP")
    if not kubeconfig:
        text = (root / "openapi-spec/v3" / f"{base.replace('/', '__')}_openapi.json").read_text()
    else:
        command = ["kubectl", f"--kubeconfig={kubeconfig}", "get", "--raw", f"/openapi/v3/{base}"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    document: dict[str, Any] = json.loads(text)
    return document


def main(folder: str) -> None:
    """Write schemas.json.gz, paths.json.gz and discovery.json.gz beside this file."""
    root = Path(folder)
    aggregated = json.loads((root / "discovery/aggregated_v2.json").read_text())
    by_group = {item["metadata"]["name"]: item for item in aggregated["items"]}
    schemas: dict[str, Any] = {}
    paths, discovery = {}, []
    for group, version, resources in SERVED:
        base = _base(group, version)
        document = _document(root, base)
        schemas |= document["components"]["schemas"]
        paths[base] = _paths(document, base=base, resources=resources)
        if group:
            found = next(v["resources"] for v in by_group[group]["versions"] if v["version"] == version)
        else:
            found = _legacy(json.loads((root / "discovery/api__v1.json").read_text()))
        discovery.append({"group": group, "version": version, "resources": _trim(found, wanted=resources)})
    kinds = {
        (kind["group"], kind["version"], kind["kind"])
        for items in paths.values()
        for item in items.values()
        for verb in item.values()
        for kind in [verb.get("x-kubernetes-group-version-kind", {"group": "", "version": "", "kind": ""})]
    }
    roots = {
        name
        for name, schema in schemas.items()
        for kind in schema.get("x-kubernetes-group-version-kind", ())
        if (kind["group"], kind["version"], kind["kind"].removesuffix("List")) in kinds
        or (kind["group"], kind["version"], kind["kind"]) in kinds
    }
    _write("schemas.json.gz", {name: schemas[name] for name in _closure(roots, schemas=schemas)})
    _write("paths.json.gz", paths)
    _write("discovery.json.gz", discovery)


if __name__ == "__main__":
    main(sys.argv[1])
