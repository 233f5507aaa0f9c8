"""What counts requests at the edge of a cluster: one target a replica, one lane of the log each.

Checked against the sources and documentation of ingress-nginx 1.12 (internal/ingress/metric/collectors), Traefik 3
(service names `<namespace>-<service>-<port>@kubernetes` for Ingress and `@kubernetescrd` for IngressRoute), Envoy
Gateway 1.3 (`envoy_cluster_name="httproute/<namespace>/<name>/rule/<n>"`), Istio 1.24 and Linkerd 2.16. Where no pod
is ready: ingress-nginx and Traefik answer and count 503; Envoy counts `upstream_cx_none_healthy` and no upstream
request; Istio's gateway counts 503 with response flag UH and an unknown destination workload; Linkerd's proxy counts a
request without a destination.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.sandbox.metrics.exporters.hub import Hub, Labels
from apps.sandbox.metrics.families import REFUSED, SERVED, Counted, Share
from apps.sandbox.metrics.targets import Target
from apps.sandbox.sim.traffic import Source


@dataclass(frozen=True, slots=True)
class Routed:
    """One backend of one route, and the workload behind it. `workload` is `Kind/namespace/name`; `paths` are the paths
    of the route, of which the longest that a request begins with is the location that serves it."""

    workload: str
    namespace: str
    route: str
    service: str
    port: str = "80"
    host: str = ""
    paths: tuple[str, ...] = ("/",)
    crd: bool = False

    def location(self, path: str) -> str:
        """The route's path that a request for `path` is served by."""
        return max((one for one in self.paths if path.startswith(one)), key=len, default="/")


@dataclass
class Gateway:
    """The replicas of one controller. `kind` is nginx, traefik, envoy, istio or linkerd."""

    hub: Hub
    kind: str
    pods: tuple[str, ...]
    started_ms: int | None = None
    targets: list[Target] = field(default_factory=list)
    routes: list[Routed] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        for lane, pod in enumerate(self.pods):
            self.targets.append(self._target(lane, pod=pod, start_ms=self.started_ms))

    def serve(self, routed: Routed) -> None:
        """Count the requests to this backend from now on and before, as if the route had always been there."""
        self.routes.append(routed)
        for lane, target in enumerate(self.targets):
            self._expose(routed, lane=lane, target=target)

    def replace(self, lane: int, *, pod: str, at_ms: int) -> Target:
        """The replica of a lane is gone and another pod has taken its place: a new target, counting from zero."""
        old = self.targets[lane]
        self.hub.targets.remove(old, at_ms=at_ms)
        new = self.targets[lane] = self._target(lane, pod=pod, start_ms=at_ms)
        for family in self.hub.counters():
            family.end_shares(old, at_ms=at_ms)
        for routed in self.routes:
            self._expose(routed, lane=lane, target=new)
        return new

    def _target(self, lane: int, *, pod: str, start_ms: int | None) -> Target:
        info = _KINDS[self.kind]
        # Counted by gateway: a restart of the sandbox makes its other targets in another order.
        self._made += 1
        labels = {
            "job": info.job, "instance": f"10.{lane}.{self._made // 250}.{self._made % 250}:{info.port}",
            "namespace": info.namespace, "pod": pod, **info.extra,
        }  # fmt: skip
        target = self.hub.add_target(labels, start_ms=start_ms)
        own = {"controller_pod": pod, **info.alive[1]} if self.kind == "nginx" else info.alive[1]
        self.hub.constant(info.alive[0], own, target=target, help_text=info.alive[2])
        return target

    def _expose(self, routed: Routed, *, lane: int, target: Target) -> None:
        demand = self.hub.demand
        rows = [row for row in demand.rows_of.get(routed.workload, []) if row % demand.lanes % len(self.pods) == lane]
        if self.kind == "envoy" and not rows:
            _envoy(self.hub, routed, None, target, Share(-1))
        for row in rows:
            source, _ = demand.row_source(row)
            _KINDS[self.kind].expose(self.hub, routed, source, target, Share(row))


_Expose = Callable[[Hub, Routed, Source, Target, Share], None]


@dataclass(frozen=True, slots=True)
class _Kind:
    job: str
    namespace: str
    port: int
    alive: tuple[str, Labels, str]
    expose: _Expose
    extra: Labels = field(default_factory=dict)


def _part(share: Share, part: int) -> Share:
    return Share(share.demand_row, share.start_ms, share.end_ms, part)


def _nginx(hub: Hub, routed: Routed, source: Source, target: Target, share: Share) -> None:
    family = hub.counted("nginx_ingress_controller_requests", help_text="The total number of client requests")
    for part, status in ((SERVED, str(source.status)), (REFUSED, "503")):
        labels = {
            "canary": "", "controller_class": "k8s.io/ingress-nginx", "controller_namespace": "ingress-nginx",
            "controller_pod": target.name, "host": routed.host, "ingress": routed.route, "method": source.method,
            "namespace": routed.namespace, "path": routed.location(source.path), "service": routed.service,
            "status": status,
        }  # fmt: skip
        hub.count(family, labels, target=target, share=_part(share, part))


def _traefik(hub: Hub, routed: Routed, source: Source, target: Target, share: Share) -> None:
    text = "How many HTTP requests processed on a service, partitioned by status code, protocol, and method."
    family = hub.counted("traefik_service_requests_total", help_text=text)
    provider = "kubernetescrd" if routed.crd else "kubernetes"
    for part, code in ((SERVED, str(source.status)), (REFUSED, "503")):
        labels = {
            "code": code, "method": source.method, "protocol": "http",
            "service": f"{routed.namespace}-{routed.service}-{routed.port}@{provider}",
            **({"useragent": source.agent} if hub.custom_labels else {}),
        }  # fmt: skip
        hub.count(family, labels, target=target, share=_part(share, part))


def _envoy(hub: Hub, routed: Routed, source: Source | None, target: Target, share: Share) -> None:
    cluster = {"envoy_cluster_name": f"httproute/{routed.namespace}/{routed.route}/rule/0"}
    total = hub.counted("envoy_cluster_upstream_rq_total", help_text="Total requests", zero_visible=True)
    none = hub.counted("envoy_cluster_upstream_cx_none_healthy", help_text="No healthy hosts", zero_visible=True)
    hub.count(total, cluster, target=target, share=_part(share, SERVED))
    hub.count(none, cluster, target=target, share=_part(share, REFUSED))
    by_code = hub.counted("envoy_cluster_upstream_rq", help_text="Requests by response code")
    by_class = hub.counted("envoy_cluster_upstream_rq_xx", help_text="Requests by class of response code")
    for part, code in ((SERVED, source.status), (REFUSED, 503)) if source is not None else ():
        mine = _part(share, part)
        hub.count(by_code, {**cluster, "envoy_response_code": str(code)}, target=target, share=mine)
        hub.count(by_class, {**cluster, "envoy_response_code_class": str(code // 100)}, target=target, share=mine)


def _istio(hub: Hub, routed: Routed, source: Source, target: Target, share: Share) -> None:
    for part, code in ((SERVED, str(source.status)), (REFUSED, "503")):
        labels = istio_labels(hub, routed, source, served=part == SERVED)
        labels |= {"reporter": "source", "response_code": code, "response_flags": "-" if part == SERVED else "UH"}
        hub.count(istio_family(hub), labels, target=target, share=_part(share, part))


def _linkerd(hub: Hub, routed: Routed, source: Source, target: Target, share: Share) -> None:
    family = hub.counted("request_total", help_text="Total count of HTTP requests.")
    authority = {"authority": f"{routed.service}.{routed.namespace}.svc.cluster.local:{routed.port}",
                 "direction": "outbound", "target_addr": "10.96.0.1:80", "tls": "true"}  # fmt: skip
    kind, namespace, name = routed.workload.split("/")
    there = {f"dst_{kind.lower()}": name, "dst_namespace": namespace, "dst_service": routed.service}
    hub.count(family, {**authority, **there}, target=target, share=_part(share, SERVED))
    hub.count(family, authority, target=target, share=_part(share, REFUSED))
    answers = hub.counted("response_total", help_text="Total count of HTTP responses.")
    good = "success" if source.status < 500 else "failure"
    labels = {**authority, **there, "status_code": str(source.status), "classification": good}
    hub.count(answers, labels, target=target, share=_part(share, SERVED))


def istio_family(hub: Hub) -> Counted:
    """Istio's request counter, shared with the sidecars."""
    return hub.counted("istio_requests_total", help_text="Total number of requests.")


def istio_labels(hub: Hub, routed: Routed, source: Source, *, served: bool) -> dict[str, str]:
    """What both ends of an Istio request report about it."""
    _, namespace, name = routed.workload.split("/")
    there = (name, namespace) if served else ("unknown", "unknown")
    labels = {
        "connection_security_policy": "unknown", "request_protocol": "http",
        "destination_app": there[0], "destination_workload": there[0], "destination_workload_namespace": there[1],
        "destination_service": f"{routed.service}.{routed.namespace}.svc.cluster.local",
        "destination_service_name": routed.service, "destination_service_namespace": routed.namespace,
        "source_app": "istio-ingressgateway", "source_workload": "istio-ingressgateway",
        "source_workload_namespace": "istio-system",
    }  # fmt: skip
    return labels | ({"request_path": source.path, "user_agent": source.agent} if hub.custom_labels else {})


_KINDS: dict[str, _Kind] = {
    "nginx": _Kind(
        "ingress-nginx", "ingress-nginx", 10254,
        ("nginx_ingress_controller_config_last_reload_successful",
         {"controller_class": "k8s.io/ingress-nginx", "controller_namespace": "ingress-nginx"},
         "Whether the last configuration reload attempt was successful"),
        _nginx, {"service": "ingress-nginx-controller-metrics", "container": "controller", "endpoint": "metrics"},
    ),
    "traefik": _Kind(
        "traefik", "traefik", 9100, ("traefik_config_last_reload_success", {}, "Last config reload success"),
        _traefik, {"service": "traefik", "container": "traefik", "endpoint": "metrics"},
    ),
    "envoy": _Kind(
        "envoy-gateway", "envoy-gateway-system", 19001,
        ("envoy_server_live", {}, "1 if the server is not currently draining"), _envoy, {"container": "envoy"},
    ),
    "istio": _Kind(
        "istio-gateways", "istio-system", 15020,
        ("istio_build", {"component": "proxy", "tag": "1.24.2"}, "Istio component build info"), _istio,
        {"app": "istio-ingressgateway"},
    ),
    "linkerd": _Kind(
        "linkerd-proxy", "ingress-nginx", 4191,
        ("proxy_build_info", {"version": "v2.267.0"}, "Proxy build info"), _linkerd,
        {"deployment": "ingress-nginx-controller"},
    ),
}  # fmt: skip
