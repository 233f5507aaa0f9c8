"""Services, autoscalers, budgets, garbage and namespaces behave as on a real cluster."""

from __future__ import annotations

import pytest

from apps.sandbox.controllers.actors import PAUSED, Keda, Reapplier
from apps.sandbox.kubeapi.builtin import (
    CONFIGMAPS,
    CRDS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    HPAS,
    NAMESPACES,
    PDBS,
    REPLICASETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from apps.sandbox.kubeapi.store import DeleteOptions
from tests.sandbox.controllers.little_cluster import LittleCluster, Obj, make_cluster, make_deployment


@pytest.fixture
def cluster() -> LittleCluster:
    return make_cluster()


def make_service(name: str = "web") -> Obj:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": {"app": name}, "ports": ports}}


def endpoints(cluster: LittleCluster) -> list[Obj]:
    return [one for item in cluster.store.items(ENDPOINTSLICES, namespace="shop") for one in item["endpoints"]]


def test_a_service_lists_its_ready_pods_and_loses_them_when_they_sleep(cluster: LittleCluster) -> None:
    cluster.create(SERVICES, make_service())
    cluster.create(DEPLOYMENTS, make_deployment(replicas=2))
    cluster.run(10)
    assert [one["conditions"]["ready"] for one in endpoints(cluster)] == [True, True]
    cluster.edit(DEPLOYMENTS, "web", lambda obj: obj["spec"].update(replicas=0))
    cluster.run(10)
    assert endpoints(cluster) == []


def make_hpa(*, low: int = 2, high: int = 6) -> Obj:
    target = {"type": "Utilization", "averageUtilization": 50}
    return {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": low, "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }  # fmt: skip


def test_an_autoscaler_follows_use_up_at_once_and_down_after_five_quiet_minutes() -> None:
    used = 0.9
    cluster = make_cluster(utilisation=lambda kind, namespace, name: used)
    cluster.create(DEPLOYMENTS, make_deployment(replicas=2))
    cluster.create(HPAS, make_hpa())
    cluster.run(70)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] >= 4
    used = 0.01
    cluster.run(200)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] >= 4
    cluster.run(400)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2


def test_an_autoscaler_stands_still_at_zero_replicas_and_says_so() -> None:
    cluster = make_cluster(utilisation=lambda kind, namespace, name: 0.9)
    cluster.create(DEPLOYMENTS, make_deployment(replicas=0))
    cluster.create(HPAS, make_hpa())
    cluster.run(600)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 0
    reasons = {one["type"]: one["reason"] for one in cluster.get(HPAS, "web")["status"]["conditions"]}
    assert reasons["ScalingActive"] == "ScalingDisabled"


def test_a_budget_counts_healthy_pods_and_what_it_can_spare(cluster: LittleCluster) -> None:
    spec = {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}}
    cluster.create(PDBS, {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    cluster.create(DEPLOYMENTS, make_deployment(replicas=3))
    cluster.run(10)
    status = cluster.get(PDBS, "web")["status"]
    assert (status["expectedPods"], status["currentHealthy"], status["desiredHealthy"]) == (3, 3, 2)
    assert status["disruptionsAllowed"] == 1


def remove(cluster: LittleCluster, propagation: str) -> None:
    options = DeleteOptions(propagation=propagation)  # type: ignore[arg-type]
    cluster.store.delete(DEPLOYMENTS, namespace="shop", name="web", options=options)


def test_background_deletion_takes_replicasets_and_pods_with_it(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment())
    cluster.run(10)
    remove(cluster, "Background")
    assert cluster.store.find(DEPLOYMENTS, namespace="shop", name="web") is None
    cluster.run(10)
    assert list(cluster.store.items(REPLICASETS, namespace="shop")) == []
    assert cluster.pods() == []


def test_foreground_deletion_waits_for_the_dependents(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment())
    cluster.run(10)
    remove(cluster, "Foreground")
    cluster.manager.drain()
    assert "deletionTimestamp" in cluster.get(DEPLOYMENTS, "web")["metadata"]
    cluster.run(30)
    assert cluster.store.find(DEPLOYMENTS, namespace="shop", name="web") is None
    assert cluster.pods() == []


def test_orphan_deletion_leaves_the_replicaset_which_a_new_deployment_adopts(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment())
    cluster.run(10)
    before = {pod["metadata"]["uid"] for pod in cluster.pods()}
    remove(cluster, "Orphan")
    cluster.run(10)
    assert cluster.store.find(DEPLOYMENTS, namespace="shop", name="web") is None
    assert {pod["metadata"]["uid"] for pod in cluster.pods()} == before
    cluster.create(DEPLOYMENTS, make_deployment())
    cluster.run(10)
    assert {pod["metadata"]["uid"] for pod in cluster.pods()} == before


def test_a_namespace_is_emptied_and_goes(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment())
    cluster.create(SERVICES, make_service())
    cluster.run(10)
    assert cluster.get(SERVICEACCOUNTS, "default")
    assert cluster.get(CONFIGMAPS, "kube-root-ca.crt")
    cluster.store.delete(NAMESPACES, name="shop")
    cluster.manager.drain()
    assert cluster.get(NAMESPACES, "shop", None)["status"]["phase"] == "Terminating"
    cluster.run(30)
    assert cluster.store.find(NAMESPACES, name="shop") is None
    assert cluster.pods() == []


def test_keda_wakes_what_sleeps_unless_it_is_paused(cluster: LittleCluster) -> None:
    cluster.create(CRDS, make_scaled_object_crd())
    resource = cluster.store.registry.of_group_kind("keda.sh", kind="ScaledObject")
    assert resource is not None
    cluster.manager.add(Keda(cluster.world), watches=[resource])
    cluster.create(DEPLOYMENTS, make_deployment(replicas=1))
    cluster.create(resource, {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 1},
    })  # fmt: skip
    cluster.run(10)
    cluster.edit(DEPLOYMENTS, "web", lambda obj: obj["spec"].update(replicas=0))
    cluster.run(60)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 1
    cluster.edit(resource, "web", lambda obj: obj["metadata"].update(annotations={PAUSED: "0"}))
    cluster.run(600)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 0


def make_scaled_object_crd() -> Obj:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"}
    return {
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {"group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def test_a_reapplier_restores_the_replicas_of_its_manifest_every_three_minutes(cluster: LittleCluster) -> None:
    cluster.create(DEPLOYMENTS, make_deployment(replicas=2))
    actor = Reapplier(cluster.world, "argocd-controller", replicas={("Deployment", "shop", "web"): 2})
    actor.start()
    cluster.run(10)
    cluster.edit(DEPLOYMENTS, "web", lambda obj: obj["spec"].update(replicas=0))
    cluster.run(160)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 0
    cluster.run(20)
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2
    assert len(actor.restored) == 1
