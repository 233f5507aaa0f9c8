"""Tells open pages that rows have changed: ids only, after the commit. The page fetches the rows it may see."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import structlog
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

MOST_IDS = 500
EVERYTHING = "*"
"""Stands for all rows of a topic, where naming each would cost more than fetching the page again."""


def group(topic: str) -> str:
    return f"live.{topic}"


def publish(topic: str, ids: Iterable[UUID | str]) -> None:
    """Sends the ids to every page that shows `topic`, once the transaction commits. Never raises: a page that misses a
    message fetches all when it reconnects, and no write may fail because nobody could be told."""
    texts = sorted({str(one) for one in ids})
    if not texts:
        return
    if len(texts) > MOST_IDS:
        texts = [EVERYTHING]
    transaction.on_commit(lambda: _send(topic, texts), robust=True)


def _send(topic: str, ids: list[str]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group(topic), {"type": "rows.changed", "topic": topic, "ids": ids})
    except (RedisError, OSError, RuntimeError, ChannelFull) as e:
        # RuntimeError: called inside a running event loop.
        log.warning("Live message lost", topic=topic, ids=len(ids), error=str(e))
