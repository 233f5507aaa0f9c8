"""What the API side does by itself: garbage collection, namespaces, quotas, limits, defaults of pods."""

from __future__ import annotations

import pytest

from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.builtin import (
    CONFIGMAPS,
    DEPLOYMENTS,
    JOBS,
    LIMITRANGES,
    NAMESPACES,
    PODS,
    REPLICASETS,
    RESOURCEQUOTAS,
    SERVICEACCOUNTS,
    SERVICES,
)
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions, WriteOptions
from tests.sandbox.kubeapi.objects import make_config_map, make_deployment, make_pod


def owner_of(obj: Obj, *, blocking: bool = True) -> Obj:
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": blocking,
    }


@pytest.fixture
def family(cluster: Cluster) -> Cluster:
    """A Deployment, its ReplicaSet and two pods that run."""
    store = cluster.store
    web = store.create(DEPLOYMENTS, obj=make_deployment("web"))
    child = make_deployment("web-1")
    child["metadata"]["ownerReferences"] = [owner_of(web)]
    middle = store.create(REPLICASETS, obj=child)
    for name in ("p1", "p2"):
        store.create(PODS, obj=make_pod(name, node="n1", ownerReferences=[owner_of(middle)]))
    return cluster


def left(cluster: Cluster, *resources: Resource) -> list[int]:
    return [cluster.store.count(resource, namespace="default") for resource in resources]


def test_dependents_go_in_the_background_and_running_pods_get_their_grace(family: Cluster) -> None:
    _, gone = family.store.delete(DEPLOYMENTS, namespace="default", name="web")
    assert gone
    assert left(family, DEPLOYMENTS, REPLICASETS, PODS) == [0, 0, 2]
    for pod in family.store.items(PODS):
        assert pod["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_foreground_delete_waits_for_the_dependents(family: Cluster) -> None:
    store = family.store
    options = DeleteOptions(propagation="Foreground")
    dying, gone = store.delete(DEPLOYMENTS, namespace="default", name="web", options=options)
    assert not gone
    assert dying["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert left(family, DEPLOYMENTS, REPLICASETS, PODS) == [1, 1, 2]
    for name in ("p1", "p2"):
        store.delete(PODS, namespace="default", name=name, options=DeleteOptions(grace_seconds=0))
    assert left(family, DEPLOYMENTS, REPLICASETS, PODS) == [0, 0, 0]


def test_an_orphaning_delete_leaves_the_dependents(family: Cluster) -> None:
    family.store.delete(DEPLOYMENTS, namespace="default", name="web", options=DeleteOptions(propagation="Orphan"))
    assert left(family, DEPLOYMENTS, REPLICASETS, PODS) == [0, 1, 2]
    orphan = family.store.get(REPLICASETS, namespace="default", name="web-1")
    assert "ownerReferences" not in orphan["metadata"]


def test_a_dependent_with_another_owner_stays(cluster: Cluster) -> None:
    owners = [cluster.store.create(CONFIGMAPS, obj=make_config_map(name)) for name in "ab"]
    references = [{**owner_of(owner), "controller": False} for owner in owners]
    cluster.store.create(CONFIGMAPS, obj=make_config_map("c", ownerReferences=references))
    cluster.store.delete(CONFIGMAPS, namespace="default", name="a")
    kept = cluster.store.get(CONFIGMAPS, namespace="default", name="c")
    assert [owner["name"] for owner in kept["metadata"]["ownerReferences"]] == ["b"]
    cluster.store.delete(CONFIGMAPS, namespace="default", name="b")
    assert cluster.store.find(CONFIGMAPS, namespace="default", name="c") is None


def test_an_object_of_an_owner_that_never_was_goes(cluster: Cluster) -> None:
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "no-such-uid"}
    cluster.store.create(CONFIGMAPS, obj=make_config_map("a", ownerReferences=[gone]))
    assert cluster.store.find(CONFIGMAPS, namespace="default", name="a") is None


def test_the_pods_of_a_job_are_orphaned_unless_told_otherwise(cluster: Cluster) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    job = cluster.store.create(
        JOBS, obj={"metadata": {"name": "j", "namespace": "default"}, "spec": {"template": template}}
    )
    cluster.store.create(PODS, obj=make_pod("p", ownerReferences=[owner_of(job)]))
    cluster.store.delete(JOBS, namespace="default", name="j")
    assert left(cluster, JOBS, PODS) == [0, 1]


def test_a_namespace_comes_furnished_and_goes_with_its_content(cluster: Cluster) -> None:
    store = cluster.store
    store.create(NAMESPACES, obj={"metadata": {"name": "team"}})
    assert store.find(SERVICEACCOUNTS, namespace="team", name="default") is not None
    store.create(CONFIGMAPS, obj=make_config_map("held", namespace="team", finalizers=["x.io/hold"]))
    dying, gone = store.delete(NAMESPACES, name="team")
    assert not gone
    assert dying["status"]["phase"] == "Terminating"
    with pytest.raises(errors.Forbidden, match="unable to create new content in namespace team because it is being"):
        store.create(CONFIGMAPS, obj=make_config_map("late", namespace="team"))
    store.modify(CONFIGMAPS, namespace="team", name="held", change=lambda obj: obj["metadata"].pop("finalizers"))
    assert store.find(NAMESPACES, name="team") is None


def test_the_default_namespace_may_not_go(cluster: Cluster) -> None:
    with pytest.raises(errors.Forbidden, match="this namespace may not be deleted"):
        cluster.store.delete(NAMESPACES, name="default")


def test_nothing_is_made_where_there_is_no_namespace(cluster: Cluster) -> None:
    with pytest.raises(errors.NotFound, match='namespaces "nowhere" not found'):
        cluster.store.create(CONFIGMAPS, obj=make_config_map("a", namespace="nowhere"))


def quota(cluster: Cluster, **hard: str) -> None:
    body = {"hard": {name.replace("_", "."): value for name, value in hard.items()}}
    cluster.store.create(RESOURCEQUOTAS, obj={"metadata": {"name": "q", "namespace": "default"}, "spec": body})


def test_a_quota_counts_and_refuses_with_every_operand(cluster: Cluster) -> None:
    quota(cluster, pods="2", requests_cpu="1")
    for name in ("a", "b"):
        cluster.store.create(PODS, obj=make_pod(name, requests={"cpu": "300m"}))
    status = cluster.store.get(RESOURCEQUOTAS, namespace="default", name="q")["status"]
    assert status["used"] == {"pods": "2", "requests.cpu": "600m"}
    with pytest.raises(errors.Forbidden) as caught:
        cluster.store.create(PODS, obj=make_pod("c", requests={"cpu": "500m"}))
    assert caught.value.message == (
        'pods "c" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=500m, '
        "used: pods=2,requests.cpu=600m, limited: pods=2,requests.cpu=1"
    )


def test_a_finished_pod_frees_its_quota(cluster: Cluster) -> None:
    quota(cluster, pods="1")
    pod = cluster.store.create(PODS, obj=make_pod("a"))
    cluster.store.update_status(PODS, obj={**pod, "status": {"phase": "Succeeded"}})
    cluster.store.create(PODS, obj=make_pod("b"))


def test_a_compute_quota_wants_requests(cluster: Cluster) -> None:
    quota(cluster, requests_cpu="1")
    with pytest.raises(errors.Forbidden, match="failed quota: q: must specify requests.cpu for: main"):
        cluster.store.create(PODS, obj=make_pod("a"))


def test_limits_of_a_namespace_fill_in_and_bound(cluster: Cluster) -> None:
    limits = [{"type": "Container", "max": {"cpu": "2"}, "defaultRequest": {"cpu": "100m"}}]
    cluster.store.create(
        LIMITRANGES, obj={"metadata": {"name": "l", "namespace": "default"}, "spec": {"limits": limits}}
    )
    pod = cluster.store.create(PODS, obj=make_pod("a"))
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"cpu": "2"}, "requests": {"cpu": "100m"}}
    assert pod["status"]["qosClass"] == "Burstable"


def test_services_get_addresses_of_their_own_and_keep_them(cluster: Cluster) -> None:
    def service(name: str, **spec: object) -> Obj:
        return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": [{"port": 80}], **spec}}

    one = cluster.store.create(SERVICES, obj=service("one"))
    two = cluster.store.create(SERVICES, obj=service("two"))
    assert one["spec"]["clusterIP"] != two["spec"]["clusterIP"]
    again = cluster.store.update(SERVICES, obj=service("one", selector={"app": "x"}))
    assert again["spec"]["clusterIP"] == one["spec"]["clusterIP"]
    with pytest.raises(errors.Invalid, match="provided IP is already allocated"):
        cluster.store.create(SERVICES, obj=service("three", clusterIP=one["spec"]["clusterIP"]))
    with pytest.raises(errors.Invalid, match="may not change once set"):
        cluster.store.update(SERVICES, obj=service("one", clusterIP="10.96.99.99"))


def test_status_cannot_be_brought_by_a_create_except_for_seeding(cluster: Cluster) -> None:
    brought = {**make_deployment("a"), "status": {"replicas": 3}}
    assert cluster.store.create(DEPLOYMENTS, obj=brought)["status"] == {}
    brought["metadata"]["name"] = "b"
    kept = cluster.store.create(DEPLOYMENTS, obj=brought, options=WriteOptions(keep_status=True))
    assert kept["status"] == {"replicas": 3}


def test_the_generation_counts_changes_of_the_spec(cluster: Cluster) -> None:
    made = cluster.store.create(DEPLOYMENTS, obj=make_deployment("web"))
    assert made["metadata"]["generation"] == 1
    labelled = cluster.store.modify(
        DEPLOYMENTS, namespace="default", name="web", change=lambda obj: obj["metadata"]["labels"].update(x="y")
    )
    assert labelled["metadata"]["generation"] == 1
    scaled = cluster.store.modify(
        DEPLOYMENTS, namespace="default", name="web", change=lambda obj: obj["spec"].update(replicas=4)
    )
    assert scaled["metadata"]["generation"] == 2
