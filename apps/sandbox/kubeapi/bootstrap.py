"""What a cluster holds from the start: its namespaces and the RBAC objects that every cluster has.

The roles are the discovery and user-facing ones of k8s.io/kubernetes `bootstrappolicy`, with the resources served here.
"""

from __future__ import annotations

from apps.sandbox.kubeapi.builtin import CLUSTERROLEBINDINGS, CLUSTERROLES, NAMESPACES
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.store import Store, WriteOptions

_LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_UPDATE = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_DISCOVERY = [
    "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
    "/version/",
]  # fmt: skip
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_CORE = ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "serviceaccounts", "services"]
_APPS = [
    "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
    "statefulsets/scale",
]  # fmt: skip


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> Obj:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _paths(paths: list[str]) -> Obj:
    return {"nonResourceURLs": paths, "verbs": ["get"]}


_VIEW = [
    _rule([""], [*_CORE, "bindings", "events", "limitranges", "namespaces", "resourcequotas"], _READ),
    _rule(["apps"], ["controllerrevisions", *_APPS], _READ),
    _rule(["autoscaling"], ["horizontalpodautoscalers"], _READ),
    _rule(["batch"], ["cronjobs", "jobs"], _READ),
    _rule(["discovery.k8s.io"], ["endpointslices"], _READ),
    _rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], _READ),
    _rule(["policy"], ["poddisruptionbudgets"], _READ),
]
_EDIT = [
    *_VIEW,
    _rule([""], ["secrets"], _READ),
    _rule([""], [*_CORE, "events", "secrets"], _WRITE),
    _rule([""], ["pods/eviction", "serviceaccounts/token"], ["create"]),
    _rule(["apps"], _APPS, _WRITE),
    _rule(["autoscaling"], ["horizontalpodautoscalers"], _WRITE),
    _rule(["batch"], ["cronjobs", "jobs"], _WRITE),
    _rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], _WRITE),
    _rule(["policy"], ["poddisruptionbudgets"], _WRITE),
]
_ADMIN = [
    *_EDIT,
    _rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
    _rule(["rbac.authorization.k8s.io"], ["rolebindings", "roles"], [*_READ, *_WRITE]),
]
_REVIEWS = _rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"])
_ROLES: dict[str, list[Obj]] = {
    "cluster-admin": [_rule(["*"], ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
    "admin": _ADMIN,
    "edit": _EDIT,
    "view": _VIEW,
    "system:basic-user": [_REVIEWS, _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"])],
    "system:discovery": [_paths(_DISCOVERY)],
    "system:public-info-viewer": [_paths(_PUBLIC)],
}
_BINDINGS: dict[str, list[str]] = {
    "cluster-admin": ["system:masters"],
    "system:basic-user": ["system:authenticated"],
    "system:discovery": ["system:authenticated"],
    "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
}
FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def furnish(store: Store) -> None:
    """Make what is missing; what is there already stays as it is."""
    options = WriteOptions(manager="kube-apiserver")
    for name in FIRST_NAMESPACES:
        if store.find(NAMESPACES, name=name) is None:
            store.create(NAMESPACES, obj={"metadata": {"name": name}}, options=options)
    for name, rules in _ROLES.items():
        if store.find(CLUSTERROLES, name=name) is None:
            store.create(CLUSTERROLES, obj={"metadata": _metadata(name), "rules": rules}, options=options)
    for name, groups in _BINDINGS.items():
        if store.find(CLUSTERROLEBINDINGS, name=name) is None:
            store.create(CLUSTERROLEBINDINGS, obj=_binding(name, groups), options=options)


def _metadata(name: str) -> Obj:
    return {"name": name, "annotations": dict(_UPDATE), "labels": dict(_LABEL)}


def _binding(name: str, groups: list[str]) -> Obj:
    api = "rbac.authorization.k8s.io"
    return {
        "metadata": _metadata(name),
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group} for group in groups],
    }
