"""What is read out of a pod's JSON: its owner, what it reserves, whether it is ready."""

from __future__ import annotations

import pytest

from apps.fleet.domain.parse_pods import parse_pod, pod_requests
from apps.kernel.vocab import Resources
from tests.fleet.build import Raw, controller, make_deployment_pod, make_pod

MIB = 2**20


def _container(cpu: str = "0", memory: str = "0", **more: object) -> Raw:
    return {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def test_a_replica_set_named_after_its_template_leads_to_the_deployment() -> None:
    pod = parse_pod(make_deployment_pod("web", 1), cluster="demo").pod
    assert pod.owner is not None
    assert pod.owner.key == "Deployment/shop/web"


def test_another_replica_set_owns_its_pods_itself() -> None:
    raw = make_pod("x", labels={"pod-template-hash": "5d9c"}, ownerReferences=controller("ReplicaSet", "by-hand"))
    owner = parse_pod(raw, cluster="demo").pod.owner
    assert owner is not None
    assert owner.key == "ReplicaSet/shop/by-hand"


def test_a_bare_pod_has_no_owner() -> None:
    assert parse_pod(make_pod("debug"), cluster="demo").pod.owner is None


def test_an_owner_that_is_not_the_controller_is_none() -> None:
    reference = controller("ConfigMap", "x", "v1")
    reference[0]["controller"] = False
    assert parse_pod(make_pod("debug", ownerReferences=reference), cluster="demo").pod.owner is None


_SIDECAR = _container("1", "1Gi", restartPolicy="Always")


@pytest.mark.parametrize(
    ("case", "spec", "want"),
    [
        ("containers add up", {"containers": [_container("1", "1Gi"), _container("500m", "1Gi")]}, (1500, 2048)),
        (
            "a larger init container counts instead",
            {"containers": [_container("1", "1Gi")], "initContainers": [_container("2", "256Mi")]},
            (2000, 1024),
        ),
        (
            "a sidecar runs beside the containers",
            {
                "containers": [_container("1", "1Gi")],
                "initContainers": [_container("1", "1Gi", restartPolicy="Always")],
            },
            (2000, 2048),
        ),
        (
            "the runtime's overhead is added",
            {"containers": [_container("1", "1Gi")], "overhead": {"cpu": "100m", "memory": "128Mi"}},
            (1100, 1152),
        ),
        ("no requests are nothing", {"containers": [{"name": "c"}]}, (0, 0)),
        ("no spec is nothing", {}, (0, 0)),
    ],
)
def test_requests_are_what_the_scheduler_reserves(case: str, spec: Raw, want: tuple[int, int]) -> None:
    assert pod_requests(spec) == Resources(want[0], want[1] * MIB), case


def test_gpus_of_each_maker_are_counted() -> None:
    spec = {"containers": [{"name": "c", "resources": {"requests": {"nvidia.com/gpu": "2"}}}]}
    assert pod_requests(spec).gpus == 2


def test_claims_are_named_beside_the_pod() -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "w", "emptyDir": {}}]
    assert parse_pod(make_pod("db", spec={"containers": [], "volumes": volumes}), cluster="demo").claims == ("data",)
