"""Makes a cluster of a fleet: first what it holds, then who visits it.

The two are apart because a cluster that is restored from disk brings its objects along and only needs its visitors.
"""

from __future__ import annotations

from dataclasses import replace

from apps.sandbox.controllers.actors import Keda, Reapplier
from apps.sandbox.kubeapi.builtin import CRONJOBS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.store import WriteOptions
from apps.sandbox.metrics.exporters.gateways import Routed
from apps.sandbox.sim import extensions, manifests
from apps.sandbox.sim.clock import DAY_MS, HOUR_MS, MINUTE_MS
from apps.sandbox.sim.cluster import SimCluster
from apps.sandbox.sim.fleet import Fleet, Workload

_MANAGERS = {"argocd": "argocd-controller", "argocd-label": "argocd-controller", "flux": "kustomize-controller",
             "helm": "helm"}  # fmt: skip
_PORT_NAME = "80"


def populate(cluster: SimCluster, *, fleet: Fleet) -> None:
    """Create everything the fleet consists of, in the past, with all its pods running."""
    cluster.set_instant(True)
    cluster.seeding_ms = cluster.origin_ms - 400 * DAY_MS
    for name, labels in fleet.namespaces.items():
        create(cluster, manifests.namespace(name, labels=labels))
    for definition in extensions.definitions():
        create(cluster, definition)
    for one in extensions.classes():
        if one["metadata"].get("namespace", "kube-system") in {*fleet.namespaces, "kube-system"}:
            create(cluster, one)
    for number, machine in enumerate(fleet.nodes):
        create(cluster, manifests.node(machine, number=number))
    for workload in sorted(fleet.workloads, key=lambda one: -one.days_old):
        cluster.seeding_ms = cluster.origin_ms + int((8 - max(workload.days_old, 8.5)) * DAY_MS)
        place(cluster, workload)
        cluster.manager.drain()
    for namespace, name, gib in fleet.lone_claims:
        create(cluster, manifests.claim(name, namespace=namespace, gib=gib))
    cluster.manager.drain()
    cluster.set_instant(False)


def place(cluster: SimCluster, workload: Workload) -> None:
    """Create a workload and what stands around it."""
    manager = _MANAGERS.get(workload.owner, "kubectl-client-side-apply")
    if workload.keda:
        create(cluster, manifests.scaled_object(workload))
    create(cluster, manifests.workload(workload), manager=manager)
    if workload.route:
        create(cluster, manifests.service(workload), manager=manager)
        create(cluster, manifests.route(workload), manager=manager)
    if workload.hpa != (0, 0):
        create(cluster, manifests.autoscaler(workload), manager=manager)
    if workload.pdb:
        create(cluster, manifests.disruption_budget(workload), manager=manager)


def create(cluster: SimCluster, obj: Obj, *, manager: str = "kubectl-client-side-apply") -> Obj:
    """Store one object, in whatever kind it says it is."""
    resource = cluster.store.registry.of_kind(obj["apiVersion"], kind=obj["kind"])
    if resource is None:
        raise LookupError(f"{cluster.name} does not serve {obj['apiVersion']} {obj['kind']}")
    return cluster.store.create(resource, obj=obj, options=WriteOptions(manager=manager))


def visit(cluster: SimCluster, *, fleet: Fleet) -> None:
    """Bring the fleet's visitors, the exporters that count them, and the actors beside Kubernetes."""
    for kind in fleet.gateways:
        cluster.gateway(kind)
    for workload in fleet.workloads:
        cluster.usage.requested[workload.key] = (workload.cpu_millicores / 1000, max(workload.replicas, 1))
        for source in workload.sources:
            cluster.demand.add(replace(source, workload=workload.key))
        if workload.route:
            serve_route(cluster, workload)
    for kind in fleet.down:
        _unreliable(cluster, kind)
    _actors(cluster, fleet=fleet)


def serve_route(cluster: SimCluster, workload: Workload) -> None:
    """Have the gateway of its class count the workload's requests."""
    kind = {"traefik-crd": "traefik"}.get(workload.route, workload.route)
    routed = Routed(
        workload.key, workload.namespace, workload.name, workload.name, _PORT_NAME, manifests.host(workload),
        workload.paths, crd=workload.route == "traefik-crd",
    )  # fmt: skip
    cluster.gateway(kind).serve(routed)
    if kind in ("istio", "linkerd"):
        cluster.mesh.join(kind, routed=routed)


def _unreliable(cluster: SimCluster, kind: str) -> None:
    """The first replica cannot be scraped for ten minutes in every hour and a half, for as long as anyone looks."""
    target = cluster.gateway(kind).targets[0]
    moment, end = cluster.origin_ms, cluster.clock.ms() + 30 * DAY_MS
    while moment < end:
        cluster.hub.targets.outage(target, start_ms=moment, end_ms=moment + 10 * MINUTE_MS)
        moment += HOUR_MS * 3 // 2


def _actors(cluster: SimCluster, *, fleet: Fleet) -> None:
    scaled = cluster.store.registry.of_group_kind("keda.sh", kind="ScaledObject")
    if scaled is not None:
        cluster.manager.add(Keda(cluster.world), watches=[scaled])
    kept = {(w.kind, w.namespace, w.name): w.replicas for w in fleet.workloads if w.reapplied}
    if kept:
        Reapplier(cluster.world, "kubectl-client-side-apply", replicas=kept).start()


def begin(cluster: SimCluster) -> None:
    """From here on the cluster lives in its clock's time."""
    cluster.seeding_ms = None
    for obj in cluster.store.items(CRONJOBS):
        cluster.manager.touch(CRONJOBS, obj)
