"""Keeps one ClusterWatch for each cluster of the database.

Rows of clusters that are added, changed or removed are noticed within seconds. Several watchers may run, on one machine
or many: each cluster has one leader, and the others stand by.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from uuid import UUID

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections

from apps.fleet.models import Cluster
from workers.cluster_watch import ClusterWatch, Means

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 2.0

Fingerprint = tuple[object, ...]


class Watcher:
    """Starts, restarts and ends the watches as the rows say."""

    def __init__(self, *, means: Means) -> None:
        self._means = means
        self._watches: dict[UUID, tuple[Fingerprint, ClusterWatch]] = {}

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.look()
            self._means.clock.wait(LOOK_EVERY_SECONDS, until=stop)
        self.end()

    def look(self) -> None:
        """Compares the watches with the rows once. A database that does not answer changes nothing."""
        close_old_connections()
        try:
            rows = {row.pk: row for row in Cluster.objects.select_related("team")}
        except DatabaseError as e:
            log.warning("Database refused", error=str(e))
            return
        for cluster_id in [known for known, (was, _) in self._watches.items() if was != _print_of(rows.get(known))]:
            self._drop(cluster_id)
        for cluster_id, row in rows.items():
            if cluster_id not in self._watches:
                watch = ClusterWatch(row, means=self._means)
                self._watches[cluster_id] = (_print_of(row), watch)
                watch.start()

    def end(self) -> None:
        """Ends every watch, all at once, and gives their leads back."""
        for _, watch in self._watches.values():
            watch.stop()
        for _, watch in self._watches.values():
            if not watch.join():
                log.warning("Watch does not end", cluster=watch.cluster.name)
        self._watches.clear()

    def watched(self) -> Mapping[UUID, ClusterWatch]:
        return {cluster_id: watch for cluster_id, (_, watch) in self._watches.items()}

    def _drop(self, cluster_id: UUID) -> None:
        """A watch that will not end is left to itself: it gives up its lead, and this process goes on."""
        _, watch = self._watches.pop(cluster_id)
        watch.stop()
        if not watch.join():
            log.warning("Watch does not end", cluster=watch.cluster.name)


def _print_of(row: Cluster | None) -> Fingerprint:
    """What a watch depends on; when it changes the watch is started anew."""
    if row is None:
        return ()
    return (
        row.name, row.sealed_credentials, row.sealed_metrics, row.read_only, row.environment, row.region, row.team_id,
    )  # fmt: skip
