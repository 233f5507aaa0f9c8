"""The watched sources of a cluster as lines of its page: how old each is, and why it is not fresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.fleet.models import Cluster
from apps.ui.markup import Tone


@dataclass(frozen=True, slots=True)
class SourceLine:
    """`state` is "fresh", "reading", "absent" (the cluster does not serve it) or "failing"."""

    name: str
    state: str
    tone: Tone
    alive_at: datetime | None
    error: str


_TONES: dict[str, Tone] = {"fresh": "good", "reading": "info", "absent": "muted", "failing": "bad"}


def source_lines(cluster: Cluster) -> list[SourceLine]:
    """Failing ones first, absent ones last."""
    lines = [_line(name, value) for name, value in (cluster.ages or {}).items() if isinstance(value, dict)]
    order = {"failing": 0, "reading": 1, "fresh": 2, "absent": 3}
    return sorted(lines, key=lambda line: (order[line.state], line.name))


def _line(name: str, value: dict[str, Any]) -> SourceLine:
    state = "fresh"
    if value.get("absent"):
        state = "absent"
    elif value.get("error"):
        state = "failing"
    elif not value.get("synced"):
        state = "reading"
    at = parse_datetime(value["alive_at"]) if value.get("alive_at") else None
    return SourceLine(name, state, _TONES[state], at, str(value.get("error") or ""))
