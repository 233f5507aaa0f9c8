"""One cluster in memory, fed by watches. See ClusterCache."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from apps.kernel.vocab import Cluster, Reading, Snapshot


class ClusterCache:
    """What the watches of one cluster have told, parsed once a change; any number of threads may feed and read it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def snapshot(self, *, readings: Mapping[str, Reading], now: datetime) -> Snapshot:
        """The cluster as it is known at `now`. Cheap: what did not change since the last one is shared with it."""
        raise NotImplementedError
