"""PodDisruptionBudgets know how many pods they can spare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import Key, World
from apps.sandbox.controllers.objects import (
    as_count,
    controller_of,
    is_active,
    is_finished,
    is_ready,
    key_of,
    matches,
    pods_of,
    set_condition,
)
from apps.sandbox.kubeapi.builtin import PDBS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.sim.clock import stamp


@dataclass
class DisruptionBudgets:
    """Status of PDBs. Expected pods are counted through the owners' scale, as the real controller does."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        if resource.key == PDBS.key:
            return [key_of(obj)]
        labels = obj["metadata"].get("labels") or {}
        budgets = self.world.store.items(PDBS, namespace=obj["metadata"]["namespace"])
        return [key_of(one) for one in budgets if matches(one["spec"].get("selector"), labels=labels)]

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(PDBS, namespace=key[0], name=key[1])
        if found is None:
            return
        spec = found["spec"]
        pods = [p for p in pods_of(store, namespace=key[0], selector=spec.get("selector")) if not is_finished(p)]
        expected = self._expected(pods)
        healthy = sum(is_ready(pod) and is_active(pod) for pod in pods)
        if "maxUnavailable" in spec:
            desired = max(expected - as_count(spec["maxUnavailable"], of=expected, round_up=True), 0)
        else:
            desired = as_count(spec.get("minAvailable", 1), of=expected, round_up=True)
        allowed = max(healthy - desired, 0) if expected else 0
        now = stamp(self.world.now_ms())

        conditions = [dict(one) for one in (found.get("status") or {}).get("conditions") or ()]
        generation = found["metadata"].get("generation", 1)
        reason = "SufficientPods" if allowed else "InsufficientPods"
        new = {"type": "DisruptionAllowed", "status": "True" if allowed else "False", "reason": reason, "message": "",
               "observedGeneration": generation}  # fmt: skip
        set_condition(conditions, new=new, now=now)
        status = {
            "conditions": conditions, "currentHealthy": healthy, "desiredHealthy": desired,
            "disruptionsAllowed": allowed, "expectedPods": expected, "observedGeneration": generation,
        }  # fmt: skip
        self.world.put_status(PDBS, found, status=status)

    def _expected(self, pods: list[Obj]) -> int:
        owners = {ref["uid"] for pod in pods if (ref := controller_of(pod)) is not None}
        total = sum(controller_of(pod) is None for pod in pods)
        for uid in owners:
            found = self.world.store.by_uid(uid)
            total += found[1]["spec"].get("replicas", 1) if found is not None else 0
        return total
