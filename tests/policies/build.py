"""Workloads, policies, routes and readings for tests of deciding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.kernel.vocab import (
    Backend,
    Cluster,
    Namespace,
    ObjectRef,
    Reading,
    Route,
    Sample,
    Service,
    SleptMark,
    Snapshot,
    SourceAge,
    Workload,
)
from apps.policies.domain.decide import Context, Decided, decide, read_policies
from apps.policies.domain.parse import parse
from apps.policies.domain.spec import Spec
from apps.policies.domain.tick import plan_of

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)  # a Wednesday
CLUSTER = Cluster(UUID(int=1), "c1")
INSTANCE = {"job": "ingress", "instance": "10.0.0.1:10254", "controller_class": "k8s.io/ingress-nginx"}
GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "CronJob": "batch"}


def make_workload(name: str = "web", *, namespace: str = "dev", kind: str = "Deployment", **more: Any) -> Workload:
    """One that has run for a day with two ready replicas."""
    ref = ObjectRef("c1", GROUPS[kind], kind, namespace, name, f"uid-{namespace}-{name}")
    given: dict[str, Any] = {
        "resource_version": "1",
        "created_at": NOW - timedelta(days=1),
        "replicas": 2,
        "ready_replicas": 2,
        "labels": {"app": name},
        "pod_labels": {"app": name},
    }
    return Workload(ref=ref, **(given | more))


def make_sleeper(name: str = "web", *, policy: str = "ResourcePolicy/dev/nights", **more: Any) -> Workload:
    mark = SleptMark(2, policy, "action-1", NOW - timedelta(hours=5))
    cron = more.get("kind") == "CronJob"
    given: dict[str, Any] = {"replicas": 0, "ready_replicas": 0, "slept": mark}
    if cron:
        given |= {"suspended": True, "slept": SleptMark(0, policy, "action-1", NOW, suspended=False)}
    return make_workload(name, **(given | more))


def make_policy(name: str = "nights", *, namespace: str = "dev", **more: Any) -> dict[str, Any]:
    """A ResourcePolicy in mode Enforce over all kinds, idle after 2 h; `rule` is merged into scaleToZero."""
    rule = {"idleAfter": "2h", "minAwake": "0s"} | more.pop("rule", {})
    rule = {key: value for key, value in rule.items() if value is not None}
    spec = {"targets": [{"kinds": ["Deployment", "StatefulSet", "CronJob"]}], "mode": "Enforce", "scaleToZero": rule}
    kind = "ResourcePolicy" if namespace else "ClusterResourcePolicy"
    meta = {"name": name, "uid": f"uid-{name}", "generation": 1} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "plimsoll.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec | more}


def make_route(name: str = "web", *, namespace: str = "dev", route_class: str = "nginx") -> tuple[Route, Service]:
    """An Ingress to a Service of the same name, which selects the workload of that name."""
    ref = ObjectRef("c1", "networking.k8s.io", "Ingress", namespace, name)
    service = Service(ObjectRef("c1", "", "Service", namespace, name), {"app": name}, (("http", 80),))
    return Route(ref, route_class, (f"{name}.test",), (Backend(namespace, name, "80"),)), service


def requests(count: float, name: str = "web", *, namespace: str = "dev") -> Sample:
    labels = {"exported_namespace": namespace, "ingress": name, "exported_service": name, "namespace": "ingress-nginx"}
    return Sample(labels, count, NOW.timestamp())


def healthy(spec: Spec, *, at: datetime = NOW, **replaced: Iterable[Sample]) -> dict[str, Reading]:
    """What a source without faults answers to a policy's queries; `traffic`, `failed`, ... replace single answers."""
    plan = plan_of(spec)
    if plan is None:
        return {}
    out = {text: Reading(text, at) for text in plan.texts}
    out[plan.coverage] = Reading(plan.coverage, at, (Sample(INSTANCE, plan.steps, at.timestamp()),))
    for name, samples in replaced.items():
        field = getattr(plan, name)
        text = field if isinstance(field, str) else field[0]
        out[text] = Reading(text, at, tuple(samples))
    return out


def make_snapshot(
    workloads: Iterable[Workload],
    policies: Iterable[Mapping[str, Any]] = (),
    *,
    routes: Iterable[tuple[Route, Service]] = (),
    readings: Mapping[str, Reading] | None = None,
    at: datetime = NOW,
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
) -> Snapshot:
    pairs = list(routes)
    objects = {f"{p['kind']}/{p['metadata'].get('namespace', '')}/{p['metadata']['name']}": p for p in policies}
    if readings is None:
        readings = {}
        for obj in objects.values():
            readings |= healthy(parse(obj), at=at)
    return Snapshot(
        id=UUID(int=7),
        cluster=CLUSTER,
        taken_at=at,
        ages=(SourceAge("kubernetes", True, timedelta(0)),),
        namespaces={
            f"Namespace/{name}": Namespace(ObjectRef("c1", "", "Namespace", "", name), labels)
            for name, labels in (namespaces or {}).items()
        },
        workloads={w.ref.key: w for w in workloads},
        services={s.ref.key: s for _, s in pairs},
        routes={r.ref.key: r for r, _ in pairs},
        policies=objects,
        readings=readings,
        controllers={"nginx": "k8s.io/ingress-nginx"},
    )


def run(snapshot: Snapshot, *, now: datetime = NOW, **context: Any) -> Decided:
    return decide(snapshot, read_policies(snapshot.policies), now, Context(**context))


def verdicts(decided: Decided) -> dict[str, tuple[str, str]]:
    """(verdict, reason) by Kind/name."""
    return {f"{d.subject.kind}/{d.subject.name}": (d.verdict.value, d.reason.code) for d in decided.decisions}
