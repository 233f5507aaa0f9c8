"""One watch: a connection of its own, one JSON event a line, ended by the server, by `stop`, or by an error.

How a dead connection is noticed: TCP keepalive finds a vanished peer in 30 s; a peer that is there and says nothing
(a hung server, a proxy that lost its other half) is given up after `SILENCE_SECONDS`. A healthy server sends a
bookmark every minute, so silence for longer means something.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpcore
import httpx

from apps.adapters.kubernetes import paths
from apps.adapters.kubernetes.responses import Call, answer_error, status_error
from apps.adapters.kubernetes.session import Session
from apps.adapters.kubernetes.stoppable import StoppableBackend, Stopped
from apps.adapters.kubernetes.telemetry import timed
from apps.adapters.transport import KEEPALIVE_OPTIONS, MIB, Answer, excerpt, transport_error
from apps.kernel.errors import Unavailable
from apps.kernel.kinds import Kind
from apps.kernel.ports import WatchEvent

SILENCE_SECONDS = 100.0
LIFE_SECONDS = 300
"""The server ends a watch after this long to twice that, drawn anew, so that watches do not end together."""

MAX_EVENT_BYTES = 16 * MIB
"""etcd takes objects up to 1.5 MiB by default; a longer line is no event."""


def watch(
    session: Session,
    kind: Kind,
    *,
    resource_version: str,
    stop: threading.Event,
    silence_seconds: float,
    opened: Callable[[], None] | None = None,
) -> Iterator[WatchEvent]:
    """Events after `resource_version`; see `kernel.ports.KubeReader.watch`."""
    call = Call(session.cluster, "watch", kind.qualified)
    life = LIFE_SECONDS + random.randrange(LIFE_SECONDS)  # noqa: S311  spreading needs no secrecy
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(life),
    }
    url = f"{session.server}{paths.collection(kind)}?{urlencode(query)}"
    extensions: dict[str, object] = {"timeout": {"connect": 10.0, "write": 10.0, "pool": 10.0, "read": silence_seconds}}
    if session.connection.tls_server_name:
        extensions["sni_hostname"] = session.connection.tls_server_name
    try:
        with (
            _pool(session, stop) as pool,
            pool.stream("GET", url, headers=session.headers(), extensions=extensions) as response,
        ):
            _check(response, call)
            if opened is not None:
                opened()
            for line in _lines(response):
                yield _event(line, call)
    except Stopped:
        return
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as e:
        if not stop.is_set():
            raise transport_error(e, source=session.source) from e


def _pool(session: Session, stop: threading.Event) -> httpcore.ConnectionPool:
    """A pool of one connection, so that ending the watch ends its connection and no other."""
    proxy = None
    if session.connection.proxy_url:
        known = httpx.Proxy(session.connection.proxy_url)
        proxy = httpcore.Proxy(str(known.url), auth=known.raw_auth)
    return httpcore.ConnectionPool(
        ssl_context=session.tls,
        proxy=proxy,
        max_connections=1,
        max_keepalive_connections=0,
        network_backend=StoppableBackend(stop),
        socket_options=KEEPALIVE_OPTIONS,
    )


def _check(response: httpcore.Response, call: Call) -> None:
    """Raises the error of a watch that was refused at once."""
    with timed(call):
        if response.status != 200:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            body = b"".join(_capped(response))
            raise answer_error(Answer(response.status, headers, body), call)


def _capped(response: httpcore.Response) -> Iterator[bytes]:
    """The body's first MiB or so: an error needs no more."""
    size = 0
    for chunk in response.iter_stream():
        yield chunk
        size += len(chunk)
        if size > MIB:
            return


def _lines(response: httpcore.Response) -> Iterator[bytes]:
    """Whole lines of the body; Unavailable when one never ends. What a broken stream leaves of a line is dropped."""
    rest = bytearray()
    for chunk in response.iter_stream():
        rest += chunk
        if b"\n" in chunk:
            *lines, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            yield from filter(None, lines)
        elif len(rest) > MAX_EVENT_BYTES:
            raise Unavailable(f"a watch event is over {MAX_EVENT_BYTES // MIB} MiB", mend="check the address")


def _event(line: bytes, call: Call) -> WatchEvent:
    """One event; the error of an ERROR event (410 Gone among them)."""
    try:
        event = json.loads(line)
        kind, found = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as e:
        raise Unavailable(f"cannot {call}: {excerpt(line)} is not a watch event", mend="check the address") from e
    if kind == "ERROR":
        raise status_error(found, call)
    return WatchEvent(kind, found)
