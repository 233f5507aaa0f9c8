"""The hash chain, as arithmetic.

A record's `content` is the canonical JSON of everything it says, its number and id among it. Its hash is the SHA-256,
in hex, of the previous record's hash followed by that text. Whoever changes, removes, inserts or reorders a record
breaks the chain at that place; whoever then recomputes all later hashes changes the head, which any export, archive
or noted head gives away.

Records are archived by whole segments of `SEGMENT_SIZE` numbers: segment n holds n*SIZE+1 ... (n+1)*SIZE.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

GENESIS = "0" * 64
SEGMENT_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Link:
    """One record as it was found. `columns` are its table columns, each of which `content` must repeat."""

    seq: int
    content: str
    prev_hash: str
    hash: str
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, and at which number."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the chain: a record's number and hash. Number 0 is the place before the first."""

    seq: int = 0
    hash: str = GENESIS


def canonical(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces, ASCII, and NaN or infinity as text."""
    return json.dumps(finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity as its name, which neither JSON nor PostgreSQL can hold as a number."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def link_hash(prev_hash: str, content: str) -> str:
    return hashlib.sha256((prev_hash + content).encode("ascii")).hexdigest()


def segment_of(seq: int) -> int:
    """The segment a number belongs to; the first is 0."""
    return (seq - 1) // SEGMENT_SIZE


def flaws(links: Iterable[Link], *, start: Place, head: Place) -> Iterator[Flaw]:
    """Everything that is wrong with `links`, which must follow `start` and end at `head`. Streams."""
    last = start
    for link in links:
        if link.seq != last.seq + 1:
            yield Flaw(last.seq + 1, f"records {last.seq + 1} to {link.seq - 1} are missing")
        elif link.prev_hash != last.hash:
            yield Flaw(link.seq, f"does not follow record {last.seq}: its previous hash is another one")
        yield from _own_flaws(link)
        last = Place(link.seq, link.hash)
    if last.seq < head.seq:
        yield Flaw(last.seq + 1, f"records {last.seq + 1} to {head.seq} are missing at the end")
    elif last != head:
        yield Flaw(last.seq, "the head of the chain is another record")


def _own_flaws(link: Link) -> Iterator[Flaw]:
    if not link.content.isascii() or link_hash(link.prev_hash, link.content) != link.hash:
        yield Flaw(link.seq, "its content or its hash was changed")
        return
    said = json.loads(link.content)
    wrong = sorted(name for name, value in link.columns.items() if said.get(name) != value)
    if wrong:
        yield Flaw(link.seq, "its columns were changed: " + ", ".join(wrong))
