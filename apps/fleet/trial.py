"""Tests of a connection: may we in, which rights are missing, does the metrics source answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import isnan

from django.utils.translation import gettext as _

from apps.fleet.connections import connect, metrics_at, open_metrics
from apps.fleet.domain.rights import Right, questions, rights
from apps.fleet.models import Cluster
from apps.fleet.reports import ConnectionReport, MissingVerb
from apps.identity.clock import now
from apps.kernel.clock import Clock
from apps.kernel.errors import PlimsollError
from apps.kernel.ports import Kube, KubeReader, MetricsConnection

TARGETS_QUERY = "count(up)"
"""Every Prometheus keeps `up` for each target it scrapes; a source that knows none answers with nothing."""

AT_ONCE = 8
ROLE_SETTLES_SECONDS = 1.0
"""A new role binding reaches the server's authorizer by a watch of its own."""


def test_cluster(cluster: Cluster) -> ConnectionReport:
    """Tries the stored connection: version, every RBAC verb, the metrics source. Never raises for what it finds."""
    try:
        kube = connect(cluster)
        metrics = open_metrics(cluster.sealed_metrics) if cluster.sealed_metrics else None
    except PlimsollError as e:
        return _failed(e, account=cluster.account)
    try:
        return probe(kube, metrics=metrics, account=cluster.account, read_only=cluster.read_only)
    except PlimsollError as e:
        return _failed(e, account=cluster.account)
    finally:
        kube.close()


def probe(
    kube: Kube, *, metrics: MetricsConnection | None, account: str, read_only: bool, clock: Clock | None = None
) -> ConnectionReport:
    """The same for a connection at hand; raises what keeps it from the API server.

    With a `clock`, rights that are missing are asked for once more after a moment: the roles may be new.
    """
    version = kube.version()
    missing = missing_verbs(kube, read_only=read_only)
    if missing and clock is not None:
        clock.wait(ROLE_SETTLES_SECONDS)
        missing = missing_verbs(kube, read_only=read_only)
    targets, error = metrics_targets(metrics) if metrics else (None, "")
    return ConnectionReport(version, account, missing, metrics_error=error, metrics_targets=targets)


def missing_verbs(kube: KubeReader, *, read_only: bool) -> tuple[MissingVerb, ...]:
    """Every right that the account lacks, in the order of the roles."""
    asked = list(questions(rights(read_only=read_only)))

    def allowed(question: tuple[Right, str]) -> bool:
        right, verb = question
        return kube.can(verb, right.kind, subresource=right.subresource)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="access-review") as pool:
        answers = list(pool.map(allowed, asked))
    return tuple(
        MissingVerb(verb, right.resource, right.why)
        for (right, verb), may in zip(asked, answers, strict=True)
        if not may
    )


def metrics_targets(connection: MetricsConnection) -> tuple[int | None, str]:
    """How many targets the source scrapes, and "" or what is wrong with it."""
    try:
        source = metrics_at(connection)
    except PlimsollError as e:
        return None, str(e)
    try:
        samples = source.query(TARGETS_QUERY, at=now())
    except PlimsollError as e:
        return None, str(e)
    finally:
        source.close()
    value = samples[0].value if samples else 0.0
    if isnan(value) or value < 1:
        return 0, _("it answers, but scrapes nothing: no series named `up` (is this the right address?)")
    return int(value), ""


def _failed(error: PlimsollError, *, account: str) -> ConnectionReport:
    return ConnectionReport(account=account, error=error.message, field=error.field or "", mend=error.mend or "")
