"""`PlimsollApi`: get, list, write and delete, with the server's errors as kernel errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from apps.adapters.plimsoll_api.problems import problem_error
from apps.adapters.retry import RetryRule, call
from apps.adapters.tls import client_context
from apps.adapters.transport import USER_AGENT, Answer, Request, check_url, is_loopback, send
from apps.kernel.clock import Clock, SystemClock
from apps.kernel.errors import InvalidInput, Unavailable
from apps.kernel.ports import JsonObject

PER_PAGE = 500

Params = Mapping[str, str | int | bool | None]


class PlimsollApi:
    """One server at `url` (PLIMSOLL_URL), asked with `token` (PLIMSOLL_TOKEN). Paths are relative to /api/v1/.

    Writes carry an Idempotency-Key, so that they are retried as safely as reads.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        ca_pem: str = "",
        language: str = "",
        clock: Clock | None = None,
        rule: RetryRule | None = None,
    ) -> None:
        base = _checked(url, token=token)
        self._source = f"Plimsoll at {urlsplit(base).netloc}"
        self._clock = clock or SystemClock()
        self._rule = rule or RetryRule()
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if language:
            headers["Accept-Language"] = language
        self._client = httpx.Client(
            base_url=f"{base}/api/v1/", verify=client_context(ca_pem=ca_pem), headers=headers, trust_env=False
        )

    def get(self, path: str, *, params: Params | None = None) -> JsonObject:
        """One object."""
        return self._ask("GET", path, params=params)

    def items(self, path: str, *, params: Params | None = None) -> Iterator[JsonObject]:
        """Every item of a list, page by page as they are taken. A page is fetched when its first item is asked for."""
        page = 1
        while True:
            found = self.get(path, params={**(params or {}), "page": page, "per_page": PER_PAGE})
            items = found.get("items")
            if not isinstance(items, list):
                raise Unavailable(f"{self._source} answered {path} with no list", mend="check PLIMSOLL_URL")
            yield from items
            if not found.get("next"):
                return
            page += 1

    def post(self, path: str, *, body: Any = None, idempotency_key: str = "") -> JsonObject:
        """What the server answers; {} when it answers nothing. The key is made up unless the caller keeps one."""
        return self._ask("POST", path, body={} if body is None else body, key=idempotency_key)

    def put(self, path: str, *, body: Any, idempotency_key: str = "") -> JsonObject:
        """As `post`."""
        return self._ask("PUT", path, body=body, key=idempotency_key)

    def patch(self, path: str, *, body: Any, idempotency_key: str = "") -> JsonObject:
        """As `post`."""
        return self._ask("PATCH", path, body=body, key=idempotency_key)

    def delete(self, path: str, *, params: Params | None = None, idempotency_key: str = "") -> JsonObject:
        """As `post`, without a body."""
        return self._ask("DELETE", path, params=params, key=idempotency_key)

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _ask(
        self, method: str, path: str, *, params: Params | None = None, body: Any = None, key: str = ""
    ) -> JsonObject:
        headers = {}
        if method != "GET":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(
            method,
            path.lstrip("/"),
            params={name: _text(value) for name, value in (params or {}).items() if value is not None},
            content=None if body is None else json.dumps(body).encode(),
            headers=headers,
            read_seconds=60.0,
        )
        # The key makes a write safe to repeat.
        answer = call(lambda: self._once(request), rule=self._rule, clock=self._clock, safe=True)
        if not answer.body:
            return {}
        found = answer.json(source=self._source)
        if not isinstance(found, dict):
            raise Unavailable(f"{self._source} answered {path} with no object", mend="check PLIMSOLL_URL")
        return found

    def _once(self, request: Request) -> Answer:
        answer = send(self._client, request, source=self._source)
        if 300 <= answer.status < 400:
            raise InvalidInput(
                f"{self._source} answered with a redirect",
                field="PLIMSOLL_URL",
                mend="give the address it leads to, without a path",
            )
        if answer.status >= 400:
            raise problem_error(answer, source=self._source)
        return answer


def _checked(url: str, *, token: str) -> str:
    base = check_url(url, field="PLIMSOLL_URL")
    parts = urlsplit(base)
    if token and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise InvalidInput("plain http would show the token to the network", field="PLIMSOLL_URL", mend="use https")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("it holds characters no token has", field="PLIMSOLL_TOKEN", mend="copy it again")
    return base


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
