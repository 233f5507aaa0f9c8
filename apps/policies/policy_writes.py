"""Applying and deleting policies from the portal: recorded, and undoable, like everything else."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from apps.fleet.models import Cluster
from apps.fleet.services import connect
from apps.identity.actors import Actor, actor_name, actor_user
from apps.identity.clock import now as clock_now
from apps.identity.roles import Role, has_role, require_role
from apps.kernel.actions import Action, Apply, Delete
from apps.kernel.decisions import Decision, PolicyRef, Reason, Verdict
from apps.kernel.errors import Forbidden, NotFound
from apps.kernel.ids import uuid7
from apps.ledger import services as ledger
from apps.ledger.models import ActionRow
from apps.policies.domain import reasons
from apps.policies.domain.parse import policy_ref
from apps.policies.models import Origin, Policy
from apps.policies.origins import origin_of
from apps.policies.previews import check_kind, existing, object_ref, validated

RULE = "Policy"


@dataclass(frozen=True, slots=True)
class PolicyWrite:
    """`manifest` is what the API server would keep; `was` what it keeps now. `action` None: a dry run, or no change."""

    manifest: Mapping[str, Any]
    was: Mapping[str, Any] | None
    action: ActionRow | None = None


def apply_policy(
    *,
    cluster: Cluster,
    manifest: Mapping[str, Any],
    actor: Actor,
    request_id: str,
    reason: str = "",
    dry_run: bool = False,
) -> PolicyWrite:
    """Write a policy by server-side apply. InvalidInput names each bad field; Forbidden when Argo CD or Flux own it.

    In a production namespace it waits for approval like every manual action there.
    """
    check_kind(manifest)
    _require(cluster, policy_ref(manifest), actor)
    with closing(connect(cluster)) as kube:
        was = existing(kube, cluster, manifest)
        _require_ours(was, policy_ref(manifest))
        judged = validated(kube, manifest)
    if dry_run or (was is not None and was.get("spec") == judged.get("spec") and _same_labels(was, judged)):
        return PolicyWrite(judged, was)
    ref = policy_ref(manifest)
    action = Apply(object_ref(ref, cluster), dict(manifest), _restorable(was))
    why = Reason(reasons.POLICY_APPLIED, {"actor": actor_name(actor), "policy": ref.key})
    return PolicyWrite(judged, was, _propose(cluster, ref, action, why, actor, request_id, reason))


def delete_policy(
    *, cluster: Cluster, ref: PolicyRef, actor: Actor, request_id: str, reason: str = "", dry_run: bool = False
) -> PolicyWrite:
    """Delete a policy. What it put to sleep wakes on the next pass. Every delete waits for approval."""
    _require(cluster, ref, actor)
    with closing(connect(cluster)) as kube:
        was = existing(kube, cluster, {"kind": ref.kind, "metadata": {"name": ref.name, "namespace": ref.namespace}})
        if was is None:
            raise NotFound(f"{ref.key} is not there", field="name", mend="check the namespace and the name")
        _require_ours(was, ref)
        target = object_ref(ref, cluster)
        if dry_run:
            kube.delete(target, dry_run=True)
            return PolicyWrite({}, was)
    why = Reason(reasons.POLICY_DELETED, {"actor": actor_name(actor), "policy": ref.key})
    action = Delete(target, _restorable(was))
    return PolicyWrite({}, was, _propose(cluster, ref, action, why, actor, request_id, reason))


def _require(cluster: Cluster, ref: PolicyRef, actor: Actor) -> None:
    """Operator on the cluster, or on the policy where it exists already."""
    user = actor_user(actor)
    if user is None:
        return
    row = Policy.objects.filter(cluster=cluster, kind=ref.kind, namespace=ref.namespace, name=ref.name).first()
    if row is None or not has_role(user, Role.OPERATOR, row):
        require_role(user, Role.OPERATOR, cluster)


def _require_ours(was: Mapping[str, Any] | None, ref: PolicyRef) -> None:
    if was is None:
        return
    origin, owner = origin_of(was)
    if origin is Origin.EXTERNAL:
        raise Forbidden(f"{owner} owns {ref.key}", field="metadata.name", mend="change it there, in its repository")


def _restorable(obj: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What undo applies: the object without what the server adds."""
    if obj is None:
        return None
    meta = obj["metadata"]
    kept = {name: meta[name] for name in ("name", "namespace", "labels", "annotations") if meta.get(name)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": kept, "spec": obj.get("spec") or {}}


def _same_labels(was: Mapping[str, Any], judged: Mapping[str, Any]) -> bool:
    return all((was["metadata"].get(n) or {}) == (judged["metadata"].get(n) or {}) for n in ("labels", "annotations"))


def _propose(
    cluster: Cluster, ref: PolicyRef, action: Action, why: Reason, actor: Actor, request_id: str, reason: str
) -> ActionRow:
    decision = Decision(
        id=uuid7(),
        kind=RULE,
        subject=action.target,
        verdict=Verdict.ACT,
        reason=why,
        decided_at=clock_now(),
        policy=ref,
        action=action,
    )
    rows = ledger.record_decisions([decision], cluster=cluster, actor=actor, request_id=request_id)
    approval = ledger.approval_rule(action=action, cluster=cluster, manual=True)
    terms = ledger.Terms(approval=approval, reason=reason)
    return ledger.propose(row=rows[decision.id], action=action, actor=actor, request_id=request_id, terms=terms)
