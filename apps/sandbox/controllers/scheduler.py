"""Pods find nodes: filter by selectors, taints and room, then the node with the largest share left free.

Room is kept in arrays that follow the pods' own changes, so placing a pod costs a few numpy calls however many run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from apps.kernel.units import cpu_millicores, memory_bytes
from apps.sandbox.controllers.manager import Key, World
from apps.sandbox.controllers.objects import is_finished, is_terminating, key_of, requests_of, set_condition
from apps.sandbox.kubeapi.builtin import NODES, PODS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import WriteOptions
from apps.sandbox.sim.clock import stamp
from apps.sandbox.sim.draw import Floats

BIND = WriteOptions(subresource="binding")
STATUS = WriteOptions(subresource="status")
_RETRY_MS = 60_000
_NOTHING = np.zeros(4)


@dataclass
class Scheduler:
    """Binds pending pods; the condition that says so is written by the kubelet with its own.

    Keys are pods; a change of a node wakes the pods that found no place.
    """

    world: World
    _names: list[str] = field(default_factory=list)
    _rows: dict[str, int] = field(default_factory=dict)
    _free: Floats = field(default_factory=lambda: np.zeros((0, 4)))  # CPU millicores, memory bytes, GPUs, pods
    _size: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    _held: dict[Key, tuple[int, Floats]] = field(default_factory=dict)
    _fits: dict[str, list[int]] = field(default_factory=dict)
    _waiting: dict[Key, None] = field(default_factory=dict)

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        if resource.key == NODES.key:
            return self._node_changed(obj, old)
        key = key_of(obj)
        self._account(key, obj)
        unbound = not obj["spec"].get("nodeName") and not is_terminating(obj)
        return [key] if unbound else []

    def sync(self, key: Key) -> None:
        pod = self.world.store.find(PODS, namespace=key[0], name=key[1])
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod) or pod["spec"].get("schedulingGates"):
            self._waiting.pop(key, None)
            return
        row = self._place(pod)
        if row is None:
            self._waiting[key] = None
            self._unschedulable(key)
            return
        self._waiting.pop(key, None)

        def bind(copy: Obj) -> None:
            copy["spec"]["nodeName"] = self._names[row]

        self.world.store.modify(PODS, namespace=key[0], name=key[1], change=bind, options=BIND)

    def _node_changed(self, node: Obj, old: Obj | None) -> Iterable[Key]:
        name = node["metadata"]["name"]
        if old is not None and _shape(node) == _shape(old) and name in self._rows:
            return ()
        self._fits.clear()
        if name not in self._rows:
            self._rows[name] = len(self._names)
            self._names.append(name)
            self._free = np.vstack([self._free, _NOTHING])
            self._size = np.vstack([self._size, _NOTHING])
        row, size = self._rows[name], _allocatable(node)
        if self.world.store.find(NODES, name=name) is None:
            size = _NOTHING
        self._free[row] += size - self._size[row]
        self._size[row] = size
        return list(self._waiting)

    def _account(self, key: Key, pod: Obj) -> None:
        """What a bound pod holds; given back when it ends."""
        node = pod["spec"].get("nodeName")
        gone = is_finished(pod) or self.world.store.find(PODS, namespace=key[0], name=key[1]) is None
        if key in self._held and gone:
            row, taken = self._held.pop(key)
            self._free[row] += taken
        elif node in self._rows and key not in self._held and not gone:
            taken = np.asarray([*requests_of(pod["spec"]), 1.0])
            self._held[key] = (self._rows[node], taken)
            self._free[self._rows[node]] -= taken

    def _place(self, pod: Obj) -> int | None:
        rows = self._allowed(pod["spec"])
        if not rows:
            return None
        wanted = np.asarray([*requests_of(pod["spec"]), 1.0])
        free = self._free[rows]
        room = (free >= wanted).all(axis=1)
        if not room.any():
            return None
        share = (free[:, :2] - wanted[:2]) / np.maximum(self._size[rows][:, :2], 1.0)
        score = np.where(room, share.mean(axis=1), -np.inf)
        return rows[int(score.argmax())]

    def _allowed(self, spec: Obj) -> list[int]:
        """The nodes that selectors and taints leave; kept for each distinct set of demands."""
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        demands = [spec.get("nodeSelector"), spec.get("tolerations"), affinity]
        key = json.dumps(demands, sort_keys=True)
        if key not in self._fits:
            nodes = {node["metadata"]["name"]: node for node in self.world.store.items(NODES)}
            self._fits[key] = [
                row for row, name in enumerate(self._names) if name in nodes and node_fits(spec, node=nodes[name])
            ]
        return self._fits[key]

    def _unschedulable(self, key: Key) -> None:
        total = len(self._names)
        message = f"0/{total} nodes are available: insufficient resources or no matching node."

        def change(copy: Obj) -> None:
            conditions = copy.setdefault("status", {}).setdefault("conditions", [])
            new = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            set_condition(conditions, new=new, now=stamp(self.world.now_ms()))

        self.world.store.modify(PODS, namespace=key[0], name=key[1], change=change, options=STATUS)
        self.world.requeue(self, key, _RETRY_MS)


def node_fits(spec: Obj, *, node: Obj) -> bool:
    """Whether selectors, required affinity and taints let the pod run there; room is not looked at."""
    labels = {**(node["metadata"].get("labels") or {}), "metadata.name": node["metadata"]["name"]}
    if any(labels.get(name) != value for name, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms")
    if terms is not None and not any(_term_holds(term, labels=labels) for term in terms):
        return False
    taints = list(node["spec"].get("taints") or ())
    if node["spec"].get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    return all(
        any(_tolerates(one, taint=taint) for one in spec.get("tolerations") or ())
        for taint in taints if taint["effect"] in ("NoSchedule", "NoExecute")
    )  # fmt: skip


def _term_holds(term: Obj, *, labels: dict[str, str]) -> bool:
    rules = [*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())]
    return bool(rules) and all(_rule_holds(rule, found=labels.get(rule["key"])) for rule in rules)


def _rule_holds(rule: Obj, *, found: str | None) -> bool:
    operator, values = str(rule["operator"]), rule.get("values") or []
    if operator in ("Exists", "DoesNotExist"):
        return (found is not None) == (operator == "Exists")
    if operator in ("Gt", "Lt"):
        if found is None or not found.isdigit():
            return False
        return (int(found) > int(values[0])) if operator == "Gt" else (int(found) < int(values[0]))
    return bool((found in values) == (operator == "In"))


def _tolerates(toleration: Obj, *, taint: Obj) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return bool(toleration.get("operator") == "Exists")
    if toleration["key"] != taint["key"]:
        return False
    anything = toleration.get("operator") == "Exists"
    return bool(anything or toleration.get("value", "") == taint.get("value", ""))


def _allocatable(node: Obj) -> Floats:
    room = node.get("status", {}).get("allocatable") or {}
    return np.asarray([
        cpu_millicores(room.get("cpu", 0)), memory_bytes(room.get("memory", 0)),
        int(room.get("nvidia.com/gpu", 0)), int(room.get("pods", 110)),
    ], dtype=np.float64)  # fmt: skip


def _shape(node: Obj) -> tuple[object, ...]:
    return node["metadata"].get("labels"), node["spec"], node.get("status", {}).get("allocatable")
