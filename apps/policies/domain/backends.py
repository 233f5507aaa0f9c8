"""Whose request a series counts: from the labels of each source to a group (a route or a Service) and a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from apps.kernel.vocab import Backend, Labels, Route, Workload
from apps.policies.domain.spec import Source

Group = tuple[str, ...]
Place = tuple[Group, str]
"""`part` is the Service inside a route's traffic, "" where the series tells only the group."""


def _nginx(labels: Labels) -> Place | None:
    """Where a target label of the same name exists, Prometheus keeps the series' own as exported_*."""
    namespace = labels.get("exported_namespace") or labels.get("namespace", "")
    ingress = labels.get("ingress", "")
    if not ingress:
        return None
    return ("Ingress", namespace, ingress), labels.get("exported_service") or labels.get("service", "")


def _istio(labels: Labels) -> Place | None:
    name = labels.get("destination_service_name", "")
    return (("Service", labels.get("destination_service_namespace", ""), name), "") if name else None


def _linkerd(labels: Labels) -> Place | None:
    """Inbound: the proxy beside the workload. Outbound: the authority, `web.shop.svc.cluster.local:80`."""
    if labels.get("direction") == "inbound":
        for label, kind in (("deployment", "Deployment"), ("statefulset", "StatefulSet")):
            if labels.get(label):
                return (kind, labels.get("namespace", ""), labels[label]), ""
        return None
    if labels.get("dst_service"):
        return ("Service", labels.get("dst_namespace", ""), labels["dst_service"]), ""
    parts = labels.get("authority", "").partition(":")[0].split(".")
    return (("Service", parts[1], parts[0]), "") if len(parts) > 2 and parts[2] == "svc" else None


def _traefik(labels: Labels) -> Place | None:
    """`NAMESPACE-NAME-PORT@kubernetes`, or `NAMESPACE-ROUTE-HASH@kubernetescrd`. Names with dashes can collide; then
    both get the traffic, and stay awake."""
    name, _, provider = (labels.get("exported_service") or labels.get("service", "")).partition("@")
    if not provider.startswith("kubernetes") or "-" not in name:
        return None
    return ("Traefik", name.rpartition("-")[0]), ""


def _envoy(labels: Labels) -> Place | None:
    """`httproute/NAMESPACE/NAME/rule/0`."""
    parts = labels.get("envoy_cluster_name", "").split("/")
    if len(parts) < 3 or parts[0] not in ("httproute", "grpcroute"):
        return None
    return ("HTTPRoute", parts[1], parts[2]), ""


def _query(labels: Labels) -> Place | None:
    namespace = labels.get("exported_namespace") or labels.get("namespace", "")
    for label, kind in (
        ("deployment", "Deployment"),
        ("statefulset", "StatefulSet"),
        ("workload", "Workload"),
        ("ingress", "Ingress"),
        ("exported_service", "Service"),
        ("service", "Service"),
    ):
        if labels.get(label):
            return (kind, namespace, labels[label]), ""
    return None


PLACES: dict[Source, Callable[[Labels], Place | None]] = {
    Source.INGRESS_NGINX: _nginx,
    Source.ISTIO: _istio,
    Source.LINKERD: _linkerd,
    Source.TRAEFIK: _traefik,
    Source.ENVOY_GATEWAY: _envoy,
    Source.QUERY: _query,
}


def groups(source: Source, workload: Workload, routes: tuple[tuple[Route, Backend], ...]) -> Iterator[Place]:
    """Where requests to `workload` are counted; `part` is the Service of the route that leads to it."""
    for route, backend in routes:
        if source is Source.INGRESS_NGINX:
            yield ("Ingress", route.ref.namespace, route.ref.name), backend.service
        elif source in (Source.ISTIO, Source.LINKERD):
            yield ("Service", backend.namespace, backend.service), ""
        elif source is Source.TRAEFIK:
            yield ("Traefik", f"{backend.namespace}-{backend.service}"), ""
            yield ("Traefik", f"{route.ref.namespace}-{route.ref.name}"), ""
        elif source is Source.ENVOY_GATEWAY:
            yield ("HTTPRoute", route.ref.namespace, route.ref.name), ""
        else:
            yield (route.ref.kind, route.ref.namespace, route.ref.name), ""
            yield ("Service", backend.namespace, backend.service), ""
    if source in (Source.LINKERD, Source.QUERY):
        yield (workload.ref.kind, workload.ref.namespace, workload.ref.name), ""
        yield ("Workload", workload.ref.namespace, workload.ref.name), ""
