"""StatefulSets: ordinal pods with claims of their own, started and stopped in order, updated from the highest down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import (
    is_finished,
    is_ready,
    is_terminating,
    key_of,
    owned,
    owner_key,
    owner_reference,
    template_hash,
)
from apps.sandbox.controllers.replication import pod_from_template
from apps.sandbox.kubeapi.builtin import CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource

REVISION_LABEL = "controller-revision-hash"
Pods = dict[int, Obj]


@dataclass
class StatefulSets:
    """Keeps the pods of each StatefulSet, and its status."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if resource.key == STATEFULSETS.key else owner_key(obj, kind="StatefulSet")

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(STATEFULSETS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            return
        revision = f"{key[1]}-{template_hash(found['spec']['template'])}"
        self._keep_revision(found, name=revision)
        pods = {_ordinal(pod): pod for pod in owned(store, owner=found, resource=PODS)}
        if not self._scale(found, pods=pods, revision=revision):
            self._update(found, pods=pods, revision=revision)
        self._tell(key, revision=revision)

    def _scale(self, found: Obj, *, pods: Pods, revision: str) -> bool:
        """Create and delete pods; in order, one at a time, unless Parallel. Returns whether anything is under way."""
        first = found["spec"].get("ordinals", {}).get("start", 0)
        wanted = range(first, first + found["spec"].get("replicas", 1))
        parallel = found["spec"].get("podManagementPolicy") == "Parallel"
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is not None and is_finished(pod) and not is_terminating(pod):
                self._delete(pod)
            if pod is None:
                self._create(found, ordinal=ordinal, revision=revision)
            if (pod is None or not is_ready(pod) or is_terminating(pod)) and not parallel:
                return True
        extra = sorted((o for o in pods if o not in wanted), reverse=True)
        for ordinal in extra:
            if not is_terminating(pods[ordinal]):
                self._delete(pods[ordinal])
            if not parallel:
                return True
        return bool(extra)

    def _create(self, found: Obj, *, ordinal: int, revision: str) -> None:
        store, (namespace, name) = self.world.store, key_of(found)
        pod_name = f"{name}-{ordinal}"
        pod = pod_from_template(found["spec"]["template"], owner=found, resource=STATEFULSETS, name=pod_name)
        labels = pod["metadata"].setdefault("labels", {})
        labels |= {REVISION_LABEL: revision, "statefulset.kubernetes.io/pod-name": pod_name,
                   "apps.kubernetes.io/pod-index": str(ordinal)}  # fmt: skip
        spec = pod["spec"] = {**pod["spec"], "hostname": pod_name}
        if found["spec"].get("serviceName"):
            spec["subdomain"] = found["spec"]["serviceName"]
        for template in found["spec"].get("volumeClaimTemplates") or ():
            volume = template["metadata"]["name"]
            claim = f"{volume}-{pod_name}"
            kept = [one for one in spec.get("volumes") or () if one["name"] != volume]
            spec["volumes"] = [*kept, {"name": volume, "persistentVolumeClaim": {"claimName": claim}}]
            if store.find(PERSISTENTVOLUMECLAIMS, namespace=namespace, name=claim) is None:
                own = found["spec"]["selector"].get("matchLabels") or {}
                labels = {**(template["metadata"].get("labels") or {}), **own}
                made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": template["spec"],
                        "metadata": {"name": claim, "namespace": namespace, "labels": labels}}  # fmt: skip
                store.create(PERSISTENTVOLUMECLAIMS, obj=made, options=WRITE)
        store.create(PODS, obj=pod, options=WRITE)

    def _update(self, found: Obj, *, pods: Pods, revision: str) -> None:
        """RollingUpdate: delete the highest pod of another revision, once all above it are ready."""
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for ordinal in sorted(pods, reverse=True):
            pod = pods[ordinal]
            if ordinal < partition:
                return
            if pod["metadata"].get("labels", {}).get(REVISION_LABEL) != revision:
                if not is_terminating(pod):
                    self._delete(pod)
                return
            if not is_ready(pod) or is_terminating(pod):
                return

    def _delete(self, pod: Obj) -> None:
        namespace, name = key_of(pod)
        self.world.store.delete(PODS, namespace=namespace, name=name)

    def _keep_revision(self, found: Obj, *, name: str) -> None:
        store, namespace = self.world.store, found["metadata"]["namespace"]
        if store.find(CONTROLLERREVISIONS, namespace=namespace, name=name) is None:
            number = len(owned(store, owner=found, resource=CONTROLLERREVISIONS)) + 1
            made = {
                "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": number,
                "metadata": {"name": name, "namespace": namespace,
                             "labels": dict(found["spec"]["template"]["metadata"].get("labels") or {}),
                             "ownerReferences": [owner_reference(found, resource=STATEFULSETS)]},
                "data": {"spec": {"template": {**found["spec"]["template"], "$patch": "replace"}}},
            }  # fmt: skip
            store.create(CONTROLLERREVISIONS, obj=made, options=WRITE)

    def _tell(self, key: Key, *, revision: str) -> None:
        store = self.world.store
        found = store.get(STATEFULSETS, namespace=key[0], name=key[1])
        pods = [pod for pod in owned(store, owner=found, resource=PODS) if not is_terminating(pod)]
        new = [pod for pod in pods if pod["metadata"].get("labels", {}).get(REVISION_LABEL) == revision]
        ready = sum(map(is_ready, pods))
        done = len(new) == len(pods) and sum(map(is_ready, new)) == found["spec"].get("replicas", 1)

        before = (found.get("status") or {}).get("currentRevision")
        current = revision if done or before is None else before
        old = len(pods) - len(new)
        status = {
            "observedGeneration": found["metadata"].get("generation", 1), "replicas": len(pods),
            **({"readyReplicas": ready} if ready else {}), "availableReplicas": ready,
            **({"currentReplicas": len(pods) if current == revision else old} if pods else {}),
            **({"updatedReplicas": len(new)} if new else {}),
            "currentRevision": current, "updateRevision": revision, "collisionCount": 0,
        }  # fmt: skip
        self.world.put_status(STATEFULSETS, found, status=status)


def _ordinal(pod: Obj) -> int:
    tail = pod["metadata"]["name"].rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1
