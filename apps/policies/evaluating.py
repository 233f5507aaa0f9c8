"""One pass over one cluster: observe, decide, submit, and tell how each policy does.

1. The policies are read from the cache; what they need to know is asked of the metrics source.
2. Memories and actions are read from the database; everything is decided from one Snapshot.
3. What was decided is recorded and routed, then remembered. Killed in between, the next pass decides the same again,
   and the ledger sees that it is a repeat.
4. Rows and statuses are written where they differ. When nothing changed, nothing is written at all.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from apps.fleet.models import Cluster
from apps.fleet.services import ClusterCache, observe
from apps.kernel.ids import uuid7
from apps.kernel.ports import Kube, Metrics
from apps.kernel.vocab import Snapshot
from apps.ledger.leases import cluster_lead
from apps.ledger.services import LEASES
from apps.policies.action_context import last_actions, woken_by_us
from apps.policies.domain.decide import Decided, PolicyReader, decide, queries
from apps.policies.domain.tick import Context
from apps.policies.memories import Memories
from apps.policies.rows import PolicyRows, WorkloadReasons
from apps.policies.statuses import StatusWriter, statuses
from apps.policies.submitting import Submission, submit

log = structlog.get_logger(__name__)

ACTOR = "watcher"
FORGET_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """What one pass did. `skipped` says why nothing was decided, "" when something was."""

    snapshot_id: UUID
    decisions: int = 0
    proposed: int = 0
    statuses_written: int = 0
    rows_written: int = 0
    skipped: str = ""


class Evaluator:
    """What is kept of one cluster between two passes; everything in it can be read anew."""

    def __init__(self, cluster: Cluster, *, epoch: int | None) -> None:
        self.epoch = epoch
        self.memories = Memories(cluster)
        self.reader = PolicyReader()
        self.policy_rows = PolicyRows(cluster)
        self.workload_reasons = WorkloadReasons(cluster)
        self.status_writer = StatusWriter()
        self.forgotten_at: datetime | None = None


_evaluators: dict[UUID, Evaluator] = {}
_lock = threading.Lock()


def forget(cluster_id: UUID | None = None) -> None:
    """Drop what this process keeps of a cluster, or of all: called when it takes a lead another process had."""
    with _lock:
        if cluster_id is None:
            _evaluators.clear()
        else:
            _evaluators.pop(cluster_id, None)


def evaluate(
    *,
    cluster: Cluster,
    cache: ClusterCache,
    kube: Kube,
    metrics: Metrics | None,
    now: datetime,
    epoch: int | None = None,
) -> EvaluateResult:
    """One pass. `epoch` is the caller's lead: under a new one nothing is trusted that was kept before, for another
    process may have led meanwhile. PreconditionFailed, and nothing written, when another has taken the lead since."""
    kept = _kept(cluster, epoch)
    first = cache.snapshot(readings={}, now=now)
    if not first.synced:
        missing = ", ".join(age.source for age in first.ages if not age.synced)
        return EvaluateResult(first.id, skipped=f"not read whole yet: {missing}")
    policies = kept.reader.read(first.policies)
    snapshot = observe(cache=cache, metrics=metrics, queries=queries(policies), now=now)
    policies = kept.reader.read(snapshot.policies)
    kept.memories.refresh()
    decided = decide(snapshot, policies, now, _context(cluster, kept, snapshot, now))
    request_id = str(uuid7())
    writable = None if cluster.read_only else kube
    about = Submission(cluster, ACTOR, request_id, now, snapshot, writable, kept.workload_reasons.returned(decided))
    wanted = statuses(snapshot, policies, decided, now)
    if epoch is not None:
        # A process that was paused while it read and decided may have been replaced. What slips in after this is
        # stopped one by one: actions by their unique open key and epoch, objects by their resourceVersion.
        with transaction.atomic():
            LEASES.check(cluster_lead(cluster.pk), epoch=epoch)
    # Before anything is proposed: a worker may carry it out at once, and asks whether its policy is in force.
    rows = kept.policy_rows.sync(snapshot, policies, wanted, now)
    submitted = submit(decided.rulings, about=about)
    kept.memories.save(decided.memories, snapshot, now)
    new = [d for d in decided.decisions if d.id in submitted.rows and submitted.rows[d.id].pk == d.id]
    rows += kept.workload_reasons.sync(decided, new)
    written = kept.status_writer.write(wanted, snapshot, kube) if writable is not None else 0
    _forget_gone(kept, snapshot, now)
    _log(cluster, decided, new_count=len(new), proposed=submitted.proposed, epoch=epoch)
    return EvaluateResult(snapshot.id, len(decided.rulings), submitted.proposed, written, rows)


def _kept(cluster: Cluster, epoch: int | None) -> Evaluator:
    with _lock:
        found = _evaluators.get(cluster.pk)
        if found is None or found.epoch != epoch:
            found = _evaluators[cluster.pk] = Evaluator(cluster, epoch=epoch)
        return found


def _context(cluster: Cluster, kept: Evaluator, snapshot: Snapshot, now: datetime) -> Context:
    return Context(
        memories=kept.memories.by_uid,
        actions=last_actions(cluster, now),
        woken_by_us=woken_by_us(cluster, snapshot, kept.memories.by_uid),
        protected=frozenset(settings.PLIMSOLL_PROTECTED_NAMESPACES),
        max_sleeps=settings.PLIMSOLL_MAX_SLEEPS_PER_PASS,
    )


def _forget_gone(kept: Evaluator, snapshot: Snapshot, now: datetime) -> None:
    if kept.forgotten_at is None or now - kept.forgotten_at >= FORGET_EVERY:
        kept.forgotten_at = now
        kept.memories.forget_gone(snapshot)


def _log(cluster: Cluster, decided: Decided, *, new_count: int, proposed: int, epoch: int | None) -> None:
    if new_count or proposed:
        log.info(
            "Pass done",
            cluster=cluster.name,
            decisions=len(decided.rulings),
            new=new_count,
            proposed=proposed,
            epoch=epoch,
        )
