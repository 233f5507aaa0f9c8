"""Keeps the rows of one cluster equal to its cache, writing only what changed.

The first time everything is compared with the rows that are there; after that only what the cache says has changed.
When a write fails, nothing of what was to be written is lost: the next time everything is compared again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction

from apps.fleet.cache import Changes, ClusterCache
from apps.fleet.domain import row_values
from apps.fleet.domain.row_values import TEAM_LABEL, Values
from apps.fleet.models import Cluster, Namespace, Node, Volume, Workload
from apps.identity.models import Team
from apps.kernel.ids import uuid7
from apps.kernel.vocab import Snapshot
from apps.ui.live import publish

BATCH = 500


@dataclass(frozen=True, slots=True)
class _View:
    """What values are made from: a Snapshot, the team of each namespace that names one, and the cluster's own."""

    snapshot: Snapshot
    teams: Mapping[str, UUID]
    own_team: UUID | None
    now: datetime

    def team_of(self, namespace: str) -> UUID | None:
        return self.teams.get(namespace, self.own_team)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One model: how its rows are keyed, which objects stand behind them, and what a row should hold ({} was: it is
    new). `values_of` returns None when there should be no row."""

    model: type[models.Model]
    topic: str
    key_of: Callable[[Values], str]
    known: Callable[[Snapshot], Mapping[str, object]]
    changed: Callable[[Changes], set[str]]
    values_of: Callable[[str, _View, Values], Values | None]


def _namespace(key: str, view: _View, was: Values) -> Values | None:
    found = view.snapshot.namespaces.get(key)
    if found is None:
        return None
    return row_values.namespace_values(found, team_id=view.team_of(found.ref.name))


def _node(key: str, view: _View, was: Values) -> Values | None:
    found = view.snapshot.nodes.get(key)
    if found is None:
        return None
    return row_values.node_values(found, team_id=view.own_team, currency=view.snapshot.currency)


def _volume(key: str, view: _View, was: Values) -> Values | None:
    found = view.snapshot.volumes.get(key)
    if found is None:
        return None
    return row_values.volume_values(found, team_id=view.team_of(found.ref.namespace))


def _workload(key: str, view: _View, was: Values) -> Values | None:
    found = view.snapshot.workloads.get(key)
    if found is None:
        return None
    return row_values.workload_values(
        found,
        team_id=view.team_of(found.ref.namespace),
        price=view.snapshot.prices.get(key),
        currency=view.snapshot.currency,
        was=was,
        now=view.now,
    )


_KINDS = (
    _Kind(
        Namespace,
        topic="namespaces",
        key_of=lambda row: f"Namespace/{row['name']}",
        known=lambda snapshot: snapshot.namespaces,
        changed=lambda changes: changes.namespaces,
        values_of=_namespace,
    ),
    _Kind(
        Node,
        topic="nodes",
        key_of=lambda row: f"Node/{row['name']}",
        known=lambda snapshot: snapshot.nodes,
        changed=lambda changes: changes.nodes,
        values_of=_node,
    ),
    _Kind(
        Workload,
        topic="workloads",
        key_of=lambda row: f"{row['kind']}/{row['namespace']}/{row['name']}",
        known=lambda snapshot: snapshot.workloads,
        changed=lambda changes: changes.workloads,
        values_of=_workload,
    ),
    _Kind(
        Volume,
        topic="volumes",
        key_of=lambda row: f"PersistentVolumeClaim/{row['namespace']}/{row['name']}",
        known=lambda snapshot: snapshot.volumes,
        changed=lambda changes: changes.volumes,
        values_of=_volume,
    ),
)


@dataclass(slots=True)
class _Edits:
    """What one table needs: rows to make, to change and to take away, and what each will hold then."""

    made: list[models.Model] = field(default_factory=list)
    changed: list[models.Model] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    after: dict[str, tuple[UUID, Values] | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.made) + len(self.changed) + len(self.gone)


class _Table:
    """One model's rows of one cluster, and what they hold as far as it was last read or written."""

    def __init__(self, kind: _Kind) -> None:
        self.kind = kind
        self.fields = row_values.FIELDS[kind.model.__name__]
        self.rows: dict[str, tuple[UUID, Values]] = {}

    def read(self, cluster: Cluster) -> None:
        found = self.kind.model._default_manager.filter(cluster=cluster).values("id", *self.fields)
        self.rows = {}
        for row in found.iterator():
            row_id = row.pop("id")
            self.rows[self.kind.key_of(row)] = (row_id, row)

    def compare(self, cluster: Cluster, keys: set[str], view: _View) -> _Edits:
        edits = _Edits()
        for key in keys:
            row_id, was = self.rows.get(key, (None, {}))
            values = self.kind.values_of(key, view, was)
            if values is None:
                if row_id is not None:
                    edits.gone.append(row_id)
                    edits.after[key] = None
                continue
            if values == was:
                continue
            row = self.kind.model(id=row_id or uuid7(), cluster=cluster, updated_at=view.now, **values)
            (edits.changed if row_id else edits.made).append(row)
            edits.after[key] = (row.pk, values)
        return edits

    def write(self, edits: _Edits) -> None:
        rows = self.kind.model._default_manager
        for start in range(0, len(edits.gone), BATCH):
            rows.filter(pk__in=edits.gone[start : start + BATCH]).delete()
        rows.bulk_create(edits.made, batch_size=BATCH)
        # An upsert by primary key: Django's bulk_update takes ten times as long for a thousand rows. Columns that are
        # not named keep what they hold.
        rows.bulk_create(
            edits.changed,
            batch_size=BATCH,
            update_conflicts=True,
            update_fields=[*self.fields, "updated_at"],
            unique_fields=["id"],
        )
        publish(self.kind.topic, [*(row.pk for row in (*edits.made, *edits.changed)), *edits.gone])

    def remember(self, edits: _Edits) -> None:
        for key, row in edits.after.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


class RowKeeper:
    """Writes one cluster's rows. One at a time may keep a cluster: the leader."""

    def __init__(self, cluster: Cluster, *, cache: ClusterCache) -> None:
        self.cluster, self._cache = cluster, cache
        self._tables = [_Table(kind) for kind in _KINDS]
        self._teams: dict[str, UUID] = {}
        self._whole = True

    def forget(self) -> None:
        """The next `sync` compares everything again, as when the cluster was given to another team."""
        self._whole = True

    def sync(self, *, now: datetime) -> int:
        """Writes what changed in one transaction; returns how many rows that were. Nothing before every source has
        been read whole: what has not been read yet would look as if it were gone."""
        if not all(age.synced for age in self._cache.ages(now)):
            return 0
        changes = self._cache.drain()
        snapshot = self._cache.snapshot(readings={}, now=now)
        whole, self._whole = self._whole, True
        if whole:
            for table in self._tables:
                table.read(self.cluster)
        if whole or changes.namespaces:
            was, self._teams = self._teams, _teams_named(snapshot)
            whole = whole or was != self._teams
        view = _View(snapshot, self._teams, self.cluster.team_id, now)
        written = self._write(changes, view, whole=whole)
        self._whole = False
        return written

    def _write(self, changes: Changes, view: _View, *, whole: bool) -> int:
        edits: list[tuple[_Table, _Edits]] = []
        for table in self._tables:
            keys = {*table.rows, *table.kind.known(view.snapshot)} if whole else table.kind.changed(changes)
            edit = table.compare(self.cluster, keys, view)
            if len(edit):
                edits.append((table, edit))
        if edits:
            with transaction.atomic():
                for table, edit in edits:
                    table.write(edit)
        for table, edit in edits:
            table.remember(edit)
        return sum(len(edit) for _, edit in edits)


def _teams_named(snapshot: Snapshot) -> dict[str, UUID]:
    """The team of each namespace whose label `plimsoll.dev/team` names one that exists."""
    named = {
        space.ref.name: space.labels[TEAM_LABEL] for space in snapshot.namespaces.values() if TEAM_LABEL in space.labels
    }
    if not named:
        return {}
    ids: dict[str, Any] = dict(Team.objects.filter(name__in=set(named.values())).values_list("name", "id"))
    return {space: ids[team] for space, team in named.items() if team in ids}
