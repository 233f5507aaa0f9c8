"""The name under which a process holds work and leads: host, pid and something random, so that none is ever reused."""

from __future__ import annotations

import os
import secrets
import socket

_HOST = socket.gethostname()


_tokens: dict[int, str] = {}


def _token(pid: int) -> str:
    """One for each process: a fork asks with another pid. `setdefault` is one step, so that threads that ask for the
    first time together get the same; `functools.cache` would give each its own."""
    return _tokens.setdefault(pid, secrets.token_hex(4))


def this_process() -> str:
    pid = os.getpid()
    return f"{_HOST[:60]}:{pid}:{_token(pid)}"


def may_be_alive(holder: str) -> bool:
    """False only for a process of this machine that is certainly gone."""
    host, _, rest = holder.rpartition(":")[0].rpartition(":")
    if host != _HOST[:60] or not rest.isdigit():
        return True
    if int(rest) == os.getpid():
        return holder == this_process()
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
