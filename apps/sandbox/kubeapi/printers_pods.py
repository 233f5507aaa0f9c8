"""The cells of a pod: what `kubectl get pods` says about its containers (printPod of `pkg/printers`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.sandbox.kubeapi.ages import age
from apps.sandbox.kubeapi.errors import Obj

NONE = "<none>"


@dataclass(slots=True)
class _Told:
    """What the containers add up to."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""

    def count(self, container: Obj) -> None:
        """Add a container's restarts."""
        self.restarts += int(container.get("restartCount") or 0)
        ended = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, ended)


def _ended(terminated: Obj, prefix: str = "") -> str:
    if terminated.get("reason"):
        return f"{prefix}{terminated['reason']}"
    if terminated.get("signal"):
        return f"{prefix}Signal:{terminated['signal']}"
    return f"{prefix}ExitCode:{terminated.get('exitCode', 0)}"


def _condition(status: Obj, kind: str) -> Obj:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


def _restartable(pod: Obj) -> set[str]:
    init = pod["spec"].get("initContainers") or ()
    return {container["name"] for container in init if container.get("restartPolicy") == "Always"}


def _initializing(pod: Obj, told: _Told) -> bool:
    """Read the init containers; whether one of them still runs or failed."""
    status, sidecars = pod.get("status") or {}, _restartable(pod)
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        told.count(container)
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended is not None and ended.get("exitCode", 0) == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            told.ready += bool(container.get("ready"))
            continue
        if ended is not None:
            told.reason = _ended(ended, "Init:")
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            told.reason = f"Init:{waiting['reason']}"
        else:
            told.reason = f"Init:{index}/{len(pod['spec'].get('initContainers') or ())}"
        return True
    return False


def _running(pod: Obj, told: _Told) -> None:
    """Read the containers, the last first, as the real printer does."""
    status = pod.get("status") or {}
    has_running, failed = False, ""
    for container in reversed(status.get("containerStatuses") or []):
        told.count(container)
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            told.reason = waiting["reason"]
        elif ended is not None:
            told.reason = _ended(ended)
            failed = told.reason if ended.get("exitCode", 0) else failed
        elif container.get("ready") and state.get("running") is not None:
            has_running = True
            told.ready += 1
    if told.reason == "Completed":
        if has_running and _condition(status, "Ready").get("status") == "True":
            told.reason = "Running"
        elif failed:
            told.reason = failed
        elif has_running:
            told.reason = "NotReady"


def pod_cells(pod: Obj, now: datetime) -> list[Any]:
    """Name, ready, status, restarts, age, and the wide columns."""
    status, metadata = pod.get("status") or {}, pod["metadata"]
    told = _Told(reason=status.get("reason") or status.get("phase") or "")
    if _condition(status, "PodScheduled").get("reason") == "SchedulingGated":
        told.reason = "SchedulingGated"
    if not _initializing(pod, told) or _condition(status, "Initialized").get("status") == "True":
        sidecars = _restartable(pod)
        kept = _Told(reason=told.reason, ready=told.ready)
        for container in status.get("initContainerStatuses") or ():
            if container.get("name") in sidecars:
                kept.count(container)
        told = kept
        _running(pod, told)
    if metadata.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            told.reason = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            told.reason = "Terminating"
    restarts = str(told.restarts)
    if told.restarts and told.last_restart:
        restarts += f" ({age(told.last_restart, now=now)} ago)"
    total = len(pod["spec"].get("containers") or ()) + len(_restartable(pod))
    name, born = metadata["name"], age(metadata.get("creationTimestamp"), now=now)
    return [name, f"{told.ready}/{total}", told.reason, restarts, born, *_wide(pod, status)]


def _wide(pod: Obj, status: Obj) -> list[str]:
    spec = pod["spec"]
    address = (status.get("podIPs") or [{"ip": ""}])[0].get("ip") or NONE
    gates = spec.get("readinessGates") or ()
    passed = sum(_condition(status, gate.get("conditionType")).get("status") == "True" for gate in gates)
    return [
        address,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{passed}/{len(gates)}" if gates else NONE,
    ]
