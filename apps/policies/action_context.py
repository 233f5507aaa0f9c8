"""What the ledger knows of actions that deciding must know: which are under way, which ended how, who woke what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Q

from apps.fleet.models import Cluster
from apps.kernel.vocab import Snapshot
from apps.ledger.models import OPEN_ACTION_STATES, ActionRow, ActionState
from apps.policies.domain.awake import ASK_AGAIN_AFTER, NOT_NOW, SLEEP_AGAIN_AFTER
from apps.policies.domain.memory import Memory
from apps.policies.domain.tick import LastAction, runs

KINDS = ("Sleep", "Wake", "Forget")
ENDED_LATELY = SLEEP_AGAIN_AFTER + timedelta(minutes=1)


def last_actions(cluster: Cluster, now: datetime) -> dict[str, LastAction]:
    """The newest action on each workload that still matters, by `ObjectRef.key`; an open one goes first."""
    rows = ActionRow.objects.filter(
        Q(state__in=OPEN_ACTION_STATES)
        | Q(finished_at__gte=now - ENDED_LATELY)
        | Q(kind="Sleep", state__in=NOT_NOW, created_at__gte=now - 2 * ASK_AGAIN_AFTER),
        cluster=cluster,
        kind__in=KINDS,
    ).order_by("created_at", "id")
    found: dict[str, LastAction] = {}
    for key, kind, state, created, finished, approval in rows.values_list(
        "target_key", "kind", "state", "created_at", "finished_at", "approval_id"
    ):
        is_open = state in OPEN_ACTION_STATES
        if key in found and found[key].open and not is_open:
            continue
        if state == ActionState.EXPIRED and not approval:
            state = ActionState.FAILED  # nobody was asked: it only came too late
        found[key] = LastAction(kind, str(state), finished or created, is_open)
    return found


def woken_by_us(cluster: Cluster, snapshot: Snapshot, memories: Mapping[str, Memory]) -> frozenset[str]:
    """Of the workloads whose waking has not been noticed yet, those that an action of Plimsoll's woke."""
    asleep: dict[str, str] = {}
    for workload in snapshot.workloads.values():
        memory = memories.get(workload.ref.uid)
        if memory is not None and memory.asleep_action and workload.slept is None and runs(workload):
            asleep[workload.ref.key] = memory.asleep_action
    if not asleep:
        return frozenset()
    wakes = ActionRow.objects.filter(
        cluster=cluster, kind="Wake", state=ActionState.DONE, target_key__in=list(asleep)
    ).values_list("target_key", "action")
    return frozenset(key for key, action in wakes if action["mark"]["action"] == asleep[key])
