"""Policies and workloads as rows: what the pages list. Written only where something changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.fleet.models import Cluster
from apps.fleet.models import Namespace as NamespaceRow
from apps.fleet.models import Workload as WorkloadRow
from apps.kernel.decisions import Decision
from apps.kernel.serialise import encode
from apps.kernel.vocab import Snapshot
from apps.policies.domain.decide import Decided
from apps.policies.domain.match import Policies
from apps.policies.domain.parse import policy_ref
from apps.policies.domain.tick import runs
from apps.policies.models import Policy
from apps.policies.origins import origin_of
from apps.policies.statuses import Status
from apps.ui.live import publish

AT_ONCE = 200
FLUSH_SAVINGS = timedelta(minutes=1)


class PolicyRows:
    """The Policy rows of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._rows: dict[str, Policy] | None = None
        self._saved: dict[str, Decimal] = {}
        self._counted_at: datetime | None = None
        self._flushed_at: datetime | None = None

    def sync(self, snapshot: Snapshot, policies: Policies, statuses: Mapping[str, Status], now: datetime) -> int:
        """Insert, change and delete rows to match the Snapshot; returns how many rows changed."""
        if self._rows is None:
            self._rows = {row.key: row for row in Policy.objects.filter(cluster=self.cluster)}
            self._saved = {
                key: row.saved_today or Decimal(0) for key, row in self._rows.items() if _same_day(row.updated_at, now)
            }
        self._count_savings(snapshot, now)
        flush = self._flushed_at is None or now - self._flushed_at >= FLUSH_SAVINGS
        if flush:
            self._flushed_at = now
        teams = dict(NamespaceRow.objects.filter(cluster=self.cluster, team__isnull=False).values_list("name", "team"))
        changed: list[UUID] = []
        wanted = {policy_ref(obj).key: obj for obj in snapshot.policies.values()}
        for key, obj in wanted.items():
            row = self._rows.get(key)
            values = self._values(obj, policies, statuses[key], snapshot, teams, row if not flush else None)
            if row is None:
                row = self._rows[key] = Policy.objects.create(cluster=self.cluster, updated_at=now, **values)
                changed.append(row.pk)
            elif different := {n: v for n, v in values.items() if getattr(row, n) != v}:
                for name, value in different.items():
                    setattr(row, name, value)
                row.updated_at = now
                row.save(update_fields=[*different, "updated_at"])
                changed.append(row.pk)
        for key in self._rows.keys() - wanted.keys():
            gone = self._rows.pop(key)
            changed.append(gone.pk)
            Policy.objects.filter(pk=gone.pk).delete()
        publish("policies", changed)
        return len(changed)

    def _count_savings(self, snapshot: Snapshot, now: datetime) -> None:
        """Add what each policy's sleepers did not cost since the last pass; a new UTC day begins at zero."""
        since, self._counted_at = self._counted_at, now
        if since is None:
            return
        if not _same_day(since, now):
            self._saved.clear()
            since = now.replace(hour=0, minute=0, second=0, microsecond=0)
        hours = Decimal((now - since).total_seconds()) / 3600
        for key, workload in snapshot.workloads.items():
            price = snapshot.prices.get(key)
            if workload.slept is not None and price is not None and not runs(workload):
                policy = workload.slept.policy
                self._saved[policy] = self._saved.get(policy, Decimal(0)) + price * hours

    def _values(
        self,
        obj: Mapping[str, Any],
        policies: Policies,
        status: Status,
        snapshot: Snapshot,
        teams: Mapping[str, Any],
        keep: Policy | None,
    ) -> dict[str, Any]:
        """Every column of a row. `keep`: the row whose savings stand until the next flush."""
        ref = policy_ref(obj)
        spec = obj.get("spec") or {}
        origin, detail = origin_of(obj)
        saved = (
            keep.saved_today if keep is not None else self._saved.get(ref.key, Decimal(0)).quantize(Decimal("0.0001"))
        )
        return {
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": ref.uid,
            "generation": ref.generation,
            "team_id": teams.get(ref.namespace) or self.cluster.team_id,
            "manifest": _manifest(obj),
            "spec": spec,
            "origin": origin,
            "origin_detail": detail,
            "mode": str(spec.get("mode", "DryRun")),
            "suspended": bool(spec.get("suspend", False)),
            "priority": _number(spec.get("priority"), 100),
            "conditions": status["conditions"],
            "ready": ref.key not in policies.invalid
            and any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"]),
            "matched": status["matched"],
            "asleep": status["asleep"],
            "refused": status["refused"],
            "conflicts": status["conflicts"],
            "saved_today": saved,
            "currency": snapshot.currency,
        }


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _same_day(one: datetime, other: datetime) -> bool:
    return one.date() == other.date()


def _manifest(obj: Mapping[str, Any]) -> dict[str, Any]:
    """What a person would write: without what the server adds."""
    meta = obj.get("metadata") or {}
    kept = {name: meta[name] for name in ("name", "namespace", "labels", "annotations") if meta.get(name)}
    annotations = dict(kept.get("annotations") or {})
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    if annotations:
        kept["annotations"] = annotations
    else:
        kept.pop("annotations", None)
    return {
        "apiVersion": obj.get("apiVersion", "plimsoll.dev/v1alpha1"),
        "kind": obj.get("kind"),
        "metadata": kept,
        "spec": obj.get("spec") or {},
    }


def _said(decided: Decided) -> dict[str, frozenset[tuple[str, str]]]:
    """By the subject's key, the policy and reason code of each Decision about it."""
    said: dict[str, frozenset[tuple[str, str]]] = {}
    for decision in decided.decisions:
        policy = decision.policy.key if decision.policy else ""
        key = decision.subject.key
        said[key] = said.get(key, frozenset()) | {(policy, decision.reason.code)}
    return said


class WorkloadReasons:
    """Keeps the last Decision on each Workload row of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._said: dict[str, frozenset[tuple[str, str]]] | None = None

    def returned(self, decided: Decided) -> frozenset[str]:
        """The keys of what is concluded about now as it was not in the last pass, or, in the first, has no reason."""
        said = _said(decided)
        if self._said is not None:
            return frozenset(key for key, what in said.items() if self._said.get(key) != what)
        bare = WorkloadRow.objects.filter(cluster=self.cluster, reason_code="")
        return frozenset(said.keys() & {row.key for row in bare})

    def sync(self, decided: Decided, new: list[Decision]) -> int:
        """Write what is new, and clear what nobody decides about any more; returns how many rows changed."""
        before, self._said = self._said, _said(decided)
        subjects = self._said.keys()
        gone = before.keys() - subjects if before is not None else None
        changed = self._write(new)
        if gone is None:
            with_reason = WorkloadRow.objects.filter(cluster=self.cluster).exclude(reason_code="")
            stale = [row for row in with_reason if row.key not in subjects]
        elif gone:
            names = {key.split("/")[-1] for key in gone}
            rows = WorkloadRow.objects.filter(cluster=self.cluster, name__in=names).exclude(reason_code="")
            stale = [row for row in rows if row.key in gone]
        else:
            stale = []
        for row in stale:
            row.reason_code, row.reason_operands, row.policy, row.last_decision_id = "", {}, "", None
        changed += self._save(stale)
        publish("workloads", changed)
        return len(changed)

    def _write(self, new: list[Decision]) -> list[UUID]:
        latest = {decision.subject.key: decision for decision in new}
        rows: list[WorkloadRow] = []
        for start in range(0, len(latest), AT_ONCE):
            names = {key.split("/")[-1] for key in list(latest)[start : start + AT_ONCE]}
            keys = set(list(latest)[start : start + AT_ONCE])
            found = WorkloadRow.objects.filter(cluster=self.cluster, name__in=names)
            rows += [row for row in found if row.key in keys]
        for row in rows:
            decision = latest[row.key]
            row.reason_code = decision.reason.code
            row.reason_operands = encode(decision.reason.operands)
            row.policy = decision.policy.key if decision.policy else ""
            row.last_decision_id = decision.id
        return self._save(rows)

    def _save(self, rows: list[WorkloadRow]) -> list[UUID]:
        fields = ["reason_code", "reason_operands", "policy", "last_decision_id"]
        WorkloadRow.objects.bulk_update(rows, fields, batch_size=AT_ONCE)
        return [row.pk for row in rows]
