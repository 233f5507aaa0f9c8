"""What happened to one object, gathered from every app that keeps something about it."""

from __future__ import annotations

from typing import Any

from apps.identity.models import User
from apps.ui import registry
from apps.ui.registry import TimelineEvent


def events_of(user: User, obj: Any, *, limit: int = 30) -> list[TimelineEvent]:
    """Newest first, at most `limit`; one query a registered source."""
    sources: list[registry.TimelineSource] = registry.entries("timeline")
    found = [event for source in sources for event in source.events(user, obj, limit)]
    return sorted(found, key=lambda event: event.at, reverse=True)[:limit]
