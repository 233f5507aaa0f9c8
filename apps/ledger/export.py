"""The ledger as JSON lines: what a line holds is what its hash covers, so that a file can be checked without us."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from apps.identity.models import User
from apps.kernel.errors import InvalidInput
from apps.ledger.filters import RecordFilters
from apps.ledger.models import Record
from apps.ledger.records import CHUNK


def export(*, user: User, filters: Mapping[str, str]) -> Iterator[str]:
    """The records `user` may see, oldest first, one JSON object a line, streamed.

    `filters` are the query parameters of the list. A line is the record's content with its two hashes: the content,
    in canonical JSON without those two, is the text that was hashed after `prev_hash`.
    """
    data = QueryDict(mutable=True)
    data.update(dict(filters))
    chosen = RecordFilters(data, queryset=Record.objects.visible_to(user))
    if not chosen.is_valid():
        field, messages = next(iter(chosen.errors.items()))
        raise InvalidInput(str(messages[0]), field=field, mend="mend the filter, or leave it out")
    return lines(chosen.qs)


def lines(rows: QuerySet[Record]) -> Iterator[str]:
    for row in rows.order_by("seq").iterator(chunk_size=CHUNK):
        content: dict[str, Any] = json.loads(row.content)
        yield json.dumps({**content, "prev_hash": row.prev_hash, "hash": row.hash}, sort_keys=True) + "\n"
