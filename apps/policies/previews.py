"""What a policy would do now, before anybody applies it: every workload it covers, with verdict and saving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from apps.fleet.models import Cluster
from apps.fleet.services import ClusterCache, connect, metrics, observe
from apps.identity.clock import now as clock_now
from apps.kernel.decisions import Decision, PolicyRef
from apps.kernel.errors import InvalidInput, NotFound
from apps.kernel.kinds import CLUSTER_RESOURCE_POLICY, RESOURCE_POLICY
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef, Snapshot
from apps.policies.action_context import last_actions, woken_by_us
from apps.policies.domain.decide import Decided, decide, queries, read_policies
from apps.policies.domain.parse import parse, policy_ref
from apps.policies.domain.spec import Mode
from apps.policies.domain.tick import Context
from apps.policies.memories import Memories
from apps.policies.reading_cluster import read_cluster

KINDS = (RESOURCE_POLICY.kind, CLUSTER_RESOURCE_POLICY.kind)
NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """One workload the policy covers. `mode` is the policy's mode in its namespace."""

    decision: Decision
    mode: Mode | None
    price_per_hour: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would do at `at`. `would_sleep` and `asleep` count workloads; `saving_per_hour` is of those that
    would sleep now. `manifest` is the object as the API server would keep it, defaults filled in; `was` the one that
    is there now, None for a new policy."""

    at: datetime
    manifest: Mapping[str, Any]
    was: Mapping[str, Any] | None
    items: tuple[PreviewItem, ...]
    would_sleep: int
    asleep: int
    saving_per_hour: Decimal
    currency: str


def preview(*, cluster: Cluster, manifest: Mapping[str, Any]) -> Preview:
    """Judge every workload as if `manifest` had been applied. Changes and records nothing.

    InvalidInput names each field that the API server or Plimsoll refuses. The mode does not matter: verdicts are what
    they would be under Enforce.
    """
    now = clock_now()
    with closing(connect(cluster)) as kube:
        judged = validated(kube, manifest)
        was = existing(kube, cluster, judged)
        cache = read_cluster(cluster, kube, now=now)
        decided, snapshot = _decide_with(cluster, cache, judged, now)
    return _preview(decided, snapshot, judged, was)


def validated(kube: Kube, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as the API server would keep it, which both it and Plimsoll understand."""
    check_kind(manifest)
    judged = kube.apply(manifest, dry_run=True, force=True)
    parse(judged)
    return judged


def check_kind(manifest: Mapping[str, Any]) -> None:
    """InvalidInput unless it is a policy with a name."""
    if manifest.get("kind") not in KINDS or manifest.get("apiVersion") != RESOURCE_POLICY.api_version:
        raise InvalidInput(
            f"{manifest.get('apiVersion')} {manifest.get('kind')} is not a policy",
            field="kind",
            mend=f"write apiVersion {RESOURCE_POLICY.api_version} and kind {' or '.join(KINDS)}",
        )
    if not policy_ref(manifest).name:
        raise InvalidInput("the policy has no name", field="metadata.name", mend="give it one")


def existing(kube: Kube, cluster: Cluster, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """The policy of that name in the cluster, or None."""
    try:
        return kube.get(object_ref(policy_ref(manifest), cluster))
    except NotFound:
        return None


def _decide_with(
    cluster: Cluster, cache: ClusterCache, manifest: Mapping[str, Any], now: datetime
) -> tuple[Decided, Snapshot]:
    policies = dict(cache.snapshot(readings={}, now=now).policies)
    policies[policy_ref(manifest).key] = _enforced(manifest)
    read = read_policies(policies)
    source = metrics(cluster)
    try:
        snapshot = observe(cache=cache, metrics=source, queries=queries(read), now=now)
    finally:
        if source is not None:
            source.close()
    snapshot = replace(snapshot, policies=policies)
    memories = Memories(cluster)
    memories.refresh()
    context = Context(
        memories=memories.by_uid,
        actions=last_actions(cluster, now),
        woken_by_us=woken_by_us(cluster, snapshot, memories.by_uid),
        protected=frozenset(settings.PLIMSOLL_PROTECTED_NAMESPACES),
        max_sleeps=NO_LIMIT,
    )
    return decide(snapshot, read, now, context), snapshot


def _enforced(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as if it were in force, without its grace period: the question is what it would come to."""
    spec = dict(manifest.get("spec") or {})
    spec["scaleToZero"] = {**(spec.get("scaleToZero") or {}), "gracePeriod": "0s"}
    return {**manifest, "spec": {**spec, "mode": "Enforce", "suspend": False, "namespaceOverrides": []}}


def _preview(
    decided: Decided, snapshot: Snapshot, manifest: Mapping[str, Any], was: Mapping[str, Any] | None
) -> Preview:
    spec = parse(manifest)
    labels = {ns.ref.name: ns.labels for ns in snapshot.namespaces.values()}
    items = tuple(
        PreviewItem(
            ruling.decision,
            spec.mode_in(ruling.decision.subject.namespace, labels.get(ruling.decision.subject.namespace, {})),
            snapshot.prices.get(ruling.decision.subject.key),
        )
        for ruling in decided.rulings
        if _concerns(ruling.decision, spec.ref)
    )
    sleeping = [item for item in items if item.decision.action is not None and item.decision.action.kind == "Sleep"]
    return Preview(
        at=snapshot.taken_at,
        manifest=manifest,
        was=was,
        items=items,
        would_sleep=len(sleeping),
        asleep=_asleep(items),
        saving_per_hour=sum((item.price_per_hour or Decimal(0) for item in sleeping), Decimal(0)),
        currency=snapshot.currency,
    )


def _concerns(decision: Decision, ref: PolicyRef) -> bool:
    """Whether a Decision speaks of the policy: under it, or in conflict with it."""
    if decision.policy is not None and decision.policy.key == ref.key:
        return True
    return any(alternative.name == ref.key for alternative in decision.alternatives)


def _asleep(items: Sequence[PreviewItem]) -> int:
    return sum(item.decision.reason.code == "Asleep" for item in items)


def object_ref(ref: PolicyRef, cluster: Cluster) -> ObjectRef:
    return ObjectRef(cluster.name, RESOURCE_POLICY.group, ref.kind, ref.namespace, ref.name)
