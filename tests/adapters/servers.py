"""Servers that misbehave on purpose, on loopback, each answering with exactly the bytes a test gives."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Responder = Callable[["Received", socket.socket], None]


@dataclass(frozen=True)
class Received:
    """One request as it came. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A listening server and what it was asked so far."""

    url: str
    received: list[Received] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def answer(status: int, body: bytes | str | dict[str, Any] = b"", **headers: str) -> Responder:
    """A whole response that closes the connection; a dict is sent as JSON."""
    if isinstance(body, dict):
        headers.setdefault("content_type", "application/json")
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(data)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


def raw(data: bytes) -> Responder:
    """These bytes and then the end of the connection."""

    def respond(_: Received, connection: socket.socket) -> None:
        connection.sendall(data)

    return respond


def status(code: int, reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    """The JSON of a Kubernetes Status."""
    return {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message, **more}


@contextmanager
def serve(*responders: Responder, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answers the n-th request with the n-th responder, and all later ones with the last."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = Server(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                request = _read(stream)
                server.received.append(request)
                responders[min(len(server.received), len(responders)) - 1](request, stream)
        except OSError:
            connection.close()  # a client that hung up, or a handshake that failed as the test wanted

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _read(stream: socket.socket) -> Received:
    with stream.makefile("rb") as lines:
        method, path, _ = lines.readline().decode().split(" ", 2)
        headers: dict[str, str] = {}
        while line := lines.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", 0)))
    return Received(method, path, headers, body)


def connect_proxy(request: Received, connection: socket.socket) -> None:
    """Responder of an HTTP proxy that answers CONNECT and then passes bytes both ways."""
    host, _, port = request.path.partition(":")
    with socket.create_connection((host, int(port))) as upstream:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there = threading.Thread(target=_pump, args=(connection, upstream), daemon=True)
        there.start()
        _pump(upstream, connection)
        there.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
