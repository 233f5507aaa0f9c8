"""kubectl on what the script cannot compare: watching, describing, rights of others, many pages."""

from __future__ import annotations

import subprocess

from apps.sandbox.kubeapi.builtin import CONFIGMAPS, DEPLOYMENTS, EVENTS, NODES, PODS
from apps.sandbox.kubeapi.store import WriteOptions
from tests.sandbox.kubeapi.live import KUBECTL, Live
from tests.sandbox.kubeapi.objects import make_config_map, make_deployment, make_pod


def test_a_watch_prints_changes_as_they_happen(live: Live, space: str) -> None:
    command = [str(KUBECTL), f"--kubeconfig={live.kubeconfig}", "get", "configmaps", "-n", space, "-w",
               "--output-watch-events", "--field-selector=metadata.name=seen"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        store = live.cluster.store
        made = store.create(CONFIGMAPS, obj=make_config_map("seen", namespace=space))
        assert process.stdout.readline().startswith("EVENT")
        assert process.stdout.readline().split()[:2] == ["ADDED", "seen"]
        store.update(CONFIGMAPS, obj={**made, "data": {"a": "1", "b": "2"}})
        assert process.stdout.readline().split()[:3] == ["MODIFIED", "seen", "2"]
        store.delete(CONFIGMAPS, namespace=space, name="seen")
        assert process.stdout.readline().split()[:2] == ["DELETED", "seen"]
        process.terminate()


def test_wait_returns_when_the_condition_comes(live: Live, space: str) -> None:
    store = live.cluster.store
    store.create(DEPLOYMENTS, obj=make_deployment("web", namespace=space))
    command = [str(KUBECTL), f"--kubeconfig={live.kubeconfig}", "wait", "-n", space, "--for=condition=Available",
               "deployment/web", "--timeout=20s"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        store.modify(
            DEPLOYMENTS,
            namespace=space,
            name="web",
            change=lambda obj: obj["status"].update(conditions=[{"type": "Available", "status": "True"}]),
            options=WriteOptions(subresource="status"),
        )
        out, _ = process.communicate(timeout=25)
    assert out == "deployment.apps/web condition met\n"


def test_wait_for_deletion_returns_when_the_object_goes(live: Live, space: str) -> None:
    store = live.cluster.store
    store.create(CONFIGMAPS, obj=make_config_map("a", namespace=space, finalizers=["x.io/hold"]))
    live.ok("delete", "configmap", "a", "-n", space, "--wait=false")
    command = [str(KUBECTL), f"--kubeconfig={live.kubeconfig}", "wait", "-n", space, "--for=delete", "configmap/a",
               "--timeout=20s"]  # fmt: skip
    with subprocess.Popen(command) as process:
        store.modify(CONFIGMAPS, namespace=space, name="a", change=lambda obj: obj["metadata"].pop("finalizers"))
        assert process.wait(timeout=25) == 0


def test_rollout_status_follows_the_controller(live: Live, space: str) -> None:
    store = live.cluster.store
    store.create(DEPLOYMENTS, obj=make_deployment("web", namespace=space, replicas=2))
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    store.update_status(DEPLOYMENTS, obj={**store.get(DEPLOYMENTS, namespace=space, name="web"), "status": status})
    assert "successfully rolled out" in live.ok("rollout", "status", "deployment/web", "-n", space, "--timeout=10s")


def test_describe_shows_events_and_conditions(live: Live, space: str) -> None:
    store = live.cluster.store
    pod = store.create(PODS, obj=make_pod("p", namespace=space))
    about = {"kind": "Pod", "namespace": space, "name": "p", "uid": pod["metadata"]["uid"]}
    store.create(
        EVENTS,
        obj={"metadata": {"name": "p.1", "namespace": space}, "involvedObject": about, "reason": "Pulled",
             "message": "Image is there", "type": "Normal", "count": 3},
    )  # fmt: skip
    said = live.ok("describe", "pod", "p", "-n", space)
    assert "Pulled" in said
    assert "Image is there" in said
    assert "QoS Class:                   BestEffort" in said


def test_a_node_table_has_the_real_columns(live: Live) -> None:
    node = {
        "metadata": {"name": "n1", "labels": {"node-role.kubernetes.io/worker": ""}},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "osImage": "Debian", "kernelVersion": "6.1",
                         "architecture": "arm64", "containerRuntimeVersion": "containerd://2"},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
        },
    }  # fmt: skip
    live.cluster.store.create(NODES, obj=node)
    head, row = live.ok("get", "node", "n1", "-o", "wide").splitlines()
    assert head.split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION", "INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE",
                            "KERNEL-VERSION", "CONTAINER-RUNTIME"]  # fmt: skip
    assert row.split()[1:3] == ["Ready,SchedulingDisabled", "worker"]
    assert row.split()[5:] == ["192.0.2.1", "<none>", "Debian", "6.1", "(arm64)", "containerd://2"]


def test_many_pages_make_one_list(live: Live, space: str) -> None:
    for number in range(25):
        live.cluster.store.create(CONFIGMAPS, obj=make_config_map(f"c{number:02}", namespace=space))
    out = live.ok("get", "configmaps", "-n", space, "--chunk-size=4", "-o", "name")
    assert [line for line in out.splitlines() if "/c" in line] == [f"configmap/c{n:02}" for n in range(25)]


def test_an_unknown_token_is_unauthorized(live: Live) -> None:
    said = live.fails("get", "pods", context="stranger")
    assert "You must be logged in to the server (Unauthorized)" in said or "the server has asked for the client" in said


def test_a_user_without_rights_is_told_what_is_missing(live: Live, space: str) -> None:
    said = live.fails("get", "deployments", "-n", space, context="jane")
    want = (
        f'Error from server (Forbidden): deployments.apps is forbidden: User "jane" cannot list resource "deployments" '
        f'in API group "apps" in the namespace "{space}"'
    )
    assert said.strip() == want


def test_nobody_grants_what_they_do_not_hold(live: Live, space: str) -> None:
    live.ok("create", "role", "maker", "-n", space, "--verb=create,get", "--resource=roles,rolebindings")
    live.ok("create", "rolebinding", "maker", "-n", space, "--role=maker", "--user=jane")
    said = live.fails("create", "role", "more", "-n", space, "--verb=delete", "--resource=pods", context="jane")
    assert 'user "jane" (groups=["crew" "system:authenticated"]) is attempting to grant RBAC permissions' in said
    assert '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}' in said


def test_a_watch_of_one_name_is_allowed_by_resource_names(live: Live, space: str) -> None:
    live.cluster.store.create(CONFIGMAPS, obj=make_config_map("mine", namespace=space))
    live.ok("create", "role", "one", "-n", space, "--verb=get,list,watch", "--resource=configmaps",
            "--resource-name=mine")  # fmt: skip
    live.ok("create", "rolebinding", "one", "-n", space, "--role=one", "--user=jane")
    live.ok("get", "configmaps", "-n", space, "--field-selector=metadata.name=mine", context="jane")
    live.ok("get", "configmap", "mine", "-n", space, context="jane")
    live.fails("get", "configmaps", "-n", space, context="jane")
