"""Routes with their class: the default IngressClass, or the classes of the Gateways they attach to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from apps.fleet.domain import parse_routes
from apps.fleet.domain.parse_routes import ClassFacts, RouteFacts
from apps.fleet.domain.shelf import Shelf
from apps.kernel import kinds
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Route

T = TypeVar("T")

ROUTES: Mapping[Kind, Callable[..., RouteFacts]] = {
    kinds.INGRESS: parse_routes.parse_ingress,
    kinds.HTTP_ROUTE: parse_routes.parse_http_route,
    kinds.VIRTUAL_SERVICE: parse_routes.parse_virtual_service,
    kinds.TRAEFIK_INGRESS_ROUTE: parse_routes.parse_ingress_route,
}
CLASSES: Mapping[Kind, Callable[[JsonObject], ClassFacts]] = {
    kinds.INGRESS_CLASS: parse_routes.parse_ingress_class,
    kinds.GATEWAY_CLASS: parse_routes.parse_gateway_class,
}


class ClassedRoutes:
    """`shelf` holds an HTTPRoute that attaches to Gateways of several classes once for each: the second and later
    ones under `KEY@CLASS`, so that every controller that could bring it traffic is heard."""

    def __init__(self, cluster: str) -> None:
        self.shelf: Shelf[Route] = Shelf()
        self.controllers: Mapping[str, str] = {}
        self._cluster = cluster
        self._facts: dict[str, RouteFacts] = {}
        self._gateways: dict[str, str] = {}
        self._classes: dict[str, ClassFacts] = {}
        self._touched = False

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        if kind in ROUTES:
            self._keep(self._facts, key, ROUTES[kind](obj, cluster=self._cluster))
        elif kind in CLASSES:
            self._keep(self._classes, key, CLASSES[kind](obj))
        else:
            self._keep(self._gateways, key, parse_routes.parse_gateway(obj))

    def drop(self, kind: Kind, key: str) -> None:
        for known in (self._facts, self._classes, self._gateways):
            if known.pop(key, None) is not None:
                self._touched = True

    def settle(self) -> None:
        if not self._touched:
            return
        self._touched = False
        classes = sorted(self._classes.values(), key=lambda found: found.name)
        self.controllers = {found.name: found.controller for found in classes if found.controller}
        default = next((found.name for found in classes if found.is_default), "")
        routes = dict(pair for key, facts in self._facts.items() for pair in self._classed(key, facts, default))
        for key in set(self.shelf) - routes.keys():
            self.shelf.pop(key)
        for key, route in routes.items():
            self.shelf.put(key, route)

    def _classed(self, key: str, facts: RouteFacts, default: str) -> Iterator[tuple[str, Route]]:
        if facts.ref.kind == kinds.HTTP_ROUTE.kind:
            found = (self._gateways.get(f"{kinds.GATEWAY.kind}/{name}", "") for name in facts.gateways)
            names = list(dict.fromkeys(filter(None, found))) or [""]
        else:
            names = [facts.route_class or default]
        for number, name in enumerate(names):
            yield f"{key}@{name}" if number else key, Route(facts.ref, name, facts.hosts, facts.backends)

    def _keep(self, known: dict[str, T], key: str, value: T) -> None:
        if known.get(key) != value:
            known[key] = value
            self._touched = True
