"""Istio's and Linkerd's proxies in the pods of meshed workloads: what each pod has served since it started.

The requests of a lane are served by the pod that has been ready longest among those that are not serving another lane;
when it goes, the next one takes the lane over. So every request that finds a ready pod is counted by exactly one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.sandbox.metrics.exporters.gateways import Routed, istio_family, istio_labels
from apps.sandbox.metrics.exporters.hub import Hub
from apps.sandbox.metrics.families import Counted, Share
from apps.sandbox.metrics.targets import Target
from apps.sandbox.sim.traffic import Source

Obj = dict[str, Any]
_LONG_AGO = -(2**62)


@dataclass
class _Member:
    """A meshed workload: its route, its ready pods in the order in which they got ready, and who holds each lane."""

    kind: str
    routed: Routed
    pods: dict[str, Target] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)


class Sidecars:
    """Follows the pods of the workloads that joined."""

    def __init__(self, hub: Hub, *, now_ms: Callable[[], int]) -> None:
        self._hub, self._now_ms = hub, now_ms
        self._members: dict[str, _Member] = {}
        self._ready: dict[str, dict[str, Obj]] = {}

    def join(self, kind: str, *, routed: Routed) -> None:
        """The workload behind this route is meshed by `istio` or `linkerd`, and has been as long as its pods run."""
        member = self._members[routed.workload] = _Member(kind, routed)
        for uid, pod in self._ready.get(routed.workload, {}).items():
            member.pods[uid] = self._target(member, pod)
        self._hand_over(member, at_ms=_LONG_AGO)

    def pod_changed(self, workload: str, pod: Obj, ready: bool) -> None:
        """A pod got ready, or is so no more."""
        uid, now = pod["metadata"]["uid"], self._now_ms()
        pods = self._ready.setdefault(workload, {})
        if ready:
            pods[uid] = pod
        else:
            pods.pop(uid, None)
        member = self._members.get(workload)
        if member is None:
            return
        if ready:
            member.pods[uid] = self._target(member, pod)
            self._hand_over(member, at_ms=now)
        elif uid in member.pods:
            target = member.pods[uid]
            self._hand_over(member, at_ms=now, without=uid)
            del member.pods[uid]
            self._hub.targets.remove(target, at_ms=now)

    def _hand_over(self, member: _Member, *, at_ms: int, without: str = "") -> None:
        demand = self._hub.demand
        pods = [uid for uid in member.pods if uid != without]
        for lane in range(demand.lanes):
            new = pods[min(lane, len(pods) - 1)] if pods else ""
            old = member.holders.get(lane, "")
            if new == old:
                continue
            rows = [row for row in demand.rows_of.get(member.routed.workload, []) if row % demand.lanes == lane]
            if old:
                for family in self._counters(member.kind):
                    family.end_shares(member.pods[old], at_ms=at_ms, demand_rows=rows)
            member.holders[lane] = new
            for row in rows if new else ():
                source, _ = demand.row_source(row)
                self._count(member, source, target=member.pods[new], share=Share(row, at_ms))

    def _counters(self, kind: str) -> list[Counted]:
        names = ("istio_requests_total",) if kind == "istio" else ("request_total", "response_total")
        found = [self._hub.registry.families.get(name) for name in names]
        return [family for family in found if isinstance(family, Counted)]

    def _count(self, member: _Member, source: Source, *, target: Target, share: Share) -> None:
        if member.kind == "istio":
            labels = istio_labels(self._hub, member.routed, source, served=True)
            labels |= {"reporter": "destination", "response_code": str(source.status), "response_flags": "-",
                       "connection_security_policy": "mutual_tls"}  # fmt: skip
            self._hub.count(istio_family(self._hub), labels, target=target, share=share)
            return
        port = f"{member.routed.service}.{member.routed.namespace}.svc.cluster.local:{member.routed.port}"
        probe = {"route_kind": "default", "route_name": "probe"} if source.agent.startswith("kube-probe") else {}
        labels = {"direction": "inbound", "authority": port, "tls": "true", "srv_kind": "default", **probe}
        family = self._hub.counted("request_total", help_text="Total count of HTTP requests.")
        self._hub.count(family, labels, target=target, share=share)
        answers = self._hub.counted("response_total", help_text="Total count of HTTP responses.")
        good = "success" if source.status < 500 else "failure"
        told = {**labels, "status_code": str(source.status), "classification": good}
        self._hub.count(answers, told, target=target, share=share)

    def _target(self, member: _Member, pod: Obj) -> Target:
        metadata, address = pod["metadata"], pod.get("status", {}).get("podIP", "10.1.0.1")
        kind, _, name = member.routed.workload.split("/")
        labels = {"namespace": metadata["namespace"], "pod": metadata["name"]}
        if member.kind == "istio":
            labels |= {"job": "istio-sidecars", "instance": f"{address}:15020", "app": name}
        else:
            labels |= {"job": "linkerd-proxy", "instance": f"{address}:4191", kind.lower(): name}
        target = self._hub.add_target(labels, start_ms=max(self._now_ms(), self._hub.started_ms))
        about = ("istio_build", {"component": "proxy", "tag": "1.24.2"}, "Istio component build info")
        if member.kind == "linkerd":
            about = ("proxy_build_info", {"version": "v2.267.0"}, "Proxy build info")
        self._hub.constant(about[0], about[1], target=target, help_text=about[2])
        return target
