"""A Snapshot of a cluster without a watcher: for what a person asks of the web process."""

from __future__ import annotations

from datetime import datetime

from apps.fleet.domain.sources import SOURCES, Source
from apps.fleet.models import Cluster
from apps.fleet.prices import price_book
from apps.fleet.services import ClusterCache
from apps.kernel import vocab
from apps.kernel.errors import NotFound
from apps.kernel.ports import Kube


def read_cluster(cluster: Cluster, kube: Kube, *, now: datetime) -> ClusterCache:
    """A cache filled by one list of each kind. Costs what that costs: seconds for a large cluster."""
    known = vocab.Cluster(
        cluster.pk, cluster.name, cluster.environment, cluster.region, cluster.team.name if cluster.team else ""
    )
    cache = ClusterCache(known, book=price_book())
    for source in SOURCES:
        if not _load(cache, kube, source, now):
            cache.absent(source.kind, now=now)
    return cache


def _load(cache: ClusterCache, kube: Kube, source: Source, now: datetime) -> bool:
    """Whether the cluster serves the kind, in one of its versions."""
    for kind in source.served_as():
        try:
            cache.load(source.kind, kube.pages(kind), now=now)
        except NotFound:
            continue
        return True
    return False
