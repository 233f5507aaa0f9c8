"""What is remembered of workloads: rows, kept in memory and read again when another process has written them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from apps.fleet.models import Cluster
from apps.kernel.serialise import decode, encode
from apps.kernel.vocab import ObjectRef, Snapshot
from apps.policies.domain.memory import Memory
from apps.policies.models import WorkloadMemory

OVERLAP = timedelta(seconds=30)
"""Another process's clock may be behind this one's by so much without its row being missed."""

AT_ONCE = 500


class Memories:
    """The memories of one cluster's workloads, by uid."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.by_uid: dict[str, Memory] = {}
        self._newest: datetime | None = None

    def refresh(self) -> None:
        """Read what was written since the last time; everything the first time."""
        rows = WorkloadMemory.objects.filter(cluster=self.cluster)
        if self._newest is not None:
            rows = rows.filter(updated_at__gte=self._newest - OVERLAP)
        for uid, memory, updated_at in rows.values_list("uid", "memory", "updated_at"):
            self.by_uid[uid] = decode(Memory, memory)
            self._newest = max(updated_at, self._newest or updated_at)

    def save(self, changed: Mapping[str, Memory], snapshot: Snapshot, now: datetime) -> None:
        """Keep what a pass has learned."""
        if not changed:
            return
        keys = {w.ref.uid: w.ref.key for w in snapshot.workloads.values() if w.ref.uid in changed}
        for uid, memory in changed.items():
            self.by_uid[uid] = memory
        write(self.cluster, {uid: (keys.get(uid, ""), memory) for uid, memory in changed.items()}, now)

    def forget_gone(self, snapshot: Snapshot) -> int:
        """Delete the rows of workloads that are no longer there; returns how many."""
        here = {w.ref.uid for w in snapshot.workloads.values()}
        gone = [uid for uid in self.by_uid if uid not in here]
        for start in range(0, len(gone), AT_ONCE):
            WorkloadMemory.objects.filter(cluster=self.cluster, uid__in=gone[start : start + AT_ONCE]).delete()
        for uid in gone:
            del self.by_uid[uid]
        return len(gone)


def write(cluster: Cluster, memories: Mapping[str, tuple[str, Memory]], now: datetime) -> None:
    """Insert or replace rows: uid -> (key of the object, memory)."""
    rows = [
        WorkloadMemory(cluster=cluster, uid=uid, key=key, memory=encode(memory), updated_at=now)
        for uid, (key, memory) in memories.items()
    ]
    WorkloadMemory.objects.bulk_create(
        rows,
        batch_size=AT_ONCE,
        update_conflicts=True,
        unique_fields=["cluster", "uid"],
        update_fields=["memory", "key", "updated_at"],
    )


def read(cluster: Cluster, ref: ObjectRef) -> Memory:
    """One workload's memory; an empty one when nothing is remembered."""
    row = WorkloadMemory.objects.filter(cluster=cluster, uid=ref.uid).first()
    return decode(Memory, row.memory) if row else Memory()
