"""Deployments roll out: one ReplicaSet a template, moved between by the rolling rule of kube-controller-manager.

Each sync does one step: make the new ReplicaSet, or scale it up as far as maxSurge allows, or scale old ones down as
far as maxUnavailable allows; the change of a ReplicaSet's status brings the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import (
    HASH_LABEL,
    as_count,
    controller_of,
    is_terminating,
    key_of,
    matches,
    owned,
    owner_key,
    owner_reference,
    set_condition,
    template_hash,
)
from apps.sandbox.kubeapi.builtin import DEPLOYMENTS, REPLICASETS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.sim.clock import stamp

REVISION = "deployment.kubernetes.io/revision"


@dataclass
class Deployments:
    """Keeps the ReplicaSets of each Deployment, and its status."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if resource.key == DEPLOYMENTS.key else owner_key(obj, kind="Deployment")

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(DEPLOYMENTS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            return
        sets = owned(store, owner=found, resource=REPLICASETS) or self._adopt(found)
        hash_ = template_hash(found["spec"]["template"])
        new = next((rs for rs in sets if rs["metadata"].get("labels", {}).get(HASH_LABEL) == hash_), None)
        paused = bool(found["spec"].get("paused"))
        if new is None and not paused:
            new = self._create(found, hash_=hash_, old=sets)
            sets = [*sets, new]
        if paused or new is None:
            self._scale_paused(found, sets=sets)
        else:
            self._number(found, new=new, sets=sets)
            self._roll(found, new=new, old=[rs for rs in sets if rs["metadata"]["uid"] != new["metadata"]["uid"]])
        self._tell(key, hash_=hash_)

    def _adopt(self, found: Obj) -> list[Obj]:
        """Orphaned ReplicaSets that the selector finds become its own."""
        store, namespace = self.world.store, found["metadata"]["namespace"]
        adopted = []
        for rs in list(store.items(REPLICASETS, namespace=namespace)):
            orphan = controller_of(rs) is None and not is_terminating(rs)
            if orphan and matches(found["spec"]["selector"], labels=rs["metadata"].get("labels") or {}):
                reference = owner_reference(found, resource=DEPLOYMENTS)

                def own(obj: Obj, reference: Obj = reference) -> None:
                    obj["metadata"].setdefault("ownerReferences", []).append(reference)

                adopted.append(self._modify(rs, change=own))
        return adopted

    def _create(self, found: Obj, *, hash_: str, old: list[Obj]) -> Obj:
        spec, metadata = found["spec"], found["metadata"]
        template = {**spec["template"], "metadata": dict(spec["template"].get("metadata") or {})}
        template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), HASH_LABEL: hash_}
        selector = {**spec["selector"]}
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: hash_}
        made = {
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": f"{metadata['name']}-{hash_}", "namespace": metadata["namespace"],
                "labels": dict(template["metadata"]["labels"]), "annotations": {REVISION: str(_last_revision(old) + 1)},
                "ownerReferences": [owner_reference(found, resource=DEPLOYMENTS)],
            },
            "spec": {"replicas": _first_size(found, old=old), "selector": selector, "template": template},
        }  # fmt: skip
        return self.world.store.create(REPLICASETS, obj=made, options=WRITE)

    def _number(self, found: Obj, *, new: Obj, sets: list[Obj]) -> None:
        """A ReplicaSet that is returned to gets the highest revision; the Deployment carries the same."""
        others = [rs for rs in sets if rs["metadata"]["uid"] != new["metadata"]["uid"]]
        revision = str(max(_revision(new), _last_revision(others) + (1 if others else 0)) or 1)
        self._annotate(REPLICASETS, new, revision=revision)
        self._annotate(DEPLOYMENTS, found, revision=revision)

    def _annotate(self, resource: Resource, obj: Obj, *, revision: str) -> None:
        if (obj["metadata"].get("annotations") or {}).get(REVISION) != revision:
            namespace, name = key_of(obj)

            def change(copy: Obj) -> None:
                copy["metadata"].setdefault("annotations", {})[REVISION] = revision

            self.world.store.modify(resource, namespace=namespace, name=name, change=change, options=WRITE)

    def _roll(self, found: Obj, *, new: Obj, old: list[Obj]) -> None:
        wanted, strategy = _wanted(found), found["spec"].get("strategy") or {}
        running = [rs for rs in old if _size(rs) or rs.get("status", {}).get("replicas")]
        if strategy.get("type") == "Recreate" and running:
            for rs in running:
                self._resize(rs, to=0)
            return
        surge, unavailable = _limits(strategy, wanted=wanted)
        total = sum(map(_size, [new, *old]))
        if _size(new) > wanted:
            new = self._resize(new, to=wanted)
        elif _size(new) < wanted:
            room = wanted + surge - total if running else wanted - _size(new)
            new = self._resize(new, to=_size(new) + max(min(room, wanted - _size(new)), 0))
        if running:
            self._shrink_old(running, new=new, minimum=wanted - unavailable)
        self._forget(old, keep=found["spec"].get("revisionHistoryLimit", 10))

    def _shrink_old(self, old: list[Obj], *, new: Obj, minimum: int) -> None:
        """Unready old pods go first; ready ones as far as `minimum` stays available."""
        total = sum(map(_size, [new, *old]))
        spare = total - minimum - max(_size(new) - _available(new), 0)
        for rs in sorted(old, key=_revision):
            unready = min(_size(rs) - _available(rs), spare)
            if unready > 0:
                self._resize(rs, to=_size(rs) - unready)
                return
        spare = min(spare, sum(map(_available, [new, *old])) - minimum)
        for rs in sorted(old, key=_revision):
            gone = min(_size(rs), max(spare, 0))
            if gone:
                self._resize(rs, to=_size(rs) - gone)
                spare -= gone

    def _scale_paused(self, found: Obj, *, sets: list[Obj]) -> None:
        active = [rs for rs in sets if _size(rs)] or sets[-1:]
        if len(active) == 1:
            self._resize(active[0], to=_wanted(found))

    def _forget(self, old: list[Obj], *, keep: int) -> None:
        idle = sorted((rs for rs in old if not _size(rs) and not is_terminating(rs)), key=_revision)
        for rs in idle[: max(len(idle) - keep, 0)]:
            namespace, name = key_of(rs)
            self.world.store.delete(REPLICASETS, namespace=namespace, name=name)

    def _resize(self, rs: Obj, *, to: int) -> Obj:
        if _size(rs) == to:
            return rs

        def change(obj: Obj) -> None:
            obj["spec"]["replicas"] = to

        return self._modify(rs, change=change)

    def _modify(self, rs: Obj, *, change: Any) -> Obj:
        namespace, name = key_of(rs)
        return self.world.store.modify(REPLICASETS, namespace=namespace, name=name, change=change, options=WRITE)

    def _tell(self, key: Key, *, hash_: str) -> None:
        store = self.world.store
        found = store.get(DEPLOYMENTS, namespace=key[0], name=key[1])
        sets = owned(store, owner=found, resource=REPLICASETS)
        new = next((rs for rs in sets if rs["metadata"].get("labels", {}).get(HASH_LABEL) == hash_), None)
        status = _status(found, new=new, sets=sets, now=stamp(self.world.now_ms()))
        self.world.put_status(DEPLOYMENTS, found, status=status)


def _status(found: Obj, *, new: Obj | None, sets: list[Obj], now: str) -> Obj:
    total = sum(rs.get("status", {}).get("replicas", 0) for rs in sets)
    available = sum(map(_available, sets))
    updated = new.get("status", {}).get("replicas", 0) if new else 0
    wanted = _wanted(found)
    _, unavailable = _limits(found["spec"].get("strategy") or {}, wanted=wanted)
    conditions = [dict(one) for one in (found.get("status") or {}).get("conditions") or ()]
    enough = available >= wanted - unavailable
    set_condition(conditions, new=_condition("Available", enough), now=now)
    if new is not None and not found["spec"].get("paused"):
        complete = updated == wanted == total and available >= wanted
        fresh = _progress(new["metadata"]["name"], complete=complete)
        before = next((one for one in conditions if one["type"] == "Progressing"), None)
        if before is None or before["reason"] != fresh["reason"] or before["message"] != fresh["message"]:
            set_condition(conditions, new={**fresh, "lastUpdateTime": now}, now=now)
    counts = {
        "replicas": total, "updatedReplicas": updated, "readyReplicas": available, "availableReplicas": available,
        "unavailableReplicas": max(max(wanted, total) - available, 0),
    }  # fmt: skip
    return {
        "observedGeneration": found["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
        "conditions": conditions,
    }


def _condition(kind: str, enough: bool) -> Obj:
    if enough:
        return {"type": kind, "status": "True", "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability."}  # fmt: skip
    return {"type": kind, "status": "False", "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability."}  # fmt: skip


def _progress(name: str, *, complete: bool) -> Obj:
    if complete:
        return {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                "message": f'ReplicaSet "{name}" has successfully progressed.'}  # fmt: skip
    return {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
            "message": f'ReplicaSet "{name}" is progressing.'}  # fmt: skip


def _limits(strategy: Obj, *, wanted: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers; both zero would never move, so one may then be unavailable."""
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or {}
    surge = as_count(rolling.get("maxSurge", "25%"), of=wanted, round_up=True)
    unavailable = as_count(rolling.get("maxUnavailable", "25%"), of=wanted, round_up=False)
    return surge, min(unavailable if surge or unavailable else 1, wanted)


def _first_size(found: Obj, *, old: list[Obj]) -> int:
    wanted, strategy = _wanted(found), found["spec"].get("strategy") or {}
    total = sum(map(_size, old))
    if not total:
        return wanted
    if strategy.get("type") == "Recreate":
        return 0
    return max(min(wanted + _limits(strategy, wanted=wanted)[0] - total, wanted), 0)


def _wanted(found: Obj) -> int:
    return int(found["spec"].get("replicas", 1))


def _size(rs: Obj) -> int:
    return int(rs["spec"].get("replicas", 1))


def _available(rs: Obj) -> int:
    return int(rs.get("status", {}).get("availableReplicas", 0))


def _revision(rs: Obj) -> int:
    return int((rs["metadata"].get("annotations") or {}).get(REVISION, 0))


def _last_revision(sets: list[Obj]) -> int:
    return max(map(_revision, sets), default=0)
