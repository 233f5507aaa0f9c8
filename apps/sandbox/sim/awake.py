"""Follows pods to know which workloads can serve: the log then knows which requests were turned away."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from apps.sandbox.controllers.objects import controller_of, is_ready, is_terminating
from apps.sandbox.kubeapi.builtin import PODS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store
from apps.sandbox.sim.service import Served


class AwakeTracker:
    """Counts the ready pods of each workload, and tells the log when the first comes and the last goes."""

    def __init__(self, store: Store, *, served: Served, now_ms: Callable[[], int]) -> None:
        self._store, self._served, self._now_ms = store, served, now_ms
        self.listeners: list[Callable[[str, Obj, bool], None]] = []  # (workload, pod, whether it is ready now)
        self._ready: dict[str, set[str]] = {}
        self._owner: dict[str, str] = {}  # pod uid -> workload key
        store.subscribe(self._changed)

    def rescan(self, workloads: Iterable[str]) -> None:
        """Count the pods that are there, after a restore; workloads of these that have none are asleep from now on."""
        for pod in self._store.items(PODS):
            workload = self._find_owner(pod)
            if workload is not None and is_ready(pod) and not is_terminating(pod):
                self._owner[pod["metadata"]["uid"]] = workload
                self._ready.setdefault(workload, set()).add(pod["metadata"]["uid"])
                self._announce(workload, pod, ready=True)
        for workload in workloads:
            kind = workload.partition("/")[0]
            if kind in ("Deployment", "StatefulSet"):
                self._served.set_awake(workload, awake=bool(self._ready.get(workload)), at_ms=self._now_ms())

    def _changed(self, kind: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        if resource.key != PODS.key:
            return
        uid = obj["metadata"]["uid"]
        workload = self._owner.get(uid) or self._find_owner(obj)
        if workload is None:
            return
        self._owner[uid] = workload
        ready = self._ready.setdefault(workload, set())
        before, was_ready = bool(ready), uid in ready
        now_ready = kind != "DELETED" and is_ready(obj) and not is_terminating(obj)
        (ready.add if now_ready else ready.discard)(uid)
        if now_ready != was_ready:
            self._announce(workload, obj, ready=now_ready)
        if kind == "DELETED":
            del self._owner[uid]
        if before != bool(ready):
            self._served.set_awake(workload, awake=bool(ready), at_ms=self._now_ms())

    def _announce(self, workload: str, pod: Obj, *, ready: bool) -> None:
        for listener in self.listeners:
            listener(workload, pod, ready)

    def _find_owner(self, pod: Obj) -> str | None:
        """`Kind/namespace/name` of the top controller."""
        ref, namespace = controller_of(pod), pod["metadata"]["namespace"]
        if ref is None:
            return f"Pod/{namespace}/{pod['metadata']['name']}"
        found = self._store.by_uid(ref["uid"])
        above = controller_of(found[1]) if found is not None else None
        top = above or ref
        return f"{top['kind']}/{namespace}/{top['name']}"
