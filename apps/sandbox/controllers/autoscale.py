"""HorizontalPodAutoscalers on CPU: the rule of kube-controller-manager, every 60 s of the cluster's time.

wanted = ceil(replicas x utilisation / target), not moved within 10 %, between minReplicas and maxReplicas, down only to
the highest wish of the last 5 minutes. At zero replicas it stands still and says ScalingDisabled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.sandbox.controllers.manager import SCALE, Key, World
from apps.sandbox.controllers.objects import is_terminating, key_of, set_condition
from apps.sandbox.kubeapi.builtin import DEPLOYMENTS, HPAS, STATEFULSETS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.sim.clock import stamp

_PERIOD_MS = 60_000
_STABLE_MS = 300_000
_TOLERANCE = 0.1
# kind, namespace, name -> CPU used as a share of what is requested, now; None when there is no metric
Utilisation = Callable[[str, str, str], float | None]


@dataclass
class Autoscalers:
    """Scales Deployments and StatefulSets by their HPAs."""

    world: World
    utilisation: Utilisation
    _wishes: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _armed: set[str] = field(default_factory=set)

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if old is None or old["spec"] != obj["spec"] else ()

    def sync(self, key: Key) -> None:
        found = self.world.store.find(HPAS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            return
        uid = found["metadata"]["uid"]
        if uid not in self._armed:
            self._armed.add(uid)
            self.world.after(_PERIOD_MS, lambda: self._again(key, uid))
        target = found["spec"]["scaleTargetRef"]
        resource = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFULSETS}.get(target["kind"])
        scaled = resource and self.world.store.find(resource, namespace=key[0], name=target["name"])
        if resource is None or not scaled:
            why = f'deployments/scale.apps "{target["name"]}" not found'
            self._tell(key, current=0, wanted=0, used=None, problem=("AbleToScale", "FailedGetScale", why))
            return
        current = int(scaled["spec"].get("replicas", 1))
        if current == 0:
            why = "scaling is disabled since the replica count of the target is zero"
            self._tell(key, current=0, wanted=0, used=None, problem=("ScalingActive", "ScalingDisabled", why))
            return
        used = self.utilisation(target["kind"], key[0], target["name"])
        wanted = self._wanted(found, current=current, used=used)
        if wanted != current:

            def change(obj: Obj) -> None:
                obj["spec"]["replicas"] = wanted

            self.world.store.modify(resource, namespace=key[0], name=target["name"], change=change, options=SCALE)
        self._tell(key, current=current, wanted=wanted, used=used, problem=None)

    def _again(self, key: Key, uid: str) -> None:
        self._armed.discard(uid)
        if self.world.store.by_uid(uid) is not None:
            self.sync(key)

    def _wanted(self, found: Obj, *, current: int, used: float | None) -> int:
        spec, now = found["spec"], self.world.now_ms()
        wish = current
        if used is not None:
            ratio = used * 100 / _target(spec)
            wish = current if abs(ratio - 1) <= _TOLERANCE else math.ceil(current * ratio)
        wish = min(max(wish, spec.get("minReplicas", 1)), spec["maxReplicas"])
        kept = [w for w in self._wishes.get(found["metadata"]["uid"], []) if w[0] > now - _STABLE_MS]
        kept.append((now, wish))
        self._wishes[found["metadata"]["uid"]] = kept
        return wish if wish >= current else min(max(w for _, w in kept), current)

    def _tell(
        self, key: Key, *, current: int, wanted: int, used: float | None, problem: tuple[str, str, str] | None
    ) -> None:
        found = self.world.store.get(HPAS, namespace=key[0], name=key[1])
        now, old = stamp(self.world.now_ms()), found.get("status") or {}
        conditions = [dict(one) for one in old.get("conditions") or ()]
        for new in _conditions(problem):
            set_condition(conditions, new=new, now=now)
        status: dict[str, Any] = {"currentReplicas": current, "desiredReplicas": wanted, "conditions": conditions}
        if used is not None:
            percent = round(used * 20) * 5
            average = {"averageUtilization": percent, "averageValue": f"{percent * 2}m"}
            status["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": average}}]
        if wanted != current:
            status["lastScaleTime"] = now
        elif "lastScaleTime" in old:
            status["lastScaleTime"] = old["lastScaleTime"]
        self.world.put_status(HPAS, found, status=status)


def _target(spec: Obj) -> int:
    for metric in spec.get("metrics") or ():
        target = metric.get("resource", {}).get("target", {})
        if metric.get("resource", {}).get("name") == "cpu" and "averageUtilization" in target:
            return int(target["averageUtilization"])
    return 80


def _conditions(problem: tuple[str, str, str] | None) -> list[Obj]:
    if problem is not None:
        kind, reason, message = problem
        able = [] if kind == "AbleToScale" else [_able()]
        return [*able, {"type": kind, "status": "False", "reason": reason, "message": message}]
    return [
        _able(),
        {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound",
         "message": "the HPA was able to successfully calculate a replica count from cpu resource utilization"},
    ]  # fmt: skip


def _able() -> Obj:
    return {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale",
            "message": "recommended size matches current size"}  # fmt: skip
