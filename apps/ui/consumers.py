"""The socket of an open page: it names topics, and is told which of their rows changed.

1. The page sends {"topics": ["workloads", ...]}; unknown topics are ignored.
2. Ids that arrive are gathered, for FLOCK_SECONDS after quiet and else until BUFFER_SECONDS after the last message;
   then cut to what this user may see, in one query a topic.
3. The page gets {"topic": ..., "ids": [...]}. `*` means: fetch all again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.ui import live, registry

BUFFER_SECONDS = 0.2
FLOCK_SECONDS = 0.03
NOT_SIGNED_IN = 4401


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        self.user = self.scope.get("user")
        self.topics: set[str] = set()
        self.waiting: dict[str, set[str]] = defaultdict(set)
        self.flushing: asyncio.Task[None] | None = None
        self.flushed_at = 0.0
        await self.accept()
        if self.user is None or not self.user.is_authenticated:
            # Closed only after the accept, or the browser sees no code and tries again for ever.
            await self.close(code=NOT_SIGNED_IN)

    async def disconnect(self, code: int) -> None:
        if self.flushing is not None:
            self.flushing.cancel()
        for topic in self.topics:
            await self.channel_layer.group_discard(live.group(topic), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        asked = content.get("topics", []) if isinstance(content, dict) else []
        if self.user is None or not self.user.is_authenticated or not isinstance(asked, list):
            return
        known = registry.mapping("live")
        for topic in {topic for topic in asked if isinstance(topic, str) and topic in known} - self.topics:
            self.topics.add(topic)
            await self.channel_layer.group_add(live.group(topic), self.channel_name)
        await self.send_json({"subscribed": sorted(self.topics)})

    async def rows_changed(self, event: dict[str, Any]) -> None:
        self.waiting[event["topic"]].update(event["ids"])
        if self.flushing is None or self.flushing.done():
            self.flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(FLOCK_SECONDS, self.flushed_at + BUFFER_SECONDS - clock()))
        self.flushed_at = clock()
        waiting, self.waiting = self.waiting, defaultdict(set)
        for topic, ids in waiting.items():
            seen = [live.EVERYTHING] if live.EVERYTHING in ids else await self._visible(topic, ids)
            if seen:
                await self.send_json({"topic": topic, "ids": seen})

    async def _visible(self, topic: str, ids: set[str]) -> list[str]:
        def visible() -> list[str]:
            return sorted(str(one) for one in registry.mapping("live")[topic](self.user, ids))

        found: list[str] = await database_sync_to_async(visible)()
        return found
