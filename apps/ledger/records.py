"""Appending to the chain, and checking it.

Every transaction that appends locks the head row first, before any other row of the ledger: so numbers have no gap,
and two such transactions never wait for each other. On SQLite the transaction itself is the lock (IMMEDIATE).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction

from apps.fleet.models import Cluster
from apps.identity.actors import Actor, actor_name
from apps.identity.clock import now
from apps.identity.models import Team
from apps.kernel.errors import Conflict
from apps.kernel.ids import uuid7
from apps.kernel.serialise import encode
from apps.ledger.domain.chain import GENESIS, Flaw, Link, Place, canonical, flaws, link_hash
from apps.ledger.models import ChainHead, Record, RecordKind, Segment

CHUNK = 500


@dataclass(frozen=True, slots=True)
class About:
    """What a record is about; the team defaults to the cluster's."""

    cluster: Cluster | None = None
    team: Team | None = None
    namespace: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact before it has a place on the chain. `body` may hold kernel dataclasses."""

    kind: str
    body: Mapping[str, Any]
    about: About = About()
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check found: `checked` records from `first` to `head`, and every flaw in order."""

    checked: int
    first: int
    head: Place
    flaws: tuple[Flaw, ...]

    @property
    def ok(self) -> bool:
        return not self.flaws


def lock_head() -> ChainHead:
    """The head row, locked until the transaction ends."""
    head = ChainHead.objects.select_for_update().filter(id=1).first()
    if head is None:
        ChainHead.objects.get_or_create(id=1, defaults={"hash": GENESIS})
        head = ChainHead.objects.select_for_update().get(id=1)
    return head


def record(
    *,
    kind: str,
    body: Mapping[str, Any],
    actor: Actor,
    request_id: str = "",
    about: About = About(),
    at: datetime | None = None,
) -> Record:
    """Append one fact to the chain, in the caller's transaction. `kind` is a RecordKind."""
    return append([Draft(kind, body, about)], actor=actor, request_id=request_id, at=at)[0]


def note(
    *,
    kind: str,
    body: Mapping[str, Any],
    actor: Actor,
    request_id: str,
    subject: str,
    team: Team | None,
    cluster: models.Model | None,
) -> Record:
    """The port `recorder`, for the apps below; see apps/identity/recording.py."""
    about = About(cluster=cluster if isinstance(cluster, Cluster) else None, team=team, subject=subject)
    return record(kind=kind, body=body, actor=actor, request_id=request_id, about=about)


def append(drafts: Sequence[Draft], *, actor: Actor, request_id: str = "", at: datetime | None = None) -> list[Record]:
    """Append facts in order; all or none. Raises when the database cannot keep them: then nothing may be acted on."""
    if not drafts:
        return []
    at = (at or now()).astimezone(UTC)
    with transaction.atomic():
        head = lock_head()
        place = Place(head.seq, head.hash)
        rows = []
        for draft in drafts:
            row = _row(draft, place=place, actor=actor_name(actor), request_id=request_id, at=at)
            rows.append(row)
            place = Place(row.seq, row.hash)
        Record.objects.bulk_create(rows)
        moved = ChainHead.objects.filter(id=1, seq=head.seq).update(seq=place.seq, hash=place.hash)
        if moved != 1:
            raise Conflict(
                "the chain's head moved while it was held", mend="run the database in IMMEDIATE transactions"
            )
    return rows


def _row(draft: Draft, *, place: Place, actor: str, request_id: str, at: datetime) -> Record:
    about = draft.about
    cluster = about.cluster
    team_id = draft.team_id or (about.team.pk if about.team else cluster.team_id if cluster else None)
    row = Record(
        id=uuid7(),
        seq=place.seq + 1,
        kind=RecordKind(draft.kind).value,
        at=at,
        actor=_text(actor, 200),
        request_id=_text(request_id, 64),
        team_id=team_id,
        cluster_id=cluster.pk if cluster else None,
        cluster_name=cluster.name if cluster else "",
        namespace=about.namespace,
        subject=_text(about.subject, 400),
        prev_hash=place.hash,
    )
    row.content = canonical({**columns(row), "body": encode(draft.body)})
    row.hash = link_hash(row.prev_hash, row.content)
    return row


def _text(text: str, most: int) -> str:
    """What a stranger typed, fit for a column: PostgreSQL refuses NUL, and a name may not be longer than its column."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:most]


def columns(row: Record) -> dict[str, Any]:
    """The columns that `content` repeats, as JSON values."""
    return {
        "seq": row.seq,
        "id": str(row.id),
        "kind": row.kind,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "request_id": row.request_id,
        "team": str(row.team_id) if row.team_id else None,
        "cluster": str(row.cluster_id) if row.cluster_id else None,
        "cluster_name": row.cluster_name,
        "namespace": row.namespace,
        "subject": row.subject,
    }


def verify_chain(*, noted: Place | None = None) -> ChainReport:
    """Read the whole chain that is in the database and say everything that is wrong with it.

    `noted` is a place that was written down elsewhere (an export's last line): the chain must still pass through it.
    Records appended meanwhile are left for the next check.
    """
    newest = Record.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    row = ChainHead.objects.filter(id=1).first()  # read after `newest`, so it can only be further on
    head = Place(row.seq, row.hash) if row else Place()
    start = _start()
    found = list(flaws(_links(after=start.seq, through=head.seq), start=start, head=head))
    if newest > head.seq:
        found.append(Flaw(head.seq + 1, f"the head of the chain was set back from record {newest}"))
    if noted is not None:
        found += _noted_flaws(noted)
    return ChainReport(checked=max(0, head.seq - start.seq), first=start.seq + 1, head=head, flaws=tuple(found))


def _start() -> Place:
    """Where the records in the database begin: after the last archived segment."""
    last = Segment.objects.order_by("-number").first()
    return Place(last.last_seq, last.last_hash) if last else Place()


def _links(*, after: int, through: int) -> Iterator[Link]:
    """Records of a segment that is archived but not deleted yet were checked when it was written."""
    rows = Record.objects.filter(seq__gt=after, seq__lte=through).order_by("seq")
    for row in rows.iterator(chunk_size=CHUNK):
        yield Link(row.seq, row.content, row.prev_hash, row.hash, columns(row))


def _noted_flaws(noted: Place) -> list[Flaw]:
    if noted.seq == 0 or Record.objects.filter(seq=noted.seq, hash=noted.hash).exists():
        return []
    if Segment.objects.filter(last_seq=noted.seq, last_hash=noted.hash).exists():
        return []
    return [Flaw(noted.seq, "the noted hash is not on the chain: what came before it was rewritten")]
