"""The status of each policy object: what it should say, and writing it only where it says something else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from apps.kernel.decisions import Decision, PolicyRef, Reason, Verdict
from apps.kernel.errors import InvalidInput, PlimsollError
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef, Snapshot
from apps.policies.domain import reasons
from apps.policies.domain.decide import Decided
from apps.policies.domain.match import Policies
from apps.policies.domain.parse import policy_ref
from apps.policies.domain.spec import Mode, Spec
from apps.policies.domain.tick import RULE, runs
from apps.ui.sentences import english

log = structlog.get_logger(__name__)

Status = dict[str, Any]
MOST_REFUSALS = 20
MOST_RIVALS = 5
MESSAGE_LENGTH = 2000
VOLATILE = frozenset({reasons.METRICS_UNAVAILABLE})
"""Reasons that quote what somebody else said: the first quotation stands, or each pass would write another one."""


def statuses(snapshot: Snapshot, policies: Policies, decided: Decided, now: datetime) -> dict[str, Status]:
    """The whole status of every policy of a Snapshot, by PolicyRef.key. The same facts give the same status."""
    refused = _refused(decided)
    asleep = _asleep(snapshot)
    by_key = policies.by_key()
    out: dict[str, Status] = {}
    for obj in snapshot.policies.values():
        ref = policy_ref(obj)
        spec = by_key.get(ref.key)
        wrong = policies.invalid.get(ref.key)
        found = refused.get(ref.key, [])
        conditions = _conditions(spec, wrong, ref.key, decided)
        out[ref.key] = {
            "observedGeneration": ref.generation,
            "rule": RULE,
            "conditions": _dated(conditions, obj, ref, now),
            "matched": decided.wins.get(ref.key, 0),
            "asleep": asleep.get(ref.key, 0),
            "conflicts": decided.shares.get(ref.key, 0),
            "refused": len(found),
            "refusals": [_refusal(decision) for decision in found[:MOST_REFUSALS]],
        }
    return out


def _refused(decided: Decided) -> dict[str, list[Decision]]:
    """The refusals of each policy, by workload; at a tie every policy of it has the refusal."""
    out: dict[str, list[Decision]] = defaultdict(list)
    for ruling in decided.rulings:
        decision = ruling.decision
        if decision.verdict is not Verdict.REFUSE or decision.policy is None:
            continue
        keys = {decision.policy.key}
        if decision.reason.code == reasons.POLICY_CONFLICT:
            keys |= {alternative.name for alternative in decision.alternatives}
        for key in keys:
            out[key].append(decision)
    for found in out.values():
        found.sort(key=lambda d: (d.subject.namespace, d.subject.name, d.subject.kind))
    return out


def _asleep(snapshot: Snapshot) -> dict[str, int]:
    out: dict[str, int] = {}
    for workload in snapshot.workloads.values():
        if workload.slept is not None and not runs(workload):
            out[workload.slept.policy] = out.get(workload.slept.policy, 0) + 1
    return out


def _refusal(decision: Decision) -> dict[str, str]:
    return {
        "kind": decision.subject.kind,
        "namespace": decision.subject.namespace,
        "name": decision.subject.name,
        "reason": decision.reason.code,
        "message": english(decision.reason.code, decision.reason.operands)[:MESSAGE_LENGTH],
    }


def _conditions(
    spec: Spec | None, wrong: InvalidInput | None, key: str, decided: Decided
) -> dict[str, tuple[bool, Reason]]:
    """Accepted, Enforced and Ready: whether each holds, and why."""
    if spec is None:
        causes = "; ".join(f"{field}: {message}" for field, message in wrong.causes) if wrong else ""
        no = (False, Reason(reasons.INVALID_SPEC, {"causes": causes}))
        return {"Accepted": no, "Enforced": no, "Ready": no}
    return {
        "Accepted": (True, Reason(reasons.ACCEPTED)),
        "Enforced": _enforced(spec),
        "Ready": _ready(spec, key, decided),
    }


def _enforced(spec: Spec) -> tuple[bool, Reason]:
    if spec.suspended:
        return False, Reason(reasons.SUSPENDED)
    codes = {
        Mode.ENFORCE: reasons.ENFORCING,
        Mode.WARN: reasons.WARNING_ONLY,
        Mode.DRY_RUN: reasons.RECORDING_ONLY,
    }
    return spec.mode is Mode.ENFORCE, Reason(codes[spec.mode])


def _ready(spec: Spec, key: str, decided: Decided) -> tuple[bool, Reason]:
    if spec.suspended:
        return False, Reason(reasons.SUSPENDED)
    if key in decided.faults:
        return False, decided.faults[key]
    shared = decided.shares.get(key, 0)
    if shared:
        names = sorted(decided.rivals.get(key, ()))
        listed = ", ".join(names[:MOST_RIVALS]) + (", ..." if len(names) > MOST_RIVALS else "")
        return True, Reason(reasons.SHARES_WORKLOADS, {"count": shared, "policies": listed})
    return True, Reason(reasons.READY if decided.wins.get(key) else reasons.NOTHING_MATCHED)


def _dated(
    conditions: Mapping[str, tuple[bool, Reason]], obj: Mapping[str, Any], ref: PolicyRef, now: datetime
) -> list[dict[str, Any]]:
    """As Kubernetes writes conditions: the time stays while the status does."""
    before = {c.get("type"): c for c in (obj.get("status") or {}).get("conditions") or ()}
    out = []
    for name, (holds, reason) in conditions.items():
        status = "True" if holds else "False"
        was = before.get(name) or {}
        since = was.get("lastTransitionTime") if was.get("status") == status else None
        message = english(reason.code, reason.operands)
        if reason.code in VOLATILE and was.get("reason") == reason.code:
            message = was.get("message", message)
        out.append(
            {
                "type": name,
                "status": status,
                "reason": reason.code,
                "message": message,
                "lastTransitionTime": since or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "observedGeneration": ref.generation,
            }
        )
    return out


class StatusWriter:
    """Writes the statuses of one cluster. Remembers what it wrote until the watch shows it."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[str, Status]] = {}

    def write(self, wanted: Mapping[str, Status], snapshot: Snapshot, kube: Kube) -> int:
        """Patch each status that differs; returns how many. One that fails is left for the next pass."""
        count = 0
        for obj in snapshot.policies.values():
            ref = policy_ref(obj)
            version = _version(obj)
            want = wanted[ref.key]
            if _same(obj.get("status"), want) or self._written.get(ref.key) == (version, want):
                continue
            try:
                kube.patch(_object_ref(ref, snapshot), body={"status": want}, subresource="status")
            except PlimsollError as e:
                log.warning("Status not written", cluster=snapshot.cluster.name, policy=ref.key, error=str(e))
                continue
            self._written[ref.key] = (version, want)
            count += 1
        return count


def _version(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("resourceVersion", ""))


def _same(have: object, want: Status) -> bool:
    if not isinstance(have, Mapping):
        return False
    return all(have.get(key, [] if key == "refusals" else None) == value for key, value in want.items())


def _object_ref(ref: PolicyRef, snapshot: Snapshot) -> ObjectRef:
    return ObjectRef(snapshot.cluster.name, "plimsoll.dev", ref.kind, ref.namespace, ref.name, ref.uid)
