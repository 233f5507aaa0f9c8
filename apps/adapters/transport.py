"""HTTP with limits: every call has a timeout, every body has a ceiling, every failure is a kernel error.

Nothing is taken from the environment (proxies, .netrc, certificates): what a cluster needs is in its own settings, so
that one cluster's proxy never sees another's credentials.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from apps.adapters.retry import NotHandled
from apps.kernel.errors import InvalidInput, PlimsollError, Unauthenticated, Unavailable

MIB = 1024 * 1024

KEEPALIVE_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
]
"""A peer that vanished without a word is noticed after 30 s, even while nobody has anything to say."""

USER_AGENT = "plimsoll"


class BodyTooLarge(InvalidInput):
    """The answer passed the caller's limit; what was read of it is dropped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response read whole. `body` is never longer than the caller's limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, *, source: str) -> Any:
        """The body as JSON; Unavailable when it is not, as when a proxy answers in the server's place."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as e:
            kind = self.headers.get("content-type", "no content type")
            raise Unavailable(
                f"{source} answered {self.status} with {kind} where JSON was due: {excerpt(self.body)}",
                mend="check that the address is the server's own and not a login page or a proxy's",
            ) from e


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `read_seconds` limits each silence, `max_bytes` the body after decompression."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] | None = None
    read_seconds: float = 30.0
    max_bytes: int = 256 * MIB


def send(client: httpx.Client, request: Request, *, source: str) -> Answer:
    """The answer, whatever its status. `source` names the server in messages ("the API server of demo").

    NotHandled when the server was not reached, Unavailable when it was lost midway, InvalidInput when its certificate
    is not trusted or the body is over its limit, Unauthenticated when it refuses our certificate.
    """
    timeout = httpx.Timeout(10.0, read=request.read_seconds)
    try:
        with client.stream(
            request.method,
            request.path,
            params=request.params,
            content=request.content,
            headers=request.headers,
            timeout=timeout,
        ) as response:
            body = _read(response, limit=request.max_bytes, source=source)
            return Answer(response.status_code, response.headers, body)
    except httpx.InvalidURL as e:
        raise InvalidInput(f"not an address: {e}", field="server", mend="write it like https://host:6443") from e
    except (httpx.TransportError, httpx.DecodingError) as e:
        raise transport_error(e, source=source) from e


def transport_error(error: Exception, *, source: str) -> PlimsollError:
    """The kernel error for an exception of httpx or httpcore, which name their classes alike."""
    tls = _tls_cause(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return InvalidInput(
            f"the certificate of {source} is not trusted: {tls.verify_message}",
            field="ca_pem",
            mend="give the authority that signed it (certificate-authority-data), and check the server's name",
        )
    if tls is not None and "alert" in str(tls).lower():
        return Unauthenticated(
            f"{source} refused the TLS handshake: {tls}",
            field="client_certificate_pem",
            mend="give a client certificate that is valid now and that the server trusts",
        )
    name = type(error).__name__
    if name in {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}:
        mend = "check that it runs, its address, the proxy and the network"
        return NotHandled(f"{source} cannot be reached: {error or name}", mend=mend)
    if name in {"ReadTimeout", "WriteTimeout"}:
        return Unavailable(f"{source} fell silent in the middle of a call ({name})")
    return Unavailable(f"the connection to {source} broke: {error or name}")


def check_url(url: str, *, field: str) -> str:
    """`url` without a trailing slash; InvalidInput unless it is http(s) with a host, and no user, query or fragment."""
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError as e:
        raise InvalidInput(f"{url!r:.200} is not an address: {e}", field=field, mend="write https://host:port") from e
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_number:
        raise InvalidInput(f"{url!r:.200} is not an http or https address", field=field, mend="write https://host:port")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInput(
            "an address must hold no user, password, query or fragment",
            field=field,
            mend="take them out; credentials have fields of their own",
        )
    return url.rstrip("/")


def check_proxy(url: str, *, field: str) -> str:
    """`url` as it is; InvalidInput unless it is http(s) with a host. It may hold a password, so no error shows it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise InvalidInput(
            "it is not the address of an http or https proxy", field=field, mend="write http://host:port"
        )
    return url


def proxy_of(url: str) -> httpx.Proxy | None:
    """The proxy at `url`; None when it is empty, InvalidInput when it is no proxy's address."""
    return httpx.Proxy(check_proxy(url, field="proxy_url")) if url else None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by its address or its name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def excerpt(body: bytes, *, length: int = 200) -> str:
    """The start of a foreign answer on one line, safe to show: not all of it, for it may hold anything."""
    text = " ".join(body[: length * 4].decode("utf-8", "replace").split())
    return text[:length] + ("..." if len(text) > length else "")


def _read(response: httpx.Response, *, limit: int, source: str) -> bytes:
    """The body; stops reading, and so holding memory, as soon as it passes the limit."""
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(
                f"{source} answered with more than {limit / MIB:.0f} MiB", mend="ask for less: narrow the query"
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _tls_cause(error: BaseException) -> ssl.SSLError | None:
    """The TLS error somewhere down the chain of causes, or None."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
