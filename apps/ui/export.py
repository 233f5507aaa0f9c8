"""A list as CSV or JSON, streamed: the filter's rows and the table's columns, whatever their number."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

Format = Literal["csv", "json"]
FORMATS: dict[str, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
AT_ONCE = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """What csv.writer writes to: hands back the line instead of keeping it."""

    def write(self, value: str) -> str:
        return value


def safe_cell(value: Any) -> str:
    """The value as text that no spreadsheet takes for a formula: a quote goes before =, +, -, @, tab and line ends of
    text (OWASP, "CSV Injection"). Numbers stay as they are, negative ones too."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return str(value)
    text = plain(value)
    text = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain(value: Any) -> Any:
    """The value as JSON carries it: moments in ISO 8601, Decimals and ids as text, None as an empty text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (bool, int, float, str, list, dict)):
        return value
    return str(value)


def csv_lines(header: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    # Excel reads UTF-8 only where the file says so.
    yield "\ufeff" + writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def json_lines(header: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    """One JSON array, an object a row."""
    yield "["
    for n, row in enumerate(rows):
        body = {name: plain(value) for name, value in zip(header, row, strict=True)}
        yield (",\n" if n else "\n") + json.dumps(body, ensure_ascii=False, default=str)
    yield "\n]\n"


def pieces(request: HttpRequest, lines: Iterator[str]) -> Iterator[str] | AsyncIterator[str]:
    """The lines joined to pieces of AT_ONCE. Under ASGI as an async iterator: Django would otherwise read a sync one
    whole before it sent the first byte."""
    return _async_pieces(lines) if isinstance(request, ASGIRequest) else _joined(lines)


def _joined(lines: Iterator[str]) -> Iterator[str]:
    while piece := "".join(islice(lines, AT_ONCE)):
        yield piece


async def _async_pieces(lines: Iterator[str]) -> AsyncIterator[str]:
    joined = _joined(lines)

    def following() -> str | None:
        return next(joined, None)

    while (piece := await sync_to_async(following)()) is not None:
        yield piece


def stream(
    request: HttpRequest, header: list[str], rows: Iterable[list[Any]], *, name: str, form: Format
) -> StreamingHttpResponse:
    lines = csv_lines(header, rows) if form == "csv" else json_lines(header, rows)
    response = StreamingHttpResponse(pieces(request, lines), content_type=FORMATS[form])
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response
