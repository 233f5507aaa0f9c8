"""50 MB to a page: a page says so, in the reader's language, and nothing of it reaches Django."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator

from portal.limits import BodyLimit


async def never(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the body reached the application")


@pytest.mark.parametrize(
    ("language", "want"), [("en-US,en", "At most 4.0 MiB can be read at once."), ("zh-CN,zh;q=0.9", "4.0 MiB")]
)
def test_a_browser_gets_a_page(language: str, want: str) -> None:
    headers = [
        (b"content-length", str(50 * 2**20).encode()), (b"accept", b"text/html,*/*"),
        (b"accept-language", language.encode()),
    ]  # fmt: skip

    async def main() -> tuple[int, str]:
        scope = {"type": "http", "method": "POST", "path": "/clusters/connect/", "headers": headers}
        client = ApplicationCommunicator(BodyLimit(never, limit_bytes=4 * 2**20), scope)
        await client.send_input({"type": "http.request", "body": b"x", "more_body": False})
        start = await client.receive_output()
        body = await client.receive_output()
        return start["status"], body["body"].decode()

    status, page = async_to_sync(main)()
    assert status == 413
    assert want in page
    assert f'<html lang="{"en" if language.startswith("en") else "zh-hans"}"' in page
