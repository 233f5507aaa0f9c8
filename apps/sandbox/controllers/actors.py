"""Who else acts on workloads: KEDA, and whoever re-applies manifests. Optional; they are not part of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.sandbox.controllers.manager import Key, World
from apps.sandbox.controllers.objects import is_terminating, key_of
from apps.sandbox.kubeapi.builtin import DEPLOYMENTS, STATEFULSETS
from apps.sandbox.kubeapi.errors import NotFound, Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import WriteOptions

PAUSED = "autoscaling.keda.sh/paused-replicas"
_SCALABLE = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFULSETS}
_KEDA = WriteOptions(manager="keda-operator", subresource="scale")
_POLL_MS = 30_000


@dataclass
class Keda:
    """What Plimsoll must reckon with: a ScaledObject brings its target up to minReplicaCount (0 counts as asleep, and
    KEDA wakes it) unless its annotation pauses it, which sets and holds the number it names."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)]

    def sync(self, key: Key) -> None:
        resource = self.world.store.registry.of_group_kind("keda.sh", kind="ScaledObject")
        found = resource and self.world.store.find(resource, namespace=key[0], name=key[1])
        if not found or is_terminating(found):
            return
        spec, annotations = found["spec"], found["metadata"].get("annotations") or {}
        target = spec["scaleTargetRef"]
        kind = _SCALABLE.get(target.get("kind", "Deployment"))
        scaled = kind and self.world.store.find(kind, namespace=key[0], name=target["name"])
        if kind is not None and scaled:
            current = int(scaled["spec"].get("replicas", 1))
            wanted = int(annotations[PAUSED]) if PAUSED in annotations else max(current, spec.get("minReplicaCount", 0))
            if wanted != current:
                _set_replicas(self.world, kind, key=(key[0], target["name"]), replicas=wanted, options=_KEDA)
        self.world.requeue(self, key, spec.get("pollingInterval", _POLL_MS // 1000) * 1000)


@dataclass
class Reapplier:
    """Restores the replicas of its workloads every `period_ms`, as `kubectl apply` in a loop or Argo CD's self-heal."""

    world: World
    manager: str
    period_ms: int = 180_000
    replicas: dict[tuple[str, str, str], int] = field(default_factory=dict)  # (kind, namespace, name) -> manifest
    restored: list[tuple[int, str, str, str]] = field(default_factory=list)  # when, and what

    def start(self) -> None:
        """Begin; it goes on for as long as the world does."""
        self.world.after(self.period_ms, self._round)

    def _round(self) -> None:
        for (kind, namespace, name), wanted in self.replicas.items():
            found = self.world.store.find(_SCALABLE[kind], namespace=namespace, name=name)
            if found is not None and found["spec"].get("replicas", 1) != wanted:
                options = WriteOptions(manager=self.manager)
                try:
                    _set_replicas(self.world, _SCALABLE[kind], key=(namespace, name), replicas=wanted, options=options)
                except NotFound:
                    continue
                self.restored.append((self.world.now_ms(), kind, namespace, name))
        self.start()


def _set_replicas(world: World, resource: Resource, *, key: Key, replicas: int, options: WriteOptions) -> None:
    def change(obj: Obj) -> None:
        obj["spec"]["replicas"] = replicas

    world.store.modify(resource, namespace=key[0], name=key[1], change=change, options=options)
