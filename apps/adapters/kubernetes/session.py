"""One API server's connections: what every call shares, from address to errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from apps.adapters.kubernetes.responses import Call, answer_error
from apps.adapters.kubernetes.telemetry import timed
from apps.adapters.retry import RetryRule, call
from apps.adapters.tls import client_context
from apps.adapters.transport import KEEPALIVE_OPTIONS, USER_AGENT, Request, check_url, proxy_of, send
from apps.kernel.clock import Clock
from apps.kernel.errors import InvalidInput, Unavailable
from apps.kernel.ports import JsonObject, KubeConnection
from apps.kernel.serialise import encode

JSON = "application/json"


class Session:
    """Sends calls and gives back JSON objects. Thread-safe; connections are pooled and kept alive."""

    def __init__(self, connection: KubeConnection, *, cluster: str, clock: Clock, rule: RetryRule) -> None:
        self.connection = connection
        self.cluster = cluster
        self.source = f"the API server of {cluster}"
        self.server = check_url(connection.server, field="server")
        self.tls: ssl.SSLContext = client_context(
            ca_pem=connection.ca_pem,
            certificate_pem=connection.client_certificate_pem,
            key_pem=connection.client_key_pem,
            verify=not connection.insecure_skip_tls_verify,
        )
        self._clock = clock
        self._rule = rule
        transport = httpx.HTTPTransport(
            verify=self.tls,
            proxy=proxy_of(connection.proxy_url),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30),
            socket_options=KEEPALIVE_OPTIONS,
        )
        self._client = httpx.Client(
            base_url=self.server,
            transport=transport,
            headers=self.headers(),
            trust_env=False,
            event_hooks=self._hooks(),
        )

    def headers(self) -> list[tuple[str, str]]:
        """What every request carries, the watches' too."""
        headers = [("Accept", JSON), ("User-Agent", USER_AGENT)]
        if self.connection.token:
            headers.append(("Authorization", f"Bearer {self.connection.token}"))
        return headers

    def request(
        self,
        what: Call,
        path: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        read_seconds: float = 30.0,
    ) -> JsonObject:
        """The answer's object. GETs are retried when that may help, writes only when the server did not act."""
        request = Request(
            method,
            path,
            params=params,
            content=None if body is None else json.dumps(encode(body)).encode(),
            headers=None if body is None else {"Content-Type": content_type},
            read_seconds=read_seconds,
        )
        # A review is posted, and yet it changes nothing.
        safe = method == "GET" or what.resource.startswith("selfsubject")
        return call(lambda: self._once(request, what), rule=self._rule, clock=self._clock, safe=safe)

    def close(self) -> None:
        """Ends the pooled connections; watches end by their own `stop`."""
        self._client.close()

    def _once(self, request: Request, what: Call) -> JsonObject:
        with timed(what):
            answer = send(self._client, request, source=self.source)
            if not 200 <= answer.status < 300:
                raise answer_error(answer, what)
            found = answer.json(source=self.source)
            if not isinstance(found, dict):
                raise Unavailable(f"{self.source} answered JSON that is no object", mend="check the address")
            return found

    def _hooks(self) -> dict[str, list[Any]]:
        """httpcore takes the name to check the certificate against from the request."""
        name = self.connection.tls_server_name
        if not name:
            return {}

        def set_server_name(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = name

        return {"request": [set_server_name]}


def require(value: str, *, field: str) -> str:
    """`value` where it can stand in a path; InvalidInput when it is empty or would lead elsewhere."""
    if not value or value in (".", "..") or "/" in value or "%" in value or not value.isprintable():
        raise InvalidInput(f"{value!r} cannot name an object", field=field, mend="give the object's own name")
    return value
