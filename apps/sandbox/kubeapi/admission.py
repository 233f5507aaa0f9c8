"""What happens to a new object before it is validated: the admission plugins that clients can see.

NamespaceLifecycle, ServiceAccount (the default account), DefaultTolerationSeconds, Priority, LimitRanger; and the
allocation of cluster IPs and node ports. ResourceQuota comes last, after validation, and lies in `quota`.
"""

from __future__ import annotations

import ipaddress
from random import Random

from apps.sandbox.kubeapi import errors, quota
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.builtin import NAMESPACES, PODS, SERVICEACCOUNTS, SERVICES
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import NAME_ALPHABET, Store

SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
NODE_PORTS = range(30000, 32768)
KEPT_NAMESPACES = frozenset({"default", "kube-system", "kube-public"})
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  # a path, and the real one
_EVICTING_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def require_namespace(store: Store, *, resource: Resource, obj: Obj) -> None:
    """Refuse an object whose namespace does not exist (404) or is going away (403)."""
    name = obj["metadata"].get("namespace", "")
    if not resource.namespaced or not name:
        return
    namespace = store.get(NAMESPACES, name=name)
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = Cause("NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace")
        raise errors.forbidden(
            resource.group, plural=resource.plural, name=obj["metadata"].get("name", ""), why=why, causes=[cause]
        )


def admit_new(store: Store, *, resource: Resource, obj: Obj, random: Random) -> None:
    """Run the plugins that change a new object, in place."""
    if resource.key == PODS.key:
        _admit_pod(store, obj)
    elif resource.key == SERVICES.key:
        allocate_service(store, service=obj, random=random)


def _admit_pod(store: Store, pod: Obj) -> None:
    spec = pod["spec"]
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for taint in _EVICTING_TAINTS:
        if not any(entry.get("key") in (taint, None) and _covers(entry) for entry in tolerations):
            tolerations.append({"effect": "NoExecute", "key": taint, "operator": "Exists", "tolerationSeconds": 300})
    _mount_token(store, pod)
    quota.apply_limit_ranges(store, pod=pod)


def _mount_token(store: Store, pod: Obj) -> None:
    """Mount the account's token, unless the pod or the account says not to.

    The volume's suffix is random on a real server; here it follows from the pod's template, so that the pods of one
    template share their containers in memory.
    """
    spec, metadata = pod["spec"], pod["metadata"]
    namespace, name = metadata.get("namespace", ""), spec["serviceAccountName"]
    account = store.find(SERVICEACCOUNTS, namespace=namespace, name=name) or {}
    if not account and name != "default":  # the default one is on its way in a namespace just made
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise errors.forbidden("", plural="pods", name=metadata.get("name", ""), why=why)
    wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    unmounted = [c for c in containers if not _has_mount(c, TOKEN_PATH)]
    if not wanted or not unmounted:
        return
    suffix = "".join(Random(metadata.get("generateName") or metadata.get("name")).choices(NAME_ALPHABET, k=5))  # noqa: S311
    volume = f"kube-api-access-{suffix}"
    for container in unmounted:
        mount = {"mountPath": TOKEN_PATH, "name": volume, "readOnly": True}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(volume)]


def _has_mount(container: Obj, path: str) -> bool:
    return any(mount.get("mountPath") == path for mount in container.get("volumeMounts") or ())


def _token_volume(name: str) -> Obj:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "name": name,
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": [{"fieldRef": field, "path": "namespace"}]}},
            ],
        },
    }


def _covers(toleration: Obj) -> bool:
    return toleration.get("effect") in ("NoExecute", "", None) and (
        bool(toleration.get("key")) or toleration.get("operator") == "Exists"
    )


def allocate_service(store: Store, *, service: Obj, random: Random) -> None:
    """Give a Service its cluster IP, node ports and IP families. What it asks for is kept, or refused if taken."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(key, None)
        return
    own = service["metadata"].get("uid")
    others = [other for other in store.items(SERVICES) if other["metadata"]["uid"] != own]
    taken = {other["spec"].get("clusterIP") for other in others}
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(taken, random)
    elif spec["clusterIP"] != "None" and spec["clusterIP"] in taken:
        said = "failed to allocate IP " + spec["clusterIP"] + ": provided IP is already allocated"
        cause = fe.invalid("spec.clusterIPs", value=[spec["clusterIP"]], detail=said)
        raise errors.invalid("", kind="Service", name=service["metadata"].get("name", ""), causes=[cause])
    spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        used = {port.get("nodePort") for other in others for port in other["spec"].get("ports") or ()}
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = random.choice([number for number in NODE_PORTS if number not in used])
                used.add(port["nodePort"])


def _free_address(taken: set[str | None], random: Random) -> str:
    while True:
        address = str(SERVICE_NETWORK[random.randrange(10, SERVICE_NETWORK.num_addresses - 1)])
        if address not in taken:
            return address


def _port_key(port: Obj) -> tuple[str, int, str]:
    return (port.get("name", ""), port.get("port", 0), port.get("protocol", ""))


def keep_service_fields(new: Obj, *, old: Obj) -> None:
    """An update that leaves allocated fields out keeps them (as the Service strategy's patchAllocatedValues does)."""
    before, after = old["spec"], new["spec"]
    if after["type"] == "ExternalName":
        return
    for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if key in before and not after.get(key):
            after[key] = before[key]
    ports = {_port_key(port): port.get("nodePort") for port in before.get("ports") or ()}
    if after["type"] in ("NodePort", "LoadBalancer"):
        for port in after.get("ports") or ():
            kept = ports.get(_port_key(port))
            if kept and not port.get("nodePort"):
                port["nodePort"] = kept
    else:
        for port in after.get("ports") or ():
            port.pop("nodePort", None)


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, by the CPU and memory of the containers."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    guaranteed, anything = True, False
    for container in containers:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for name in ("cpu", "memory"):
            anything = anything or name in limits or name in requests
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                guaranteed = False
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"
