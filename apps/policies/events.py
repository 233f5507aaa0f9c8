"""Kubernetes Events and notices: how people learn of a sleep before it happens, or of one that Warn would make."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from apps.fleet.models import Cluster
from apps.fleet.models import Namespace as NamespaceRow
from apps.kernel.decisions import Decision
from apps.kernel.errors import AlreadyExists, PlimsollError
from apps.kernel.kinds import find
from apps.kernel.ports import Kube
from apps.kernel.serialise import encode
from apps.policies.models import Notice
from apps.ui.live import publish
from apps.ui.sentences import english

log = structlog.get_logger(__name__)

MOST_EVENTS = 100
"""Events written in one pass; more would flood the cluster, and the notices tell of all."""


def event_manifest(decision: Decision, *, action: str, now: datetime) -> dict[str, Any]:
    """The Event that tells of a Decision. Its name is made of the Decision's id, so that it is written once."""
    subject = decision.subject
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"plimsoll.{decision.id.hex}", "namespace": subject.namespace},
        "involvedObject": {
            "apiVersion": find(subject.kind, subject.group).api_version,
            "kind": subject.kind,
            "namespace": subject.namespace,
            "name": subject.name,
            "uid": subject.uid,
        },
        "type": "Normal",
        "reason": decision.reason.code,
        "message": english(decision.reason.code, decision.reason.operands)[:1000],
        "action": action,
        "source": {"component": "plimsoll"},
        "reportingComponent": "plimsoll.dev/plimsoll",
        "reportingInstance": "plimsoll",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def tell(decisions: list[Decision], *, cluster: Cluster, kube: Kube | None, action: str, now: datetime) -> None:
    """One notice and one Event for each. An Event that cannot be written is logged and stops nothing."""
    if not decisions:
        return
    _post(decisions, cluster, now)
    if kube is None or cluster.read_only:
        return
    for decision in decisions[:MOST_EVENTS]:
        try:
            kube.create(event_manifest(decision, action=action, now=now))
        except AlreadyExists:
            continue
        except PlimsollError as e:
            log.warning("Event not written", cluster=cluster.name, subject=decision.subject.key, error=str(e))
            return


def _post(decisions: list[Decision], cluster: Cluster, now: datetime) -> None:
    teams = dict(NamespaceRow.objects.filter(cluster=cluster).values_list("name", "team_id"))
    rows = [
        Notice(
            cluster=cluster,
            team_id=teams.get(d.subject.namespace) or cluster.team_id,
            namespace=d.subject.namespace,
            kind=d.subject.kind,
            name=d.subject.name,
            policy=d.policy.key if d.policy else "",
            reason_code=d.reason.code,
            operands=encode(d.reason.operands),
            decision_id=d.id,
            created_at=now,
        )
        for d in decisions
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    publish("notices", [row.pk for row in rows])


def end_notices(decisions: list[Decision], *, cluster: Cluster) -> None:
    """Notices about these subjects are over: something else has been decided about them."""
    if not decisions:
        return
    open_rows = Notice.objects.filter(cluster=cluster, over=False)
    said = {(d.subject.kind, d.subject.namespace, d.subject.name) for d in decisions}
    told = {d.id for d in decisions}
    over = [
        pk
        for pk, kind, namespace, name, decision_id in open_rows.values_list(
            "pk", "kind", "namespace", "name", "decision_id"
        )
        if (kind, namespace, name) in said and decision_id not in told
    ]
    if over:
        Notice.objects.filter(pk__in=over).update(over=True)
        publish("notices", over)
