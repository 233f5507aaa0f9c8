"""Looking at a cluster: its cache, and one query a metrics source question."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from apps.fleet.cache import ClusterCache
from apps.fleet.models import Cluster
from apps.fleet.rows import RowKeeper
from apps.kernel.errors import PlimsollError
from apps.kernel.ports import Metrics
from apps.kernel.vocab import Reading, Snapshot

AT_ONCE = 4


def observe(*, cache: ClusterCache, metrics: Metrics | None, queries: Sequence[str], now: datetime) -> Snapshot:
    """A Snapshot with one Reading a query; a query that failed is a Reading with its error, and fails no other.

    All are asked at the same `now`, a few at a time. Without a metrics source every Reading says so.
    """
    wanted = list(dict.fromkeys(queries))
    if metrics is None:
        readings = [Reading(query, now, error="the cluster has no metrics source") for query in wanted]
    else:
        readings = _ask(metrics, wanted, now)
        _tell_age(cache, readings, now)
    return cache.snapshot(readings={reading.query: reading for reading in readings}, now=now)


def _ask(metrics: Metrics, queries: list[str], now: datetime) -> list[Reading]:
    def ask(query: str) -> Reading:
        try:
            return Reading(query, now, samples=tuple(metrics.query(query, at=now)))
        except PlimsollError as e:
            return Reading(query, now, error=str(e))

    if len(queries) < 2:
        return [ask(query) for query in queries]
    with ThreadPoolExecutor(min(AT_ONCE, len(queries)), thread_name_prefix="metrics") as pool:
        return list(pool.map(ask, queries))


def _tell_age(cache: ClusterCache, readings: list[Reading], now: datetime) -> None:
    """The source is alive when it answered anything; a query of a policy's own may be wrong by itself."""
    if not readings:
        return
    failed = [reading.error for reading in readings if reading.error]
    error = PlimsollError(failed[0]) if len(failed) == len(readings) else None
    cache.metrics_read(error, now=now)


def sync_rows(*, cluster: Cluster, cache: ClusterCache, now: datetime) -> int:
    """Makes the rows equal to the cache, all compared; returns how many changed. The watcher keeps a RowKeeper, which
    compares only what the cache says has changed."""
    return RowKeeper(cluster, cache=cache).sync(now=now)
