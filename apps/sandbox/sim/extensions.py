"""What an operator installs before any workload: classes, and the kinds of other people's controllers."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

# plural, kind, group, version, whether it lives in a namespace, whether it has a status
_KINDS = (
    ("gatewayclasses", "GatewayClass", "gateway.networking.k8s.io", "v1", False, True),
    ("gateways", "Gateway", "gateway.networking.k8s.io", "v1", True, True),
    ("httproutes", "HTTPRoute", "gateway.networking.k8s.io", "v1", True, True),
    ("virtualservices", "VirtualService", "networking.istio.io", "v1", True, True),
    ("ingressroutes", "IngressRoute", "traefik.io", "v1alpha1", True, False),
    ("scaledobjects", "ScaledObject", "keda.sh", "v1alpha1", True, True),
)


def definitions() -> list[Obj]:
    """CustomResourceDefinitions that keep whatever they are given: their own controllers would know better."""
    return [_definition(*kind) for kind in _KINDS]


def _definition(plural: str, kind: str, group: str, version: str, namespaced: bool, status: bool) -> Obj:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    served: Obj = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    if status:
        served["subresources"] = {"status": {}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    metadata: Obj = {"name": f"{plural}.{group}"}
    if group.endswith(".k8s.io"):
        metadata["annotations"] = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata,
        "spec": {"group": group, "names": names, "scope": "Namespaced" if namespaced else "Cluster",
                 "versions": [served]},
    }  # fmt: skip


def classes() -> list[Obj]:
    """IngressClasses, StorageClasses, and the GatewayClass and Gateway of Envoy Gateway."""
    return [
        _ingress_class("nginx", controller="k8s.io/ingress-nginx"),
        _ingress_class("traefik", controller="traefik.io/ingress-controller"),
        _storage_class("gp3", mode="WaitForFirstConsumer", default=True),
        _storage_class("gp3-immediate", mode="Immediate", default=False),
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "eg"},
         "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
         "metadata": {"name": "public", "namespace": "envoy-gateway-system"},
         "spec": {"gatewayClassName": "eg", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}},
    ]  # fmt: skip


def _ingress_class(name: str, *, controller: str) -> Obj:
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name},
            "spec": {"controller": controller}}  # fmt: skip


def _storage_class(name: str, *, mode: str, default: bool) -> Obj:
    note = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "ebs.csi.aws.com",
            "metadata": {"name": name, "annotations": note}, "reclaimPolicy": "Delete", "volumeBindingMode": mode,
            "parameters": {"type": "gp3"}}  # fmt: skip
