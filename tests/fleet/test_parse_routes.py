"""Routes: which hosts lead to which Services, and through which class."""

from __future__ import annotations

from typing import Any

from apps.fleet.domain import parse_routes
from apps.kernel import kinds
from apps.kernel.kinds import Kind
from apps.kernel.vocab import Backend, Route
from tests.fleet.build import Raw, look, make_cache, meta

Routes = dict[str, Route]


def _routes(objects: dict[Kind, list[Raw]]) -> Routes:
    return dict(look(make_cache(objects)).routes)


def _ingress(name: str = "web", *, class_: str | None = "nginx", **notes: str) -> Raw:
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    return {
        "metadata": meta(name, "shop", kind="Ingress", annotations=notes),
        "spec": {
            **({"ingressClassName": class_} if class_ else {}),
            "rules": [{"host": "shop.example", "http": {"paths": [{"path": "/", "backend": backend}]}}],
        },
    }


def _class(name: str, controller: str, *, default: bool = False) -> Raw:
    notes = {parse_routes.DEFAULT_CLASS_ANNOTATION: "true"} if default else {}
    return {"metadata": meta(name, kind="IngressClass", annotations=notes), "spec": {"controller": controller}}


def test_an_ingress_leads_to_its_services() -> None:
    raw = _ingress()
    raw["spec"]["defaultBackend"] = {"service": {"name": "fallback", "port": {"number": 80}}}
    found = _routes({kinds.INGRESS: [raw]})["Ingress/shop/web"]
    assert found.route_class == "nginx"
    assert found.hosts == ("shop.example",)
    assert found.backends == (Backend("shop", "web", "http"), Backend("shop", "fallback", "80"))


def test_an_ingress_without_a_class_takes_the_default_one() -> None:
    objects = {
        kinds.INGRESS: [_ingress(class_=None)],
        kinds.INGRESS_CLASS: [_class("alb", "x/alb"), _class("nginx", "k8s.io/ingress-nginx", default=True)],
    }
    assert _routes(objects)["Ingress/shop/web"].route_class == "nginx"
    assert look(make_cache(objects)).controllers == {"alb": "x/alb", "nginx": "k8s.io/ingress-nginx"}


def test_without_a_default_class_none_is_made_up() -> None:
    assert _routes({kinds.INGRESS: [_ingress(class_=None)]})["Ingress/shop/web"].route_class == ""


def test_the_old_annotation_names_the_class() -> None:
    raw = _ingress(class_=None, **{parse_routes.CLASS_ANNOTATION: "traefik"})
    assert _routes({kinds.INGRESS: [raw]})["Ingress/shop/web"].route_class == "traefik"


def _http_route(*parents: dict[str, str], backends: list[dict[str, Any]]) -> Raw:
    return {
        "metadata": meta("web", "shop", kind="HTTPRoute"),
        "spec": {"parentRefs": list(parents), "hostnames": ["a.example"], "rules": [{"backendRefs": backends}]},
    }


def _gateway(name: str, class_: str, namespace: str = "edge") -> Raw:
    return {"metadata": meta(name, namespace, kind="Gateway"), "spec": {"gatewayClassName": class_}}


def test_an_http_route_takes_the_classes_of_all_its_gateways() -> None:
    parents = ({"name": "public", "namespace": "edge"}, {"name": "mesh", "namespace": "edge"})
    found = _routes(
        {
            kinds.HTTP_ROUTE: [_http_route(*parents, backends=[{"name": "web", "port": 8080}])],
            kinds.GATEWAY: [_gateway("public", "envoy"), _gateway("mesh", "istio")],
        }
    )
    assert {key: route.route_class for key, route in found.items()} == {
        "HTTPRoute/shop/web": "envoy",
        "HTTPRoute/shop/web@istio": "istio",
    }
    assert found["HTTPRoute/shop/web"].backends == (Backend("shop", "web", "8080"),)


def test_an_http_route_without_a_known_gateway_has_no_class() -> None:
    route = _http_route({"name": "gone"}, backends=[{"name": "web"}])
    assert _routes({kinds.HTTP_ROUTE: [route]})["HTTPRoute/shop/web"].route_class == ""


def test_a_backend_that_is_no_service_is_left_out() -> None:
    backends = [{"name": "bucket", "kind": "Bucket"}, {"name": "api", "namespace": "core"}]
    route = _http_route({"name": "gone"}, backends=backends)
    assert _routes({kinds.HTTP_ROUTE: [route]})["HTTPRoute/shop/web"].backends == (Backend("core", "api"),)


def _virtual_service(*hosts: str) -> Raw:
    route = [{"destination": {"host": host, "port": {"number": 80}}} for host in hosts]
    return {
        "metadata": meta("web", "shop", kind="VirtualService"),
        "spec": {"hosts": ["shop.example"], "http": [{"route": route}]},
    }


def test_the_three_ways_to_name_a_service_are_one() -> None:
    raw = _virtual_service("web", "web.shop", "web.shop.svc.cluster.local", "api.core.svc.cluster.local")
    found = _routes({kinds.VIRTUAL_SERVICE: [raw]})["VirtualService/shop/web"]
    assert found.backends == (Backend("shop", "web", "80"), Backend("core", "api", "80"))
    assert found.route_class == "istio"


def test_a_host_outside_the_cluster_is_no_backend() -> None:
    raw = _virtual_service("www.example.org", "*.example.org")
    assert _routes({kinds.VIRTUAL_SERVICE: [raw]})["VirtualService/shop/web"].backends == ()


def test_a_traefik_route_names_its_hosts_in_its_match() -> None:
    raw: Raw = {
        "metadata": meta("web", "shop", kind="IngressRoute"),
        "spec": {
            "routes": [
                {
                    "match": "(Host(`a.example`) || Host(`b.example`, `c.example`)) && PathPrefix(`/x`)",
                    "services": [{"name": "web", "port": 80}, {"name": "mirror", "kind": "TraefikService"}],
                }
            ]
        },
    }
    found = _routes({kinds.TRAEFIK_INGRESS_ROUTE: [raw]})["IngressRoute/shop/web"]
    assert found.hosts == ("a.example", "b.example", "c.example")
    assert found.backends == (Backend("shop", "web", "80"),)
    assert found.route_class == "traefik"


def test_nonsense_in_a_loose_field_breaks_nothing() -> None:
    raw: Raw = {"metadata": meta("web", "shop", kind="IngressRoute"), "spec": {"routes": ["?", {"services": 7}]}}
    assert _routes({kinds.TRAEFIK_INGRESS_ROUTE: [raw]})["IngressRoute/shop/web"].backends == ()
