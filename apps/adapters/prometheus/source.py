"""`PrometheusSource`: queries by POST, as `kernel.ports.Metrics` wants them."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from prometheus_client import Histogram

from apps.adapters.prometheus import answers
from apps.adapters.retry import RetryRule, call
from apps.adapters.tls import client_context
from apps.adapters.transport import (
    KEEPALIVE_OPTIONS,
    MIB,
    USER_AGENT,
    BodyTooLarge,
    Request,
    check_url,
    proxy_of,
    send,
)
from apps.kernel.clock import Clock, SystemClock
from apps.kernel.errors import InvalidInput, PlimsollError
from apps.kernel.ports import MetricsConnection
from apps.kernel.vocab import Sample, Series

QUERY_SECONDS = Histogram(
    "plimsoll_metrics_query_seconds",
    "Seconds from a query to the end of its answer, each try apart.",
    ["source", "kind", "code"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

READ_SECONDS = 30.0
MAX_BYTES = 64 * MIB


class PrometheusSource:
    """Implements `kernel.ports.Metrics`. Opens no connection before the first query."""

    def __init__(
        self,
        connection: MetricsConnection,
        *,
        clock: Clock | None = None,
        rule: RetryRule | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._url = check_url(connection.url, field="url")
        self._host = urlsplit(self._url).netloc
        self._source = f"Prometheus at {self._host}"
        self._clock = clock or SystemClock()
        self._rule = rule or RetryRule()
        self._read_seconds = read_seconds
        transport = httpx.HTTPTransport(
            verify=client_context(
                ca_pem=connection.ca_pem,
                certificate_pem=connection.client_certificate_pem,
                key_pem=connection.client_key_pem,
            ),
            proxy=proxy_of(connection.proxy_url),
            limits=httpx.Limits(max_connections=8, keepalive_expiry=30),
            socket_options=KEEPALIVE_OPTIONS,
        )
        self._client = httpx.Client(
            base_url=self._url, transport=transport, headers=_headers(connection), trust_env=False
        )

    def query(self, promql: str, *, at: datetime) -> Sequence[Sample]:
        kind, result = self._ask("query", {"query": promql, "time": _seconds(at)})
        return answers.samples(kind, result, source=self._source)

    def query_range(self, promql: str, *, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        form = {
            "query": promql,
            "start": _seconds(start),
            "end": _seconds(end),
            "step": f"{step.total_seconds():.3f}",
        }
        kind, result = self._ask("query_range", form)
        return answers.series(kind, result, source=self._source)

    def close(self) -> None:
        self._client.close()

    def _ask(self, kind: str, form: dict[str, str]) -> tuple[str, Any]:
        """A query changes nothing, so it may be sent again. The server gives up when we would."""
        limits = {"timeout": f"{self._read_seconds:.0f}s", "limit": str(answers.MAX_SERIES + 1)}
        request = Request(
            "POST",
            f"/api/v1/{kind}",
            content=urlencode(form | limits).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            read_seconds=self._read_seconds,
            max_bytes=MAX_BYTES,
        )
        return call(lambda: self._once(kind, request), rule=self._rule, clock=self._clock, safe=True)

    def _once(self, kind: str, request: Request) -> tuple[str, Any]:
        started = time.perf_counter()
        code = "OK"
        try:
            return answers.data_of(send(self._client, request, source=self._source), source=self._source)
        except BodyTooLarge as e:
            code = e.code
            raise answers.too_many(self._source, f"over {MAX_BYTES // MIB} MiB") from e
        except PlimsollError as e:
            code = e.code
            raise
        finally:
            QUERY_SECONDS.labels(self._host, kind, code).observe(time.perf_counter() - started)


def _headers(connection: MetricsConnection) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if connection.username and connection.token:
        raise InvalidInput("a user name and a token exclude each other", field="token", mend="give one of the two")
    for field in ("username", "token"):
        value = getattr(connection, field)
        if not value.isprintable() or (field == "username" and ":" in value):
            raise InvalidInput("it holds characters that cannot be sent", field=field, mend="give it as it was issued")
    if connection.username:
        pair = f"{connection.username}:{connection.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif connection.token:
        headers["Authorization"] = f"Bearer {connection.token}"
    return headers


def _seconds(at: datetime) -> str:
    return f"{at.timestamp():.3f}"


def connect(connection: MetricsConnection) -> PrometheusSource:
    """A source by its connection. Implements `kernel.ports.MetricsFactory`."""
    return PrometheusSource(connection)
