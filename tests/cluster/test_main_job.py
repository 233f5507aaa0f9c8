"""The main job as a user does it, on a real cluster and a real Prometheus: connect, apply, sleep, why, wake, undo.

One Plimsoll serves all tests of this file; each looks at workloads of its own.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.fleet.domain.manifests import ACCOUNT_NAME
from apps.kernel.ports import Kube
from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
from tests import prometheus_server
from tests.cluster.conftest import CLUSTER, eventually
from tests.cluster.running_plimsoll import Kubectl, Plimsoll
from tests.cluster.traffic_history import ingress_nginx
from tests.contract.objects import deployment, ref

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-dev"
BUSY = "busy"
LARGE = "thousand"
IDLE = (LARGE, "idle", "by-annotation", "by-command", "restored", "after-crash", "undone")
SLOW_WRITES = ("leases", "tokenreviews", "selfsubjectaccessreviews")


def size(name: str) -> int:
    """How many replicas it has while it is awake."""
    return 1000 if name == LARGE else 2


def routed(name: str) -> list[dict[str, Any]]:
    """A Deployment, its Service and an Ingress of ingress-nginx, all of one name."""
    ports = [{"port": 80, "targetPort": 8080}]
    backend = {"service": {"name": name, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    head = {"name": name, "namespace": NAMESPACE}
    return [
        deployment(NAMESPACE, name, replicas=size(name)),
        {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": {"selector": {"app": name}, "ports": ports}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": head,
            "spec": {"ingressClassName": "nginx", "rules": [{"host": f"{name}.example", "http": {"paths": [path]}}]},
        },
    ]


POLICY = {
    "apiVersion": "plimsoll.dev/v1alpha1",
    "kind": "ResourcePolicy",
    "metadata": {"name": "sleep-when-idle", "namespace": NAMESPACE},
    "spec": {
        "mode": "Enforce",
        "targets": [{"kinds": ["Deployment"]}],
        "scaleToZero": {"idleAfter": "2h", "minAwake": "0s", "traffic": {"source": "IngressNginx"}},
    },
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of this file's own: at the end everything of Plimsoll is taken off it."""
    try:
        folder = assets.find()
    except assets.AssetsMissing as missing:
        pytest.skip(str(missing))
    with ControlPlane(folder=tmp_path_factory.mktemp("kube"), assets=folder) as running:
        running.add_nodes(5)
        yield running


@pytest.fixture(scope="module")
def admin(plane: ControlPlane) -> Iterator[Kube]:
    kube = connect(parse_kubeconfig(plane.kubeconfig()), cluster=CLUSTER)
    yield kube
    kube.close()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    counts = {(NAMESPACE, BUSY): 3, **{(NAMESPACE, name): 0 for name in IDLE}}
    prometheus_server.backfill(folder, openmetrics=ingress_nginx(counts))
    with prometheus_server.serve(folder) as url:
        yield url


@pytest.fixture(scope="module")
def kubeconfig(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kubeconfig") / "admin.yaml"
    path.write_text(plane.kubeconfig())
    return path


@pytest.fixture(scope="module")
def plimsoll(
    admin: Kube, prometheus: str, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plimsoll]:
    """Plimsoll with the real cluster connected and a policy in force on routed workloads."""
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    controller = {"controller": "k8s.io/ingress-nginx"}
    admin.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": controller,
        }
    )
    for name in (BUSY, *IDLE):
        for manifest in routed(name):
            admin.apply(manifest, force=True)
    running = Plimsoll(tmp_path_factory.mktemp("plimsoll"))
    try:
        running.run("cluster", "add", CLUSTER, "--kubeconfig", str(kubeconfig), "--prometheus", prometheus)
        policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
        policy.write_text(yaml.safe_dump(POLICY))
        Kubectl(kubeconfig)("apply", "-f", str(policy))
        for name in IDLE:
            eventually(partial(_is_at_zero, admin, name), seconds=120, what=f"{name} sleeps")
        # These are younger than any sensible minAwake; what is woken from here on stays awake.
        longer = '{"spec": {"scaleToZero": {"minAwake": "15m"}}}'
        Kubectl(kubeconfig)("patch", "rpol", "sleep-when-idle", "-n", NAMESPACE, "--type=merge", "-p", longer)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def kubectl(kubeconfig: Path) -> Kubectl:
    return Kubectl(kubeconfig)


def workload(admin: Kube, name: str) -> dict[str, Any]:
    return admin.get(ref(deployment(NAMESPACE, name)))


def replicas(admin: Kube, name: str) -> int:
    count: int = workload(admin, name)["spec"]["replicas"]
    return count


def _is_at_zero(admin: Kube, name: str) -> bool:
    return replicas(admin, name) == 0


def slept_mark(admin: Kube, name: str) -> dict[str, Any] | None:
    raw = workload(admin, name)["metadata"].get("annotations", {}).get("plimsoll.dev/slept")
    return json.loads(raw) if raw else None


def awake_again(admin: Kube, name: str) -> bool:
    return replicas(admin, name) == size(name) and slept_mark(admin, name) is None


def test_what_has_traffic_stays_awake_and_says_so(plimsoll: Plimsoll, admin: Kube) -> None:
    assert replicas(admin, BUSY) == 2
    held = plimsoll.decisions("--namespace", NAMESPACE, "--name", BUSY)
    assert {found["verdict"] for found in held} == {"Hold"}
    counted = [proof for found in held for proof in found["evidence"] if proof["unit"] == "requests"]
    assert counted
    assert counted[0]["value"] > 0
    assert "nginx_ingress_controller_requests" in counted[0]["source"]


def test_what_sleeps_carries_its_mark_and_its_reason(plimsoll: Plimsoll, admin: Kube) -> None:
    mark = slept_mark(admin, "idle")
    assert mark is not None
    assert mark["replicas"] == 2
    acted = [found for found in plimsoll.decisions("--namespace", NAMESPACE, "--name", "idle") if found["action"]]
    assert acted
    assert acted[0]["policy"] == f"ResourcePolicy/{NAMESPACE}/sleep-when-idle"
    assert acted[0]["cluster"] == CLUSTER
    why = plimsoll.run("why", "deployment/idle", "--namespace", NAMESPACE, "--cluster", CLUSTER)
    assert "sleep-when-idle" in why


def test_a_thousand_pods_sleep_and_wake(plimsoll: Plimsoll, admin: Kube) -> None:
    def running() -> int:
        return int(workload(admin, LARGE).get("status", {}).get("readyReplicas") or 0)

    eventually(lambda: running() == 0, seconds=120, what="no pod is left")
    plimsoll.run("wake", f"deployment/{LARGE}", "--namespace", NAMESPACE, "--cluster", CLUSTER, "--reason", "demo")
    eventually(lambda: awake_again(admin, LARGE), seconds=60, what="it is awake")
    eventually(lambda: running() == 1000, seconds=120, what="a thousand pods are ready")


def test_the_policy_says_how_it_fares(plimsoll: Plimsoll, kubectl: Kubectl) -> None:
    def status() -> dict[str, Any]:
        found = json.loads(kubectl("get", "resourcepolicy", "sleep-when-idle", "-n", NAMESPACE, "-o", "json"))
        return dict(found.get("status") or {})

    eventually(lambda: status().get("matched") == 1 + len(IDLE), what="the status counts what it matches")
    ready = {found["type"]: found for found in status()["conditions"]}
    assert {"Accepted", "Enforced", "Ready"} <= ready.keys()
    assert ready["Accepted"]["status"] == "True"


def test_a_wake_by_annotation_needs_kubectl_alone(plimsoll: Plimsoll, admin: Kube, kubectl: Kubectl) -> None:
    kubectl("annotate", "deployment", "by-annotation", "-n", NAMESPACE, "plimsoll.dev/wake=now")
    eventually(lambda: awake_again(admin, "by-annotation"), seconds=60, what="it is awake")
    assert "plimsoll.dev/wake" not in workload(admin, "by-annotation")["metadata"].get("annotations", {})


def test_a_wake_by_the_command_line(plimsoll: Plimsoll, admin: Kube) -> None:
    plimsoll.run("wake", "deployment/by-command", "--namespace", NAMESPACE, "--cluster", CLUSTER, "--reason", "demo")
    eventually(lambda: awake_again(admin, "by-command"), seconds=60, what="it is awake")


def test_an_undone_sleep_is_awake_again(plimsoll: Plimsoll, admin: Kube) -> None:
    acted = [found for found in plimsoll.decisions("--namespace", NAMESPACE, "--name", "undone") if found["action"]]
    plimsoll.run("undo", acted[0]["action"], "--reason", "needed for a demo")
    eventually(lambda: awake_again(admin, "undone"), seconds=60, what="it is awake")


def test_a_workload_that_somebody_scaled_up_is_not_fought(plimsoll: Plimsoll, admin: Kube, kubectl: Kubectl) -> None:
    kubectl("scale", "deployment", "restored", "-n", NAMESPACE, "--replicas=3")
    eventually(lambda: slept_mark(admin, "restored") is None, seconds=60, what="the mark is taken off")
    assert replicas(admin, "restored") == 3


def test_nothing_is_written_while_nothing_changes(plimsoll: Plimsoll, plane: ControlPlane, admin: Kube) -> None:
    """A short form of the ten minutes in docs/reference/benchmarks.md: two passes of the watcher at least."""
    eventually(lambda: not writes_within(plane, seconds=15), seconds=180, what="Plimsoll has come to rest")
    before = len(writes(plane))
    time.sleep(35)
    assert writes(plane)[before:] == []


def writes(plane: ControlPlane) -> list[str]:
    """What Plimsoll's own account wrote, by the server's audit log; leases apart."""
    verbs = ("create", "update", "patch", "delete", "deletecollection")
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in plane.audit_events(user=ACCOUNT_NAME)
        if event["verb"] in verbs and event["objectRef"]["resource"] not in SLOW_WRITES
    ]


def writes_within(plane: ControlPlane, *, seconds: float) -> int:
    before = len(writes(plane))
    time.sleep(seconds)
    return len(writes(plane)) - before


def test_it_goes_on_after_a_crash_of_the_api_server(
    plimsoll: Plimsoll, plane: ControlPlane, admin: Kube, kubectl: Kubectl
) -> None:
    plane.restart_apiserver()
    kubectl("annotate", "deployment", "after-crash", "-n", NAMESPACE, "plimsoll.dev/wake=now")
    eventually(lambda: awake_again(admin, "after-crash"), seconds=120, what="it is awake")


def test_suspending_the_policy_wakes_what_it_put_to_sleep(plimsoll: Plimsoll, admin: Kube, kubectl: Kubectl) -> None:
    patch = '{"spec": {"suspend": true}}'
    kubectl("patch", "resourcepolicy", "sleep-when-idle", "-n", NAMESPACE, "--type=merge", "-p", patch)
    eventually(lambda: awake_again(admin, "idle"), seconds=120, what="it is awake")


def test_uninstall_wakes_everything_and_leaves_nothing_behind(
    plimsoll: Plimsoll, admin: Kube, kubectl: Kubectl
) -> None:
    by_hand = ("deployment/idle", "--namespace", NAMESPACE, "--cluster", CLUSTER, "--reason", "over the weekend")
    plimsoll.run("sleep", *by_hand)
    eventually(lambda: replicas(admin, "idle") == 0, seconds=60, what="it sleeps by hand")
    # The account may not take away its own rights: what that leaves is named with the command that removes it.
    report = json.loads(plimsoll.run("uninstall", "--cluster", CLUSTER, "--yes", "-o", "json", fails=True))["items"][0]
    assert all(replicas(admin, name) for name in (BUSY, *IDLE))
    for left in report["left"]:
        kubectl(*shlex.split(left.partition(": kubectl ")[2]), "--wait=false")
    eventually(lambda: not traces(kubectl), seconds=60, what="nothing of Plimsoll is left")


def traces(kubectl: Kubectl) -> list[str]:
    """The names of cluster objects of Plimsoll's, and its annotations on workloads."""
    names = kubectl("get", "crd,clusterrole,clusterrolebinding,namespace", "-o", "name").split()
    annotations = kubectl("get", "deployments", "-n", NAMESPACE, "-o", "jsonpath={..annotations}").split(",")
    return [found for found in (*names, *annotations) if "plimsoll" in found]
