"""What a fleet consists of, before it is a cluster: plain data, made from a seed by `demo`, or by a test by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.sandbox.sim.traffic import Source


@dataclass(frozen=True, slots=True)
class Node:
    """One machine."""

    name: str
    instance_type: str
    region: str
    zone: str
    pool: str = "general"
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload with what stands around it.

    `route` is nginx, traefik, traefik-crd, envoy, istio, linkerd, or "" for none; `paths` are the route's own.
    `owner` is "", helm, argocd (tracking annotation), argocd-label (instance label and field manager) or flux.
    `hpa` is (minReplicas, maxReplicas), or (0, 0) for none; `days_old` how long it has been there.
    """

    kind: str
    namespace: str
    name: str
    replicas: int = 1
    team: str = "platform"
    zone: str = "UTC"
    route: str = ""
    paths: tuple[str, ...] = ("/",)
    sources: tuple[Source, ...] = ()
    owner: str = ""
    cpu_millicores: int = 100
    memory_mib: int = 128
    gpus: int = 0
    hpa: tuple[int, int] = (0, 0)
    pdb: bool = False
    keda: bool = False
    claim_gib: int = 0
    schedule: str = ""
    days_old: float = 20.0
    version: int = 0
    reapplied: bool = False
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`Kind/namespace/name`, as the log knows it."""
        return f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """One cluster's worth. `namespaces` maps names to labels; `gateways` are the controllers that serve its routes;
    `lone_claims` are (namespace, name, GiB) of claims that nothing mounts. `down` names gateways of which a replica
    cannot be scraped now and again."""

    name: str
    region: str
    zone: str
    nodes: tuple[Node, ...]
    namespaces: dict[str, dict[str, str]]
    workloads: tuple[Workload, ...]
    gateways: tuple[str, ...] = ("nginx",)
    lone_claims: tuple[tuple[str, str, int], ...] = ()
    down: tuple[str, ...] = ()
    honor_labels: bool = True
