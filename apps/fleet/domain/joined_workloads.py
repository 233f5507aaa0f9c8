"""Workloads with their pods, autoscalers and prices.

A ReplicaSet's pods are their Deployment's (read off the name), a Job's pods its CronJob's. A pod that nothing owns is a
workload itself. Objects may come in any order: whatever comes late touches what waited for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from apps.fleet.domain import pricing
from apps.fleet.domain.metadata import annotations_of, controller_of
from apps.fleet.domain.mounted_volumes import MountedVolumes
from apps.fleet.domain.parse_pods import FINISHED, PodFacts, parse_pod
from apps.fleet.domain.parse_workloads import bare_pod, parse_target, parse_workload
from apps.fleet.domain.shelf import Shelf
from apps.kernel import kinds
from apps.kernel.actions import KEDA_PAUSED
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Labels, ObjectRef, Pod, Workload

AUTOSCALERS = (kinds.HORIZONTAL_POD_AUTOSCALER, kinds.SCALED_OBJECT)
OWN_ANNOTATIONS = "plimsoll.dev/"


class JoinedWorkloads:
    """`stirred` is set when a mark, a wish or a number of replicas changed, which decisions should not wait for."""

    def __init__(self, cluster: str, *, volumes: MountedVolumes) -> None:
        self.shelf: Shelf[Workload] = Shelf(drained=True)
        self.pods: Shelf[Pod] = Shelf()
        self.prices: Shelf[Decimal] = Shelf(drained=True)
        self.stirred = False
        self._cluster, self._volumes = cluster, volumes
        self._bases: dict[str, Workload] = {}
        self._pods_of: dict[str, set[str]] = {}
        self._cron_job_of: dict[str, ObjectRef] = {}
        self._target_of: dict[str, str] = {}
        self._scalers_of: dict[str, dict[str, str]] = {}
        self._paused: dict[str, str | None] = {}
        self._touched: set[str] = set()

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        if kind is kinds.POD:
            self._put_pod(key, parse_pod(obj, cluster=self._cluster))
        elif kind in AUTOSCALERS:
            self._paused[key] = annotations_of(obj["metadata"]).get(KEDA_PAUSED)
            self._put_autoscaler(key, *parse_target(obj))
        elif kind is kinds.JOB:
            self._put_job(key, obj)
        else:
            self._put_workload(kind, key, obj)

    def drop(self, kind: Kind, key: str) -> None:
        if kind is kinds.POD:
            pod = self.pods.pop(key)
            if pod is not None:
                self._unlink(key, pod)
                self._volumes.mount(key, namespace=pod.ref.namespace, claims=())
        elif kind in AUTOSCALERS:
            self._paused.pop(key, None)
            self._put_autoscaler(key, "", "")
        else:
            self._cron_job_of.pop(key, None)
            self._bases.pop(key, None)
            self._touched.add(key)

    def settle(self, rates: pricing.Rates, *, reprice: bool) -> None:
        """Joins what was touched; everything when `reprice`."""
        if reprice:
            self._touched.update(self._bases)
        for key in self._touched:
            self._join(key, rates)
        self._touched.clear()

    def _put_workload(self, kind: Kind, key: str, obj: JsonObject) -> None:
        base = parse_workload(obj, cluster=self._cluster, kind=kind)
        self.stirred = self.stirred or _stirs(self._bases.get(key), base)
        self._bases[key] = base
        self._touched.add(key)

    def _put_job(self, key: str, obj: JsonObject) -> None:
        """A CronJob's Job is no workload of its own."""
        owner = controller_of(obj["metadata"], cluster=self._cluster)
        if owner is None or owner.kind != kinds.CRON_JOB.kind:
            self._put_workload(kinds.JOB, key, obj)
            return
        self._cron_job_of[key] = owner
        for pod_key in list(self._pods_of.get(key, ())):
            pod = self.pods.get(pod_key)
            if pod is not None:
                self._keep_pod(pod_key, replace(pod, owner=owner))

    def _put_pod(self, key: str, facts: PodFacts) -> None:
        pod = facts.pod
        if pod.owner is not None and pod.owner.kind == kinds.JOB.kind:
            pod = replace(pod, owner=self._cron_job_of.get(pod.owner.key, pod.owner))
        self._keep_pod(key, pod)
        self._volumes.mount(key, namespace=pod.ref.namespace, claims=() if pod.phase in FINISHED else facts.claims)

    def _keep_pod(self, key: str, pod: Pod) -> None:
        was = self.pods.get(key)
        if not self.pods.put(key, pod):
            return
        if was is not None and was.owner != pod.owner:
            self._unlink(key, was)
        if pod.owner is None:
            self._bases[key] = bare_pod(pod)
        owner = _owner_key(pod, key)
        self._pods_of.setdefault(owner, set()).add(key)
        self._touched.add(owner)

    def _unlink(self, key: str, pod: Pod) -> None:
        owner = _owner_key(pod, key)
        self._touched.add(owner)
        if pod.owner is None:
            self._bases.pop(key, None)
        siblings = self._pods_of.get(owner, set())
        siblings.discard(key)
        if not siblings:
            self._pods_of.pop(owner, None)

    def _put_autoscaler(self, key: str, target: str, name: str) -> None:
        """The autoscaler `key` targets that workload now; "" for none."""
        was = self._target_of.pop(key, None)
        if was is not None:
            self._scalers_of[was].pop(key, None)
            self._touched.add(was)
        if target:
            self._target_of[key] = target
            self._scalers_of.setdefault(target, {})[key] = name
            self._touched.add(target)

    def _autoscaler(self, kind: Kind, target: str) -> str:
        """The name of the autoscaler of that kind; of several (a misconfiguration) the first by name."""
        scalers = self._scalers_of.get(target, {})
        return min((name for key, name in scalers.items() if key.startswith(kind.kind + "/")), default="")

    def _join(self, key: str, rates: pricing.Rates) -> None:
        workload = self._bases.get(key)
        if workload is None:
            self.shelf.pop(key)
            self.prices.pop(key)
            return
        if self._scalers_of.get(key):
            workload = replace(
                workload,
                hpa=self._autoscaler(kinds.HORIZONTAL_POD_AUTOSCALER, key),
                scaled_object=(scaled := self._autoscaler(kinds.SCALED_OBJECT, key)),
                paused_replicas=self._paused.get(f"{kinds.SCALED_OBJECT.kind}/{workload.ref.namespace}/{scaled}"),
            )
        self.shelf.put(key, workload)
        price = self._price(key, workload, rates)
        if price is None:
            self.prices.pop(key)
        else:
            self.prices.put(key, price)

    def _price(self, key: str, workload: Workload, rates: pricing.Rates) -> Decimal | None:
        running: dict[str, int] = {}
        placed = 0
        for pod_key in self._pods_of.get(key, ()):
            pod = self.pods.get(pod_key)
            if pod is not None and pod.node and pod.phase not in FINISHED:
                running[pod.node] = running.get(pod.node, 0) + pricing.weight(pod.requests)
                placed += 1
        return pricing.workload_price(
            running=running,
            missing_pods=max(0, _pods_wanted(workload) - placed),
            pod_requests=workload.pod_requests,
            rates=rates,
        )


def _owner_key(pod: Pod, key: str) -> str:
    return pod.owner.key if pod.owner else key


def _pods_wanted(workload: Workload) -> int:
    """How many pods the workload has while it is awake; 0 for what runs only now and then."""
    if workload.ref.kind in (kinds.CRON_JOB.kind, kinds.JOB.kind):
        return 0
    return workload.slept.replicas if workload.slept else workload.replicas


def _own(annotations: Labels) -> Mapping[str, str]:
    return {key: value for key, value in annotations.items() if key.startswith(OWN_ANNOTATIONS)}


def _stirs(was: Workload | None, now: Workload) -> bool:
    """Whether a person or a controller changed something that Plimsoll answers to."""
    if was is None:
        return bool(_own(now.annotations))
    return (
        (was.replicas, was.suspended) != (now.replicas, now.suspended)
        or _own(was.annotations) != _own(now.annotations)
        or was.labels != now.labels
    )
