"""Connecting a cluster, giving it other credentials, and taking it away again: the rows and the record of it.

How a cluster is reached and made ready is in joining.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.fleet.connections import open_metrics, seal
from apps.fleet.joining import Joined, join
from apps.fleet.models import Cluster, ClusterState
from apps.fleet.reports import AddReport, NewCluster, Progress
from apps.identity.actors import Actor
from apps.identity.clock import now
from apps.identity.recording import note
from apps.kernel.errors import AlreadyExists, InvalidInput
from apps.ui.live import publish

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def add_cluster(
    given: NewCluster, *, actor: Actor, request_id: str = "", progress: Progress | None = None
) -> AddReport:
    """Connects a cluster by the steps of joining.py. Nothing is kept when one of the first three fails; missing rights
    and a metrics source that does not answer are in the report, and the cluster is kept."""
    _check_name(given.name)
    if Cluster.objects.filter(name=given.name).exists():
        raise _taken(given.name)
    joined = join(given, progress=progress or _silent)
    row = Cluster(
        name=given.name,
        team=given.team,
        environment=given.environment,
        region=given.region,
        read_only=given.read_only,
        is_demo=given.is_demo,
        state=ClusterState.SYNCING,
        state_since=now(),
    )
    _fill(row, given, joined)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _record("ClusterAdded", row, joined, actor=actor, request_id=request_id)
            publish("clusters", [row.pk])
    except IntegrityError as e:
        raise _taken(given.name) from e
    return AddReport(row, joined.applied, joined.account, joined.report)


def update_connection(
    cluster: Cluster, given: NewCluster, *, actor: Actor, request_id: str = "", progress: Progress | None = None
) -> AddReport:
    """Gives a connected cluster new credentials, another address or metrics source, by the same road; name, team,
    environment and region stay as they are. Without `given.metrics` the metrics source stays too."""
    if given.metrics is None and cluster.sealed_metrics:
        given = replace(given, metrics=open_metrics(cluster.sealed_metrics))
    joined = join(replace(given, name=cluster.name), progress=progress or _silent)
    _fill(cluster, given, joined)
    cluster.read_only = given.read_only
    with transaction.atomic():
        cluster.save(
            update_fields=[
                "server", "account", "sealed_credentials", "sealed_metrics", "metrics_url", "metrics_kind",
                "kube_version", "read_only",
            ]
        )  # fmt: skip
        _record("ClusterReconnected", cluster, joined, actor=actor, request_id=request_id)
        publish("clusters", [cluster.pk])
    return AddReport(cluster, joined.applied, joined.account, joined.report)


def remove_cluster(cluster: Cluster, *, actor: Actor, request_id: str = "") -> None:
    """Forgets the cluster and what is known of it, and touches nothing in it; `policies` wakes it first if asked."""
    with transaction.atomic():
        body = {"name": cluster.name, "server": cluster.server}
        _note("ClusterRemoved", body, cluster, actor=actor, request_id=request_id)
        publish("clusters", [cluster.pk])
        cluster.delete()


def _fill(row: Cluster, given: NewCluster, joined: Joined) -> None:
    row.server = joined.connection.server
    row.account = joined.account
    row.kube_version = joined.report.kube_version
    row.sealed_credentials = seal(joined.connection)
    row.sealed_metrics = seal(given.metrics) if given.metrics else ""
    row.metrics_url = given.metrics.url if given.metrics else ""
    row.metrics_kind = "prometheus" if given.metrics else ""


def _record(event: str, row: Cluster, joined: Joined, *, actor: Actor, request_id: str) -> None:
    body = {
        "name": row.name,
        "server": row.server,
        "account": row.account,
        "read_only": row.read_only,
        "metrics_url": row.metrics_url,
        "kube_version": row.kube_version,
        "applied": list(joined.applied),
    }
    _note(event, body, row, actor=actor, request_id=request_id)


def _note(event: str, body: Mapping[str, Any], row: Cluster, *, actor: Actor, request_id: str) -> None:
    note(
        "Setting",
        body={"event": event, **body},
        actor=actor,
        request_id=request_id,
        subject=f"Cluster/{row.name}",
        team=row.team,
        cluster=row,
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            _("%(name)r is no name for a cluster") % {"name": name[:100]},
            field="name",
            mend=_("use up to 63 small letters, digits and dashes, and begin and end with no dash"),
        )


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        _("a cluster named %(name)s is connected already") % {"name": name},
        field="name",
        mend=_("take another name, or change that one's connection"),
    )


def _silent(step: str) -> None:
    """Nobody wants to hear of the steps."""
