"""The fault hook: a test makes the server fail, slow down or hang up, and sees what a client sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from apps.sandbox.kubeapi.answers import Answer, error_answer
from apps.sandbox.kubeapi.errors import InternalError, TooManyRequests
from apps.sandbox.kubeapi.request import Request
from tests.sandbox.kubeapi.live import Live


@pytest.fixture(autouse=True)
def _sound_again(live: Live) -> Iterator[None]:
    yield
    live.app.fault = None


def test_a_fault_may_answer_for_the_server(live: Live) -> None:
    async def broken(request: Request) -> Answer | None:
        return error_answer(InternalError("disk full")) if request.path.endswith("/pods") else None

    live.app.fault = broken
    assert "disk full" in live.fails("get", "--raw", "/api/v1/pods")
    live.ok("get", "--raw", "/api/v1/nodes")


def test_a_fault_may_raise_and_says_when_to_come_back(live: Live) -> None:
    calls: list[str] = []

    async def busy(request: Request) -> Answer | None:
        calls.append(request.path)
        if len(calls) == 1:
            raise TooManyRequests("too many requests", details={"retryAfterSeconds": 1})
        return None

    live.app.fault = busy
    live.ok("get", "--raw", "/api/v1/nodes")
    assert calls == ["/api/v1/nodes", "/api/v1/nodes"]


def test_a_fault_may_hang_until_the_client_gives_up(live: Live) -> None:
    async def asleep(request: Request) -> Answer | None:
        await asyncio.sleep(2)
        return None

    live.app.fault = asleep
    said = live.fails("get", "--raw", "/api/v1/nodes", "--request-timeout=300ms")
    assert "Client.Timeout exceeded" in said or "context deadline exceeded" in said
