"""What a command prints: a table for people, JSON or YAML for programs. Data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

Json = Mapping[str, Any]


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[Format, typer.Option("--output", "-o", help="How to print it.", case_sensitive=False)]


@dataclass(frozen=True, slots=True)
class Column:
    """`path` leads into the object: `details.target.name`. `age` shows a moment as the time since."""

    title: str
    path: str
    age: bool = False


def note(line: str) -> None:
    """Something for the person, beside the data."""
    sys.stderr.write(line + "\n")


def emit_list(items: Sequence[Json], *, columns: Sequence[Column], output: Format, empty: str) -> None:
    """`{"items": [...]}`, or a table; `empty` is said, on stderr, when a table would have no line."""
    if output is not Format.TABLE:
        _emit_data({"items": list(items)}, output)
    elif items:
        emit_table(items, columns=columns)
    else:
        note(empty)


def emit_object(item: Json, *, output: Format) -> None:
    """One object whole; for people as YAML, which reads well enough."""
    _emit_data(dict(item), Format.YAML if output is Format.TABLE else output)


def emit_yaml_documents(items: Iterable[Any]) -> None:
    import yaml

    sys.stdout.write(yaml.safe_dump_all(list(items), sort_keys=False, allow_unicode=True))


def _emit_data(data: Any, output: Format) -> None:
    if output is Format.JSON:
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        return
    import yaml

    sys.stdout.write(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def emit_table(items: Sequence[Json], *, columns: Sequence[Column]) -> None:
    """Columns as wide as their widest cell, two spaces between them, as kubectl prints."""
    now = datetime.now(UTC)
    lines = [[column.title for column in columns]]
    lines += [[cell(item, column, now=now) for column in columns] for item in items]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def cell(item: Json, column: Column, *, now: datetime) -> str:
    value: Any = item
    for key in column.path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if column.age:
        return age(value, now=now)
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return str(value)


def age(moment: str | None, *, now: datetime) -> str:
    """`5m` since an ISO 8601 moment, its largest unit only; `in 5m` when it is to come."""
    if not moment:
        return "-"
    seconds = (now - datetime.fromisoformat(moment)).total_seconds()
    size = abs(seconds)
    for unit, span in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if size >= span:
            return f"{int(size // span)}{unit}" if seconds >= 0 else f"in {int(size // span)}{unit}"
    return "now"
