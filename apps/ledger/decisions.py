"""Keeping Decisions: new ones become a row and a record, repeats are counted.

1. What each Decision says is compared with what its stream said last, in memory; nearly all of them end here.
2. What differs is compared once more with the rows, under the head's lock, for another process may have written.
3. What is new there is written: the Snapshot once, the row, and its record on the chain, in one transaction.
4. Repeats are written back once in half an hour: how often, when last, and the newest measurements.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.fleet.models import Cluster
from apps.identity.actors import Actor
from apps.identity.clock import now
from apps.kernel.decisions import Decision, Verdict
from apps.kernel.serialise import encode
from apps.kernel.vocab import ObjectRef, Snapshot
from apps.ledger.decision_rows import Context, Said, decision_draft, decision_row, snapshot_draft, teams_by_namespace
from apps.ledger.domain.chain import finite
from apps.ledger.domain.repeats import fingerprint, stream
from apps.ledger.models import DecisionRow
from apps.ledger.records import append, lock_head
from apps.ui.live import publish

REFRESH = timedelta(minutes=30)
REFRESH_AT_ONCE = 500
ONLY_RECORDED = frozenset({"DryRun", "Warn"})


@dataclass(slots=True)
class _Standing:
    """What a stream said last, as far as this process knows. `repeats` are those not written back yet."""

    fingerprint: str
    row_id: UUID
    written_at: datetime
    repeats: int = 0


_standing: dict[UUID, dict[str, _Standing]] = {}
_lock = threading.Lock()


def forget(name: str = "") -> None:
    """Drop what this process remembers: called when it takes a lead that another process may have had."""
    with _lock:
        _standing.clear()


def record_decisions(
    decisions: Sequence[Decision],
    *,
    cluster: Cluster,
    actor: Actor,
    request_id: str,
    snapshot: Snapshot | None = None,
    modes: Mapping[UUID, str] | None = None,
    returned: frozenset[str] = frozenset(),
) -> dict[UUID, DecisionRow]:
    """Keep what is new among `decisions`: Decision id -> row, for those that are new and for those that act.

    A Decision that repeats the current one of its stream (same subject, verdict, reason and operands, measurements
    aside) is counted in memory and adds no row: its id then maps to the row that stands. What a person decides is
    always new, and so is what is said of the objects of `returned` (keys): something else was said of them since.
    `snapshot` is recorded once, and only when something is new. `modes` gives the policy's mode by Decision id.
    """
    context = Context(cluster, actor, request_id, snapshot, modes or {}, returned)
    said = [_said(decision, context) for decision in decisions]
    latest = {one.stream: one for one in said}  # of two about the same the later stands, or they would take turns
    by_stream = _keep(latest.values(), context)
    return {one.decision.id: by_stream[one.stream] for one in said if one.stream in by_stream}


def _keep(latest: Iterable[Said], context: Context) -> dict[str, DecisionRow]:
    """Stream -> row, for what is new and for what acts."""
    known = _known(context.cluster)
    changed: list[Said] = []
    repeated: list[tuple[Said, _Standing]] = []
    for one in latest:
        standing = known.get(one.stream)
        if standing is None or standing.fingerprint != one.fingerprint or context.is_news(one.decision):
            changed.append(one)
        else:
            repeated.append((one, standing))
    acting = {one.stream: past.row_id for one, past in repeated if _acts(one)}
    rows = DecisionRow.objects.in_bulk(acting.values()) if acting else {}
    # A row that is gone was rolled back after it was remembered: its Decision is news after all.
    changed += [one for one, past in repeated if one.stream in acting and past.row_id not in rows]
    found = {stream: rows[row_id] for stream, row_id in acting.items() if row_id in rows}
    if changed:
        found |= _write(changed, context)
    _count(repeated)
    return found


def _said(decision: Decision, context: Context) -> Said:
    mode = context.modes.get(decision.id, "")
    return Said(decision, mode, stream(decision), fingerprint(decision, mode=mode))


def _acts(one: Said) -> bool:
    """Whether an action may follow: its row is needed at each repeat, until the action has been carried out."""
    return one.decision.verdict is Verdict.ACT and one.mode not in ONLY_RECORDED


def _known(cluster: Cluster) -> dict[str, _Standing]:
    """What this process knows of a cluster's streams; read from the rows the first time."""
    with _lock:
        known = _standing.get(cluster.pk)
    if known is None:
        rows = DecisionRow.objects.filter(cluster=cluster, current=True).order_by()
        fields = rows.values_list("stream", "fingerprint", "pk", "last_seen")
        known = {name: _Standing(text, pk, last_seen) for name, text, pk, last_seen in fields.iterator()}
        with _lock:
            known = _standing.setdefault(cluster.pk, known)
    return known


def _write(changed: Sequence[Said], context: Context) -> dict[str, DecisionRow]:
    """Rows and records of what is new, by stream; what another process has written meanwhile is returned as it is."""
    with transaction.atomic():
        lock_head()
        current = {row.stream: row for row in _current_rows(one.stream for one in changed)}
        standing = {
            one.stream: current[one.stream]
            for one in changed
            if not context.is_news(one.decision)
            and one.stream in current
            and current[one.stream].fingerprint == one.fingerprint
        }
        rows = _insert([one for one in changed if one.stream not in standing], context)
        publish("decisions", [row.pk for row in rows.values()])
        out = standing | rows
        kept = {one.stream: _Standing(one.fingerprint, out[one.stream].pk, now()) for one in changed}
        transaction.on_commit(lambda: _remember(context.cluster, kept))
    return out


def _remember(cluster: Cluster, kept: Mapping[str, _Standing]) -> None:
    """Only what is committed is remembered, or a rolled back Decision would count as said."""
    _known(cluster).update(kept)


def _current_rows(streams: Iterable[str]) -> list[DecisionRow]:
    wanted = list(streams)
    rows: list[DecisionRow] = []
    for start in range(0, len(wanted), REFRESH_AT_ONCE):
        chunk = wanted[start : start + REFRESH_AT_ONCE]
        rows += DecisionRow.objects.filter(stream__in=chunk, current=True)
    return rows


def _insert(new: Sequence[Said], context: Context) -> dict[str, DecisionRow]:
    if not new:
        return {}
    teams = teams_by_namespace(new, context.cluster)
    rows = {one.stream: decision_row(one, context, teams) for one in new}
    for start in range(0, len(new), REFRESH_AT_ONCE):
        chunk = [one.stream for one in new[start : start + REFRESH_AT_ONCE]]
        DecisionRow.objects.filter(stream__in=chunk, current=True).update(current=False)
    DecisionRow.objects.bulk_create(rows.values())
    drafts = [snapshot_draft(context.snapshot, context.cluster)] if context.snapshot is not None else []
    drafts += [decision_draft(one, rows[one.stream], context) for one in new]
    append(drafts, actor=context.actor, request_id=context.request_id)
    return rows


def _count(repeated: Sequence[tuple[Said, _Standing]]) -> None:
    """Count repeats, and write some of those back that have been counted in memory for long enough."""
    at = now()
    stale: list[tuple[Said, _Standing]] = []
    for one, standing in repeated:
        standing.repeats += 1
        if at - standing.written_at >= REFRESH and len(stale) < REFRESH_AT_ONCE:
            stale.append((one, standing))
    if stale:
        _refresh(stale, at)


def _refresh(stale: Sequence[tuple[Said, _Standing]], at: datetime) -> None:
    """The newest measurements of conclusions that still stand. The record on the chain keeps the first ones."""
    with transaction.atomic():
        for one, standing in stale:
            DecisionRow.objects.filter(pk=standing.row_id).update(
                last_seen=one.decision.decided_at,
                count=F("count") + standing.repeats,
                operands=finite(encode(one.decision.reason.operands)),
                evidence=finite(encode(one.decision.evidence)),
            )
            standing.repeats, standing.written_at = 0, at


def why(*, ref: ObjectRef) -> DecisionRow | None:
    """The newest Decision about an object."""
    return (
        DecisionRow.objects.filter(
            cluster_name=ref.cluster, namespace=ref.namespace, subject_kind=ref.kind, subject_name=ref.name
        )
        .select_related("action")
        .order_by("-decided_at", "-id")
        .first()
    )
