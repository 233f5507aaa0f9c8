"""The built-in kinds, from the published discovery document, and names for those that code refers to."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib import resources as package
from typing import Any

from apps.sandbox.kubeapi.resources import Registry, Resource


@cache
def discovery() -> list[dict[str, Any]]:
    """Group, version and aggregated-discovery resources of every built-in, in the real server's order."""
    raw = package.files("apps.sandbox.kubeapi.openapi").joinpath("discovery.json.gz").read_bytes()
    found: list[dict[str, Any]] = json.loads(gzip.decompress(raw))
    return found


def _resource(entry: dict[str, Any], *, group: str, version: str) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=entry["resource"],
        kind=entry["responseKind"]["kind"],
        namespaced=entry["scope"] == "Namespaced",
        singular=entry["singularResource"],
        short_names=tuple(entry.get("shortNames", ())),
        categories=tuple(entry.get("categories", ())),
        verbs=tuple(entry["verbs"]),
        subresources=frozenset(sub["subresource"] for sub in entry.get("subresources", ())),
    )


@cache
def builtins() -> list[Resource]:
    """Every built-in, the preferred version of a kind first."""
    return [
        _resource(entry, group=item["group"], version=item["version"])
        for item in discovery()
        for entry in item["resources"]
    ]


def builtin_registry() -> Registry:
    """A registry that serves the built-in kinds."""
    return Registry(builtins())


def builtin(plural: str, *, group: str = "") -> Resource:
    """The built-in of this name in its preferred version; LookupError when there is none."""
    for resource in builtins():
        if resource.key == (group, plural):
            return resource
    raise LookupError(f"{plural}.{group} is not a built-in kind")


NAMESPACES = builtin("namespaces")
NODES = builtin("nodes")
PODS = builtin("pods")
SERVICES = builtin("services")
ENDPOINTS = builtin("endpoints")
CONFIGMAPS = builtin("configmaps")
SECRETS = builtin("secrets")
SERVICEACCOUNTS = builtin("serviceaccounts")
EVENTS = builtin("events")
PERSISTENTVOLUMES = builtin("persistentvolumes")
PERSISTENTVOLUMECLAIMS = builtin("persistentvolumeclaims")
RESOURCEQUOTAS = builtin("resourcequotas")
LIMITRANGES = builtin("limitranges")
DEPLOYMENTS = builtin("deployments", group="apps")
REPLICASETS = builtin("replicasets", group="apps")
STATEFULSETS = builtin("statefulsets", group="apps")
DAEMONSETS = builtin("daemonsets", group="apps")
CONTROLLERREVISIONS = builtin("controllerrevisions", group="apps")
JOBS = builtin("jobs", group="batch")
CRONJOBS = builtin("cronjobs", group="batch")
HPAS = builtin("horizontalpodautoscalers", group="autoscaling")
PDBS = builtin("poddisruptionbudgets", group="policy")
INGRESSES = builtin("ingresses", group="networking.k8s.io")
INGRESSCLASSES = builtin("ingressclasses", group="networking.k8s.io")
ENDPOINTSLICES = builtin("endpointslices", group="discovery.k8s.io")
STORAGECLASSES = builtin("storageclasses", group="storage.k8s.io")
LEASES = builtin("leases", group="coordination.k8s.io")
ROLES = builtin("roles", group="rbac.authorization.k8s.io")
ROLEBINDINGS = builtin("rolebindings", group="rbac.authorization.k8s.io")
CLUSTERROLES = builtin("clusterroles", group="rbac.authorization.k8s.io")
CLUSTERROLEBINDINGS = builtin("clusterrolebindings", group="rbac.authorization.k8s.io")
CRDS = builtin("customresourcedefinitions", group="apiextensions.k8s.io")
