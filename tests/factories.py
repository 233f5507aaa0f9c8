"""Rows for tests, each as real ones are and valid alone: `make_workload()` brings its cluster. Shared by all tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from apps.fleet.models import Cluster, Namespace, Node, Workload, WorkloadState
from apps.identity.models import Team, User
from apps.kernel.ids import uuid7
from apps.ledger.models import ActionRow, ActionState, ApprovalRequest, DecisionRow
from apps.policies.models import Policy

_number = count(1)
PASSWORD = "correct horse battery"


def now() -> datetime:
    return datetime.now(UTC)


def make_user(name: str = "", *, superuser: bool = False, **more: Any) -> User:
    """A person who can sign in with PASSWORD."""
    name = name or f"user-{next(_number)}"
    make = User.objects.create_superuser if superuser else User.objects.create_user
    user: User = make(username=name, password=PASSWORD, **more)
    return user


def make_team(name: str = "") -> Team:
    return Team.objects.create(name=name or f"team-{next(_number)}")


def make_cluster(name: str = "", **more: Any) -> Cluster:
    fields = {
        "server": "https://127.0.0.1:6443",
        "state": "Connected",
        "state_since": now() - timedelta(hours=5),
        "kube_version": "v1.36.3",
        "last_seen_at": now() - timedelta(seconds=4),
        "environment": "development",
        "region": "eu-central-1",
        "ages": {
            "deployments.apps": {"synced": True, "alive_at": now().isoformat(), "error": "", "absent": False},
            "pods": {"synced": True, "alive_at": now().isoformat(), "error": "", "absent": False},
            "httproutes.gateway.networking.k8s.io": {"synced": True, "alive_at": None, "error": "", "absent": True},
        },
    }
    return Cluster.objects.create(name=name or f"cluster-{next(_number)}", **{**fields, **more})


def make_namespace(name: str = "shop", *, cluster: Cluster, **more: Any) -> Namespace:
    return Namespace.objects.create(cluster=cluster, name=name, updated_at=now(), **more)


def make_node(name: str = "", *, cluster: Cluster, **more: Any) -> Node:
    fields = {"cpu_millicores": 4000, "memory_bytes": 16 * 2**30, "instance_type": "m6i.xlarge", "arch": "amd64",
              "price_per_hour": Decimal("0.23"), "updated_at": now()}  # fmt: skip
    return Node.objects.create(cluster=cluster, name=name or f"node-{next(_number)}", **{**fields, **more})


def make_workload(name: str = "", *, cluster: Cluster | None = None, asleep: bool = False, **more: Any) -> Workload:
    """A Deployment of two replicas, awake; `asleep` puts the mark on it."""
    fields: dict[str, Any] = {
        "namespace": "shop", "kind": "Deployment", "uid": str(uuid7()), "labels": {"app": name or "web"},
        "replicas": 2, "ready_replicas": 2, "cpu_millicores": 500, "memory_bytes": 512 * 2**20,
        "price_per_hour": Decimal("0.0875"), "state": WorkloadState.AWAKE, "updated_at": now(),
    }  # fmt: skip
    if asleep:
        mark = {"replicas": 2, "policy": "ResourcePolicy/shop/night", "action": "a1"}
        fields |= {
            "replicas": 0, "ready_replicas": 0, "state": WorkloadState.ASLEEP, "slept": mark,
            "asleep_since": now() - timedelta(hours=2), "reason_code": "Asleep",
            "reason_operands": {"policy": mark["policy"], "since": (now() - timedelta(hours=2)).isoformat()},
        }  # fmt: skip
    return Workload.objects.create(
        cluster=cluster or make_cluster(), name=name or f"web-{next(_number)}", **{**fields, **more}
    )


def make_policy(name: str = "", *, cluster: Cluster | None = None, **more: Any) -> Policy:
    name = name or f"night-{next(_number)}"
    spec = {"mode": "Enforce", "targets": [{"kinds": ["Deployment"]}], "scaleToZero": {"idleAfter": "2h"}}
    fields: dict[str, Any] = {
        "kind": "ResourcePolicy", "namespace": "shop", "uid": str(uuid7()), "generation": 3, "spec": spec,
        "manifest": {
            "apiVersion": "plimsoll.dev/v1alpha1", "kind": "ResourcePolicy",
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
        },
        "mode": "Enforce", "ready": True, "matched": 12, "asleep": 7, "saved_today": Decimal("4.21"),
        "updated_at": now(),
        "conditions": [
            {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "The policy is understood."},
            {"type": "Enforced", "status": "True", "reason": "Enforcing", "message": "It acts."},
            {"type": "Ready", "status": "True", "reason": "Ready", "message": "It sees everything it needs."},
        ],
    }  # fmt: skip
    return Policy.objects.create(cluster=cluster or make_cluster(), name=name, **{**fields, **more})


def make_decision(*, workload: Workload, **more: Any) -> DecisionRow:
    """A row of the projection alone: nothing of it stands on the chain."""
    fields: dict[str, Any] = {
        "id": uuid7(), "kind": "ScaleToZero", "cluster": workload.cluster, "cluster_name": workload.cluster.name,
        "team": workload.team, "namespace": workload.namespace, "subject_group": "apps",
        "subject_kind": workload.kind, "subject_name": workload.name, "subject_uid": workload.uid, "verdict": "Act",
        "reason_code": "Idle", "operands": {"source": "IngressNginx", "requests": 0.0, "windowSeconds": 7200},
        "evidence": [
            {"name": "requests", "value": 0.0, "unit": "requests", "threshold": 1.0, "source": "sum(increase(x[2h]))"},
            {"name": "window", "value": 7200.0, "unit": "s", "threshold": None, "source": "spec.scaleToZero.idleAfter"},
            {"name": "targets", "value": 2.0, "unit": "targets", "threshold": 1.0, "source": "up"},
        ],
        "alternatives": [
            {"name": "KeepAwake", "reason": {"code": "KeepingCosts", "operands": {"amount": 0.0875, "currency": "USD"}}}
        ],
        "policy_kind": "ResourcePolicy", "policy_namespace": workload.namespace, "policy_name": "night",
        "policy_generation": 3, "mode": "Enforce", "saving_per_hour": workload.price_per_hour, "disruption_pods": 2,
        "decided_at": now() - timedelta(minutes=7), "last_seen": now(), "stream": str(uuid7()), "fingerprint": "f",
    }  # fmt: skip
    return DecisionRow.objects.create(**{**fields, **more})


def make_action(*, decision: DecisionRow, kind: str = "Sleep", state: str = ActionState.DONE, **more: Any) -> ActionRow:
    """An action of the decision; also set as the decision's own."""
    target = {"cluster": decision.cluster_name, "group": decision.subject_group, "kind": decision.subject_kind,
              "namespace": decision.namespace, "name": decision.subject_name, "uid": decision.subject_uid}  # fmt: skip
    mark = {"replicas": 2, "policy": "ResourcePolicy/shop/night", "action": str(decision.pk)}
    data = {"kind": kind, "target": target, "mark": mark, "guards": []}
    done = {"action": kind, "object": f"{decision.subject_kind}/{decision.subject_name}"}
    outcome = {"reason": {"code": "Done", "operands": done}, "undo": {"kind": "Wake"}}
    finished = now() - timedelta(minutes=6) if state in (ActionState.DONE, ActionState.FAILED) else None
    fields: dict[str, Any] = {
        "kind": kind, "action": data, "cluster": decision.cluster, "cluster_name": decision.cluster_name,
        "team": decision.team, "namespace": decision.namespace, "target_kind": decision.subject_kind,
        "target_name": decision.subject_name, "state": state, "requested_by": "watcher",
        "target_key": f"{decision.subject_kind}/{decision.namespace}/{decision.subject_name}",
        "created_at": decision.decided_at, "due_at": decision.decided_at, "finished_at": finished,
        "outcome": outcome if finished else None,
    }  # fmt: skip
    made = ActionRow.objects.create(decision=decision, **{**fields, **more})
    DecisionRow.objects.filter(pk=decision.pk).update(action=made, state=made.state)
    return made


def make_approval(*, decisions: Sequence[DecisionRow], requester: User | None = None, **more: Any) -> ApprovalRequest:
    """A pending request over a sleep of each decision."""
    first = decisions[0]
    fields: dict[str, Any] = {
        "group": str(uuid7()), "rule": "ProductionNamespace", "operands": {"namespace": first.namespace},
        "reason": "Nobody uses it at night", "cluster": first.cluster, "cluster_name": first.cluster_name,
        "team": first.team, "requested_by": requester.username if requester else "mara", "requester": requester,
        "created_at": now() - timedelta(minutes=20), "expires_at": now() + timedelta(hours=23), "execute_seconds": 3600,
    }  # fmt: skip
    made = ApprovalRequest.objects.create(**{**fields, **more})
    for one in decisions:
        make_action(decision=one, state=ActionState.WAITING_APPROVAL, approval=made, requested_by=made.requested_by)
    return made
