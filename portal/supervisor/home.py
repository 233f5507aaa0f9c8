"""The state folder of one Plimsoll: nobody else uses it, the disk has room, the port is free."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from pathlib import Path

from apps.kernel.errors import AlreadyExists, InvalidInput, Unavailable

LEAST_FREE_BYTES = 100 * 1024 * 1024
"""Below this, a start is refused: SQLite and the broker's file would fail half-way."""


def lock(home: Path) -> int:
    """Holds `home` for this process until it ends, however it ends; the descriptor must stay open."""
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        pid = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise AlreadyExists(
            f"another Plimsoll (process {pid}) runs on {home}",
            field="PLIMSOLL_HOME",
            mend="stop that one, or name another folder",
        ) from e
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def check_room(home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        raise Unavailable(
            f"only {free // 1024**2} MiB are free under {home}, {LEAST_FREE_BYTES // 1024**2} MiB are needed",
            field="PLIMSOLL_HOME",
            mend="free some disk space, or name a folder on another disk",
        )


def listen(host: str, *, port: int) -> socket.socket:
    """A listening socket, kept by the supervisor and given to each web process in turn: while one is restarted,
    connections wait instead of being refused."""
    if not 0 <= port <= 65535:
        raise InvalidInput(f"{port} is not a port", field="PLIMSOLL_PORT", mend="write a number from 1 to 65535")
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((host, port))
        server.listen(2048)
    except OSError as e:
        server.close()
        raise Unavailable(
            f"{host}:{port} cannot be listened on: {e.strerror}",
            field="PLIMSOLL_PORT",
            mend="stop what uses that port, or choose another with PLIMSOLL_PORT",
        ) from e
    return server
