"""Routes from their raw JSON: which hosts lead to which Services, and through which controller.

    Ingress         class: spec.ingressClassName, the old annotation, else the cluster's default class
    HTTPRoute       class: that of the Gateways it attaches to, which are joined on later
    VirtualService  class: "istio"
    IngressRoute    class: the old annotation, else "traefik"

A backend that is no Service (a bucket, a TraefikService, an inference pool) is left out: what it leads to is not known,
and a workload without a route stays awake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.fleet.domain.metadata import items, mapping, ref_of, text
from apps.kernel.kinds import HTTP_ROUTE, INGRESS, TRAEFIK_INGRESS_ROUTE, VIRTUAL_SERVICE
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Backend, ObjectRef

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
ISTIO = "istio"
TRAEFIK = "traefik"

_TRAEFIK_HOST = re.compile(r"Host(?:SNI)?\(([^)]*)\)")
_TRAEFIK_NAME = re.compile(r"[`\"']([^`\"']+)[`\"']")


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A route before its class is known: `route_class` is "" for an Ingress that takes the default one, and
    `gateways` are the keys (NAMESPACE/NAME) of the Gateways an HTTPRoute attaches to."""

    ref: ObjectRef
    hosts: tuple[str, ...]
    backends: tuple[Backend, ...]
    route_class: str = ""
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """An IngressClass or GatewayClass: its name, its controller, and whether Ingresses without a class take it."""

    name: str
    controller: str
    is_default: bool = False


def parse_ingress(obj: JsonObject, *, cluster: str) -> RouteFacts:
    meta, spec = obj["metadata"], mapping(obj.get("spec"))
    rules = [mapping(rule) for rule in items(spec.get("rules"))]
    paths = [path for rule in rules for path in items(mapping(rule.get("http")).get("paths"))]
    named = [mapping(path).get("backend") for path in paths] + [spec.get("defaultBackend")]
    namespace = text(meta.get("namespace"))
    return RouteFacts(
        ref=ref_of(obj, cluster=cluster, group=INGRESS.group, kind=INGRESS.kind),
        hosts=_unique(text(rule.get("host")) for rule in rules),
        backends=_unique(_ingress_backends(named, namespace)),
        route_class=text(spec.get("ingressClassName")) or text(mapping(meta.get("annotations")).get(CLASS_ANNOTATION)),
    )


def _ingress_backends(named: Iterable[Any], namespace: str) -> Iterator[Backend]:
    for backend in named:
        service = mapping(mapping(backend).get("service"))
        if service.get("name"):
            port = mapping(service.get("port"))
            yield Backend(namespace, text(service["name"]), str(port.get("number") or port.get("name") or ""))


def parse_http_route(obj: JsonObject, *, cluster: str) -> RouteFacts:
    spec = mapping(obj.get("spec"))
    namespace = text(obj["metadata"].get("namespace"))
    parents = [mapping(parent) for parent in items(spec.get("parentRefs"))]
    named = [ref for rule in items(spec.get("rules")) for ref in items(mapping(rule).get("backendRefs"))]
    return RouteFacts(
        ref=ref_of(obj, cluster=cluster, group=HTTP_ROUTE.group, kind=HTTP_ROUTE.kind),
        hosts=_unique(text(host) for host in items(spec.get("hostnames"))),
        backends=_unique(_services(named, namespace)),
        gateways=_unique(
            f"{text(parent.get('namespace')) or namespace}/{text(parent.get('name'))}"
            for parent in parents
            if parent.get("kind", "Gateway") == "Gateway"
        ),
    )


def parse_ingress_route(obj: JsonObject, *, cluster: str) -> RouteFacts:
    meta = obj["metadata"]
    routes = [mapping(route) for route in items(mapping(obj.get("spec")).get("routes"))]
    named = [service for route in routes for service in items(route.get("services"))]
    hosts = [
        name
        for route in routes
        for call in _TRAEFIK_HOST.findall(text(route.get("match")))
        for name in _TRAEFIK_NAME.findall(call)
    ]
    return RouteFacts(
        ref=ref_of(obj, cluster=cluster, group=TRAEFIK_INGRESS_ROUTE.group, kind=TRAEFIK_INGRESS_ROUTE.kind),
        hosts=_unique(hosts),
        backends=_unique(_services(named, text(meta.get("namespace")))),
        route_class=text(mapping(meta.get("annotations")).get(CLASS_ANNOTATION)) or TRAEFIK,
    )


def _services(named: Iterable[Any], namespace: str) -> Iterator[Backend]:
    """Backends written as `{kind, name, namespace, port}`, as the Gateway API and Traefik both do."""
    for found in named:
        ref = mapping(found)
        if ref.get("name") and ref.get("kind", "Service") == "Service":
            yield Backend(text(ref.get("namespace")) or namespace, text(ref["name"]), str(ref.get("port") or ""))


def parse_virtual_service(obj: JsonObject, *, cluster: str) -> RouteFacts:
    spec = mapping(obj.get("spec"))
    namespace = text(obj["metadata"].get("namespace"))
    routes = [route for section in ("http", "tls", "tcp") for route in items(spec.get(section))]
    named = [part for route in routes for part in items(mapping(route).get("route"))]
    return RouteFacts(
        ref=ref_of(obj, cluster=cluster, group=VIRTUAL_SERVICE.group, kind=VIRTUAL_SERVICE.kind),
        hosts=_unique(text(host) for host in items(spec.get("hosts"))),
        backends=_unique(_destinations(named, namespace)),
        route_class=ISTIO,
    )


def _destinations(named: Iterable[Any], namespace: str) -> Iterator[Backend]:
    """`reviews`, `reviews.shop` and `reviews.shop.svc.cluster.local` are one Service; a short name means the
    VirtualService's own namespace (istio.io, Destination.host). Another host is outside the cluster."""
    for found in named:
        destination = mapping(mapping(found).get("destination"))
        name, *rest = text(destination.get("host")).split(".")
        if name and name != "*" and (len(rest) < 2 or rest[1] == "svc"):
            port = mapping(destination.get("port")).get("number") or ""
            yield Backend(rest[0] if rest else namespace, name, str(port))


def parse_gateway(obj: JsonObject) -> str:
    """The class of a Gateway."""
    return text(mapping(obj.get("spec")).get("gatewayClassName"))


def parse_ingress_class(obj: JsonObject) -> ClassFacts:
    meta: Mapping[str, Any] = obj["metadata"]
    default = text(mapping(meta.get("annotations")).get(DEFAULT_CLASS_ANNOTATION)) == "true"
    return ClassFacts(meta["name"], text(mapping(obj.get("spec")).get("controller")), default)


def parse_gateway_class(obj: JsonObject) -> ClassFacts:
    return ClassFacts(obj["metadata"]["name"], text(mapping(obj.get("spec")).get("controllerName")))


def _unique(found: Iterable[Any]) -> tuple[Any, ...]:
    """In the order they were written; empty ones left out."""
    return tuple(dict.fromkeys(value for value in found if value))
