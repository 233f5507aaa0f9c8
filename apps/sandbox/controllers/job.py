"""Jobs run pods to completion, a few times over if they fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import (
    is_active,
    is_ready,
    is_terminating,
    key_of,
    owned,
    owner_key,
    set_condition,
)
from apps.sandbox.controllers.replication import pod_from_template
from apps.sandbox.kubeapi.builtin import JOBS, PODS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions
from apps.sandbox.sim.clock import stamp


@dataclass
class Jobs:
    """Keeps the pods of each Job, and its status; a finished one with a time to live goes after it."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if resource.key == JOBS.key else owner_key(obj, kind="Job")

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(JOBS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found) or outcome(found):
            return
        spec = found["spec"]
        pods = owned(store, owner=found, resource=PODS)
        active = [pod for pod in pods if is_active(pod)]
        done = sum(pod.get("status", {}).get("phase") == "Succeeded" for pod in pods)
        failed = sum(pod.get("status", {}).get("phase") == "Failed" for pod in pods)
        completions = spec.get("completions", 1)
        over = failed > spec.get("backoffLimit", 6)
        keep = 0 if spec.get("suspend") or over else min(spec.get("parallelism", 1), max(completions - done, 0))
        for pod in active[keep:]:
            store.delete(PODS, namespace=key[0], name=pod["metadata"]["name"])
        for _ in range(keep - len(active)):
            pod = pod_from_template(spec["template"], owner=found, resource=JOBS)
            labels = pod["metadata"].setdefault("labels", {})
            labels |= {"batch.kubernetes.io/job-name": key[1], "job-name": key[1]}
            store.create(PODS, obj=pod, options=WRITE)
        finish = "Failed" if over else "Complete" if done >= completions else ""
        self._tell(key, done=done, failed=failed, finish=finish)

    def _tell(self, key: Key, *, done: int, failed: int, finish: str) -> None:
        store = self.world.store
        found = store.get(JOBS, namespace=key[0], name=key[1])
        active = [pod for pod in owned(store, owner=found, resource=PODS) if is_active(pod)]
        now = stamp(self.world.now_ms())

        old = found.get("status") or {}
        conditions = [dict(one) for one in old.get("conditions") or ()]
        status = {"uncountedTerminatedPods": {}, "terminating": 0, "ready": sum(map(is_ready, active))}
        suspended = bool(found["spec"].get("suspend"))
        if not suspended:
            status["startTime"] = old.get("startTime", now)
        told = {one["type"]: one["status"] for one in conditions}.get("Suspended", "False")
        if suspended is not (told == "True"):
            set_condition(conditions, new={**_suspension(suspended), "lastProbeTime": now}, now=now)
        status |= {k: v for k, v in (("active", len(active)), ("succeeded", done), ("failed", failed)) if v}
        if finish:
            for new in _finished(finish):
                set_condition(conditions, new={**new, "lastProbeTime": now}, now=now)
            status |= {"completionTime": now} if finish == "Complete" else {}
        status |= {"conditions": conditions} if conditions else {}
        self.world.put_status(JOBS, found, status=status)
        seconds = found["spec"].get("ttlSecondsAfterFinished")
        if finish and seconds is not None:
            uid = found["metadata"]["uid"]
            self.world.after(int(seconds) * 1000, lambda: self._expire(key, uid))

    def _expire(self, key: Key, uid: str) -> None:
        if self.world.store.by_uid(uid) is not None:
            options = DeleteOptions(propagation="Background", uid=uid)
            self.world.store.delete(JOBS, namespace=key[0], name=key[1], options=options)


def outcome(job: Obj) -> str:
    """Complete or Failed once the Job has ended, else ""."""
    for one in job.get("status", {}).get("conditions") or ():
        if one["type"] in ("Complete", "Failed") and one["status"] == "True":
            return str(one["type"])
    return ""


def _suspension(suspended: bool) -> Obj:
    if suspended:
        return {"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}
    return {"type": "Suspended", "status": "False", "reason": "JobResumed", "message": "Job resumed"}


def _finished(kind: str) -> list[Obj]:
    if kind == "Complete":
        text = {"status": "True", "reason": "CompletionsReached",
                "message": "Reached expected number of succeeded pods"}  # fmt: skip
        return [{"type": "SuccessCriteriaMet", **text}, {"type": "Complete", **text}]
    text = {"status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit"}  # fmt: skip
    return [{"type": "FailureTarget", **text}, {"type": "Failed", **text}]
