"""Refuses a request body that is too large before Django reads it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.kernel.ids import uuid7
from apps.ui.errors import too_large

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

DRAIN_BYTES = 256 * 1024 * 1024
"""A refused body is read and thrown away up to here: a client that is still sending would not see the answer."""


class _TooLarge(Exception):
    """The body passed the limit while it was read."""


class BodyLimit:
    """Answers 413 problem+json when a body is larger than `limit_bytes`, whether or not it says its length."""

    def __init__(self, app: App, *, limit_bytes: int) -> None:
        self._app = app
        self._limit = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._limit:
            await self._refuse(scope, receive, send)
            return
        read = 0
        started = False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not started:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        drained = 0
        while drained < DRAIN_BYTES:
            message = await receive()
            drained += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                break
        request_id = str(uuid7())
        if b"text/html" in _header(scope, b"accept"):
            page = too_large(limit_bytes=self._limit, language=_header(scope, b"accept-language").decode("latin-1"))
            await _answer(send, page.encode(), kind=b"text/html; charset=utf-8", request_id=request_id)
            return
        body = json.dumps(
            {
                "request_id": request_id,
                "type": "about:blank",
                "title": "The request is too large",
                "status": 413,
                "code": "RequestTooLarge",
                "detail": f"A request may hold {self._limit} bytes.",
                "errors": [
                    {
                        "field": "body",
                        "message": f"larger than {self._limit} bytes",
                        "mend": "send less at once: one manifest, or fewer items",
                    }
                ],
            }
        ).encode()
        await _answer(send, body, kind=b"application/problem+json", request_id=request_id)


async def _answer(send: Send, body: bytes, *, kind: bytes, request_id: str) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"content-security-policy", b"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")


def _declared_length(scope: Scope) -> int:
    """The Content-Length, 0 without one; the server has refused one that is no number."""
    return int(_header(scope, b"content-length") or 0)
