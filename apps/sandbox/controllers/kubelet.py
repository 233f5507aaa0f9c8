"""Pods live and die as on a node: containers are created, start, get ready, finish or stop.

How long each takes is drawn from the pod's uid. What a test needs to be otherwise, annotations of the pod say:
`sandbox.plimsoll.dev/start-seconds`, `/run-seconds` (Jobs: until it ends), `/exit-code`. An image whose tag is
`missing` cannot be pulled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.sandbox.controllers.manager import Key, World
from apps.sandbox.controllers.objects import is_finished, is_terminating, key_of, set_condition
from apps.sandbox.kubeapi.builtin import NODES, PODS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions, WriteOptions
from apps.sandbox.sim.clock import stamp

STATUS = WriteOptions(subresource="status")
PREFIX = "sandbox.plimsoll.dev/"
_STOP_MS = 1_500
_RUN_SECONDS = 20.0


@dataclass
class Kubelet:
    """One for all nodes. `instant` pods are ready at once and gone at once, for simulations that do not watch pods."""

    world: World
    instant: bool = False
    _stage: dict[str, str] = field(default_factory=dict)  # pod uid -> what was last set in motion
    addresses: int = 0  # how many have been given out

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)]

    def sync(self, key: Key) -> None:
        pod = self.world.store.find(PODS, namespace=key[0], name=key[1])
        if pod is None:
            return
        uid = pod["metadata"]["uid"]
        if is_terminating(pod):
            self._step(uid, "stopping", ms=self._stop_ms(pod), action=lambda: self._stop(key, uid))
        elif pod["spec"].get("nodeName") and not is_finished(pod) and self._stage.get(uid) is None:
            if pod["status"].get("phase") == "Running":  # it ran before this kubelet began
                self._stage[uid] = "starting"
                self._end_later(key, pod=pod)
                return
            if not self.instant:
                self._creating(key)
            delay = self._start_ms(pod)
            if delay is not None:
                self._step(uid, "starting", ms=delay, action=lambda: self._run(key, uid))

    def _step(self, uid: str, stage: str, *, ms: int, action: object) -> None:
        if self._stage.get(uid) == stage:
            return
        self._stage[uid] = stage
        if ms:
            self.world.after(ms, action)  # type: ignore[arg-type]  # a lambda without arguments
        else:
            action()  # type: ignore[operator]

    def _creating(self, key: Key) -> None:
        now = stamp(self.world.now_ms())

        def change(pod: Obj) -> None:
            pod["status"] |= {"phase": "Pending", "hostIP": self._host(pod), "startTime": now}
            pod["status"]["qosClass"] = _qos(pod)
            pod["status"]["containerStatuses"] = [_waiting(one, pod=pod) for one in pod["spec"]["containers"]]
            _conditions(pod, ready=False, now=now)

        self.world.store.modify(PODS, namespace=key[0], name=key[1], change=change, options=STATUS)

    def _run(self, key: Key, uid: str) -> None:
        pod = self._alive(key, uid)
        if pod is None:
            return
        now, address = stamp(self.world.now_ms()), self._address()

        def change(copy: Obj) -> None:
            copy["status"] |= {
                "phase": "Running", "hostIP": self._host(copy), "podIP": address, "podIPs": [{"ip": address}],
                "qosClass": _qos(copy),
            }  # fmt: skip
            copy["status"].setdefault("startTime", now)
            containers = copy["spec"]["containers"]
            copy["status"]["containerStatuses"] = [_running(one, now=now, uid=uid) for one in containers]
            _conditions(copy, ready=True, now=now)

        self.world.store.modify(PODS, namespace=key[0], name=key[1], change=change, options=STATUS)
        self._end_later(key, pod=pod)

    def _end_later(self, key: Key, *, pod: Obj) -> None:
        """A pod that is not to be restarted runs for a while and ends."""
        if pod["spec"].get("restartPolicy", "Always") != "Always":
            uid = pod["metadata"]["uid"]
            seconds = float(_note(pod, "run-seconds") or _RUN_SECONDS)
            self._step(uid, "running", ms=int(seconds * 1000), action=lambda: self._finish(key, uid))

    def _finish(self, key: Key, uid: str) -> None:
        pod = self._alive(key, uid)
        if pod is None:
            return
        now, code = stamp(self.world.now_ms()), int(_note(pod, "exit-code") or 0)

        def change(copy: Obj) -> None:
            copy["status"]["phase"] = "Failed" if code else "Succeeded"
            for one in copy["status"].get("containerStatuses") or ():
                started = one["state"].get("running", {}).get("startedAt", now)
                reason = "Error" if code else "Completed"
                ended = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now}
                one |= {"ready": False, "started": False, "state": {"terminated": ended}}
            _conditions(copy, ready=False, now=now)

        self.world.store.modify(PODS, namespace=key[0], name=key[1], change=change, options=STATUS)

    def _stop(self, key: Key, uid: str) -> None:
        if self.world.store.by_uid(uid) is not None:
            options = DeleteOptions(uid=uid, grace_seconds=0)
            self.world.store.delete(PODS, namespace=key[0], name=key[1], options=options)
        self._stage.pop(uid, None)

    def _alive(self, key: Key, uid: str) -> Obj | None:
        pod = self.world.store.find(PODS, namespace=key[0], name=key[1])
        if pod is None or pod["metadata"]["uid"] != uid or is_terminating(pod):
            return None
        return pod

    def _start_ms(self, pod: Obj) -> int | None:
        """From bound to ready: 2 to 8 s, GPU images 20 to 80; None for an image that is not there."""
        if any(one.get("image", "").endswith(":missing") for one in pod["spec"]["containers"]):
            return None
        said = _note(pod, "start-seconds")
        if said is not None:
            return int(float(said) * 1000)
        if self.instant:
            return 0
        limits = [one.get("resources", {}).get("limits") or {} for one in pod["spec"]["containers"]]
        gpu = any("nvidia.com/gpu" in one for one in limits)
        return int((2_000 + 6_000 * _fraction(pod)) * (10 if gpu else 1))

    def _stop_ms(self, pod: Obj) -> int:
        grace = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        return 0 if self.instant else min(grace * 1000, int(_STOP_MS * (0.5 + _fraction(pod))))

    def _address(self) -> str:
        self.addresses += 1
        return f"10.{128 + self.addresses // 65_536 % 64}.{self.addresses // 256 % 256}.{self.addresses % 256}"

    def _host(self, pod: Obj) -> str:
        node = self.world.store.find(NODES, name=pod["spec"]["nodeName"])
        addresses = (node or {}).get("status", {}).get("addresses") or ()
        return next((one["address"] for one in addresses if one["type"] == "InternalIP"), "10.0.0.1")


def _conditions(pod: Obj, *, ready: bool, now: str) -> None:
    conditions = pod["status"].setdefault("conditions", [])
    for kind in ("PodScheduled", "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"):
        true = ready or kind not in ("Ready", "ContainersReady")
        new = {"type": kind, "status": "True" if true else "False"}
        finished = pod["status"].get("phase") == "Succeeded"
        if not true:
            new["reason"] = "PodCompleted" if finished else "ContainersNotReady"
        set_condition(conditions, new=new, now=now)
        if true:
            for one in conditions:
                if one["type"] == kind:
                    one.pop("reason", None)
                    one.pop("message", None)


def _waiting(container: Obj, *, pod: Obj) -> Obj:
    reason = "ImagePullBackOff" if container.get("image", "").endswith(":missing") else "ContainerCreating"
    return {"name": container["name"], "image": container.get("image", ""), "imageID": "", "ready": False,
            "started": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}}  # fmt: skip


def _running(container: Obj, *, now: str, uid: str) -> Obj:
    image = container.get("image", "")
    digest = hashlib.sha256(image.encode()).hexdigest()
    mark = hashlib.sha256(f"{uid}/{container['name']}".encode()).hexdigest()
    return {"name": container["name"], "image": image, "imageID": f"{image.partition(':')[0]}@sha256:{digest}",
            "containerID": f"containerd://{mark}", "ready": True, "started": True, "restartCount": 0,
            "state": {"running": {"startedAt": now}}}  # fmt: skip


def _note(pod: Obj, name: str) -> str | None:
    found = (pod["metadata"].get("annotations") or {}).get(PREFIX + name)
    return None if found is None else str(found)


def _fraction(pod: Obj) -> float:
    return int(pod["metadata"]["uid"][:8], 16) / 0x1_0000_0000


def _qos(pod: Obj) -> str:
    resources = [one.get("resources") or {} for one in pod["spec"]["containers"]]
    if not any(one.get("requests") or one.get("limits") for one in resources):
        return "BestEffort"
    same = all(one.get("limits") and one.get("requests", one["limits"]) == one["limits"] for one in resources)
    return "Guaranteed" if same and all({"cpu", "memory"} <= one["limits"].keys() for one in resources) else "Burstable"
