"""Moving old records out of the database, a whole segment at a time.

A segment is `SEGMENT_SIZE` consecutive numbers (domain/chain.py). Its file is gzipped JSON lines, like an export's.
It is written, read back and checked against the chain before anything is deleted; the database allows the delete only
up to the head's `archived_through`, which is set in the same transaction as the Segment row. Killed in between, the
file is written again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.db import transaction

from apps.identity.actors import Actor
from apps.identity.clock import now
from apps.kernel.errors import PreconditionFailed
from apps.ledger.domain.chain import SEGMENT_SIZE, Link, Place, canonical, flaws
from apps.ledger.export import lines
from apps.ledger.models import ChainHead, Record, RecordKind, Segment
from apps.ledger.records import About, lock_head, record


def archive(*, before: datetime, folder: Path, actor: Actor, request_id: str = "") -> list[Segment]:
    """Archive every whole segment whose newest record is older than `before`; returns the new Segments."""
    made: list[Segment] = []
    while (segment := _archive_next(before=before, folder=folder, actor=actor, request_id=request_id)) is not None:
        made.append(segment)
    return made


def _archive_next(*, before: datetime, folder: Path, actor: Actor, request_id: str) -> Segment | None:
    number = Segment.objects.count()
    first, last = number * SEGMENT_SIZE + 1, (number + 1) * SEGMENT_SIZE
    newest = Record.objects.filter(seq=last).first()
    if newest is None or newest.at >= before:
        return None
    previous = Segment.objects.filter(number=number - 1).first()
    start = Place(previous.last_seq, previous.last_hash) if previous else Place()
    file = folder / f"records-{number:06d}.jsonl.gz"
    digest = _write(file, first=first, last=last)
    found = list(flaws(read(file), start=start, head=Place(last, newest.hash)))
    if found:
        raise PreconditionFailed(
            f"record {found[0].seq}: {found[0].what}", mend="the segment stays in the database; find out who changed it"
        )
    segment = Segment(
        number=number,
        first_seq=first,
        last_seq=last,
        prev_hash=start.hash,
        last_hash=newest.hash,
        file=file.name,
        file_sha256=digest,
        archived_at=now(),
    )
    with transaction.atomic():
        lock_head()
        segment.save(force_insert=True)
        body = {"event": "Archived", "first": first, "last": last, "last_hash": newest.hash, "file_sha256": digest}
        about = About(subject=f"segment:{number}")
        record(kind=RecordKind.SETTING, body=body, actor=actor, request_id=request_id, about=about)
        ChainHead.objects.filter(id=1).update(archived_through=last)
        Record.objects.filter(seq__lte=last)._raw_delete("default")
    return segment


def _write(file: Path, *, first: int, last: int) -> str:
    """Write the segment's file, durably; returns its SHA-256."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    with draft.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        for line in lines(Record.objects.filter(seq__gte=first, seq__lte=last)):
            packed.write(line.encode("ascii"))
    with draft.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
        os.fsync(whole.fileno())
    draft.replace(file)
    return digest


def read(file: Path) -> Iterator[Link]:
    """The links of an archived segment, or of an export of everything."""
    with gzip.open(file, "rt", encoding="ascii") as text:
        for line in text:
            said = json.loads(line)
            prev_hash, own = said.pop("prev_hash"), said.pop("hash")
            yield Link(said["seq"], canonical(said), prev_hash, own)
