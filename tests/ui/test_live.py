"""Live messages: ids only, after the commit, cut to what the user may see, and never in a write's way."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from apps.ui import live
from apps.ui.consumers import LiveConsumer
from tests.factories import make_user, make_workload

pytestmark = pytest.mark.django_db(transaction=True)


class Socket:
    """One page's WebSocket, spoken in ASGI messages (channels.testing would want Daphne)."""

    def __init__(self, user: Any) -> None:
        scope = {"type": "websocket", "path": "/ws/live/", "user": user, "headers": [], "subprotocols": []}
        self.asgi = ApplicationCommunicator(LiveConsumer.as_asgi(), scope)

    async def open(self) -> None:
        await self.asgi.send_input({"type": "websocket.connect"})
        assert (await self.asgi.receive_output())["type"] == "websocket.accept"

    async def say(self, value: Any) -> None:
        await self.asgi.send_input({"type": "websocket.receive", "text": json.dumps(value)})

    async def hear(self) -> Any:
        return json.loads((await self.asgi.receive_output(timeout=5))["text"])

    async def close(self) -> None:
        await self.asgi.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.asgi.wait()


async def listen(user: Any, topics: list[str]) -> Socket:
    socket = Socket(user)
    await socket.open()
    await socket.say({"topics": topics})
    assert await socket.hear() == {"subscribed": ["workloads"]}
    return socket


def test_a_page_gets_the_ids_it_may_see_and_no_others() -> None:
    admin, nobody = make_user(superuser=True), make_user()
    row = make_workload()

    async def main() -> None:
        seeing, blind = await listen(admin, ["workloads"]), await listen(nobody, ["workloads"])
        await database_sync_to_async(live.publish)("workloads", [row.pk, uuid4()])
        assert await seeing.hear() == {"topic": "workloads", "ids": [str(row.pk)]}
        assert await blind.asgi.receive_nothing(timeout=0.5)
        await seeing.close()
        await blind.close()

    async_to_sync(main)()


def test_many_messages_are_gathered_into_one() -> None:
    admin = make_user(superuser=True)
    rows = [make_workload() for _ in range(3)]

    async def main() -> None:
        socket = await listen(admin, ["workloads", "nonsense"])
        for row in rows:
            await database_sync_to_async(live.publish)("workloads", [row.pk])
        got = await socket.hear()
        assert got["ids"] == sorted(str(row.pk) for row in rows)
        await socket.close()

    async_to_sync(main)()


def test_without_a_session_the_socket_is_closed_with_a_code_the_page_understands() -> None:
    async def main() -> None:
        socket = Socket(AnonymousUser())
        await socket.open()
        assert (await socket.asgi.receive_output())["code"] == 4401

    async_to_sync(main)()


def sent(topic: str, ids: list[Any]) -> list[dict[str, Any]]:
    """What reaches the channel layer when this is published inside a transaction that commits."""
    found: list[dict[str, Any]] = []

    async def keep(group: str, message: dict[str, Any]) -> None:
        found.append({"group": group, **message})

    with patch.object(get_channel_layer(), "group_send", keep):
        with transaction.atomic():
            live.publish(topic, ids)
            assert found == []
    return found


def test_it_leaves_on_commit_only_and_names_everything_when_there_are_too_many() -> None:
    one = uuid4()
    assert sent("workloads", [one]) == [
        {"group": "live.workloads", "type": "rows.changed", "topic": "workloads", "ids": [str(one)]}
    ]
    assert sent("workloads", [uuid4() for _ in range(501)])[0]["ids"] == ["*"]
    assert sent("workloads", []) == []


def test_a_broker_that_is_down_fails_no_write() -> None:
    async def refuse(group: str, message: dict[str, Any]) -> None:
        raise ConnectionRefusedError("no broker")

    with patch.object(get_channel_layer(), "group_send", refuse), transaction.atomic():
        live.publish("workloads", [uuid4()])
