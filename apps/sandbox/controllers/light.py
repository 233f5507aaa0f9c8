"""Deployments and StatefulSets without pods: only their status follows their spec, as fast as pods would.

For simulations that ask whether a workload serves and not which pod does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from apps.sandbox.controllers.manager import Key, World
from apps.sandbox.controllers.objects import is_terminating, key_of
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource

START_MS = 5_000


@dataclass
class LightWorkloads:
    """One for each of the two kinds. Going to zero takes no time, coming up `start_ms`; `on_awake(workload, awake)` is
    told of both. Objects made while `instant` are up at once."""

    world: World
    resource: Resource
    on_awake: Callable[[str, bool], None]
    start_ms: int = START_MS
    instant: bool = False
    _due: dict[Key, int] = field(default_factory=dict)

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if old is None or old["spec"] != obj["spec"] else ()

    def sync(self, key: Key) -> None:
        found = self.world.store.find(self.resource, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            self.on_awake(f"{self.resource.kind}/{key[0]}/{key[1]}", False)
            return
        wanted, now = int(found["spec"].get("replicas", 1)), self.world.now_ms()
        ready = min(int((found.get("status") or {}).get("readyReplicas", 0)), wanted)
        if wanted > ready:
            due = self._due.setdefault(key, now if self.instant else now + self.start_ms)
            if now >= due:
                ready = wanted
            else:
                self.world.requeue(self, key, due - now)
        if wanted == ready:
            self._due.pop(key, None)
        self._tell(found, wanted=wanted, ready=ready)

    def _tell(self, found: Obj, *, wanted: int, ready: int) -> None:
        status = {
            "observedGeneration": found["metadata"].get("generation", 1),
            **{name: count for name, count in (("replicas", wanted), ("updatedReplicas", wanted),
                                               ("readyReplicas", ready), ("availableReplicas", ready)) if count},
        }  # fmt: skip
        self.world.put_status(self.resource, found, status=status)
        namespace, name = key_of(found)
        self.on_awake(f"{self.resource.kind}/{namespace}/{name}", ready > 0)
