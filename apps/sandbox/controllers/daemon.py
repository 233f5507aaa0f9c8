"""DaemonSets: one pod on every node that the template may run on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import (
    as_count,
    is_finished,
    is_ready,
    is_terminating,
    key_of,
    owned,
    owner_key,
    template_hash,
)
from apps.sandbox.controllers.replication import pod_from_template
from apps.sandbox.controllers.scheduler import node_fits
from apps.sandbox.kubeapi.builtin import DAEMONSETS, NODES, PODS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource

REVISION_LABEL = "controller-revision-hash"
# What every daemon pod tolerates (pkg/controller/daemon/util/daemonset_util.go).
_TOLERATIONS: list[Obj] = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"),
    )
]  # fmt: skip


@dataclass
class DaemonSets:
    """Keeps the pods of each DaemonSet, and its status. A change of a node wakes all of them."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        if resource.key == NODES.key:
            moved = old is None or (old["spec"], old["metadata"].get("labels")) != (
                obj["spec"], obj["metadata"].get("labels")
            )  # fmt: skip
            return [key_of(one) for one in self.world.store.items(DAEMONSETS)] if moved else ()
        return [key_of(obj)] if resource.key == DAEMONSETS.key else owner_key(obj, kind="DaemonSet")

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(DAEMONSETS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            return
        revision = template_hash(found["spec"]["template"])
        spec = self._pod_spec(found)
        nodes = [node for node in store.items(NODES) if node_fits(spec, node=node) and not is_terminating(node)]
        wanted = {node["metadata"]["name"] for node in nodes}
        pods = {_node_of(pod): pod for pod in owned(store, owner=found, resource=PODS)}
        for node, pod in pods.items():
            if (node not in wanted or is_finished(pod)) and not is_terminating(pod):
                store.delete(PODS, namespace=key[0], name=pod["metadata"]["name"])
        for node in sorted(wanted - pods.keys()):
            self._create(found, node=node, spec=spec, revision=revision)
        self._update(found, pods=pods, wanted=len(wanted), revision=revision)
        self._tell(key, wanted=wanted, revision=revision)

    def _pod_spec(self, found: Obj) -> Obj:
        spec = dict(found["spec"]["template"]["spec"])
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *_TOLERATIONS]
        return spec

    def _create(self, found: Obj, *, node: str, spec: Obj, revision: str) -> None:
        pod = pod_from_template(found["spec"]["template"], owner=found, resource=DAEMONSETS)
        pod["metadata"].setdefault("labels", {})[REVISION_LABEL] = revision
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        pod["spec"] = {**spec, "affinity": {**(spec.get("affinity") or {}), "nodeAffinity": required}}
        self.world.store.create(PODS, obj=pod, options=WRITE)

    def _update(self, found: Obj, *, pods: dict[str, Obj], wanted: int, revision: str) -> None:
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        spare = as_count(limit, of=wanted, round_up=True) - (wanted - sum(map(is_ready, pods.values())))
        old = [p for p in pods.values() if p["metadata"]["labels"].get(REVISION_LABEL) != revision]
        for pod in sorted(old, key=key_of):
            unready = not is_ready(pod)
            if not is_terminating(pod) and (unready or spare > 0):
                namespace, name = key_of(pod)
                self.world.store.delete(PODS, namespace=namespace, name=name)
                spare -= 0 if unready else 1

    def _tell(self, key: Key, *, wanted: set[str], revision: str) -> None:
        store = self.world.store
        found = store.get(DAEMONSETS, namespace=key[0], name=key[1])
        pods = [pod for pod in owned(store, owner=found, resource=PODS) if not is_terminating(pod)]
        ready = sum(map(is_ready, pods))
        new = sum(p["metadata"]["labels"].get(REVISION_LABEL) == revision for p in pods)

        status = {
            "currentNumberScheduled": len(pods), "numberMisscheduled": 0, "desiredNumberScheduled": len(wanted),
            "numberReady": ready, "observedGeneration": found["metadata"].get("generation", 1),
            **({"updatedNumberScheduled": new} if new else {}), **({"numberAvailable": ready} if ready else {}),
            **({"numberUnavailable": len(wanted) - ready} if len(wanted) > ready else {}),
        }  # fmt: skip
        self.world.put_status(DAEMONSETS, found, status=status)


def _node_of(pod: Obj) -> str:
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms") or [{}]
    fields = terms[0].get("matchFields") or [{"values": [""]}]
    return str(fields[0]["values"][0])
