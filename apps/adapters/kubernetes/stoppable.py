"""Network streams whose reads end soon after an event is set.

A watch spends its life inside one blocking read. A socket closed from another thread does not wake that read up, and
httpx gives a connection up after a read timeout; so this backend for httpcore slices a long read into short ones, and
looks at the event between them. A read that timed out may be tried again: nothing was taken from the socket.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

SLICE_SECONDS = 0.5


class Stopped(Exception):
    """The event was set while a read waited."""


class StoppableStream(httpcore.NetworkStream):
    """Passes everything on to `inner`, with reads that heed `stop`."""

    def __init__(self, inner: httpcore.NetworkStream, stop: threading.Event) -> None:
        self._inner = inner
        self._stop = stop

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes as they come; httpcore.ReadTimeout after `timeout` seconds of silence, Stopped when told to stop."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._stop.is_set():
            left = SLICE_SECONDS if deadline is None else min(SLICE_SECONDS, deadline - time.monotonic())
            if left <= 0:
                raise httpcore.ReadTimeout(f"nothing came for {timeout:.0f} s")
            try:
                return self._inner.read(max_bytes, left)
            except httpcore.ReadTimeout:
                continue
        raise Stopped

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return StoppableStream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._stop)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class StoppableBackend(httpcore.NetworkBackend):
    """Opens StoppableStreams that all heed one event."""

    def __init__(self, stop: threading.Event) -> None:
        self._inner = httpcore.SyncBackend()
        self._stop = stop

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return StoppableStream(stream, self._stop)
