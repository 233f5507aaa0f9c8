"""Numbers every write to the database and to a cluster, and can kill the process before the n-th. For tests only.

`PLIMSOLL_WRITE_POINTS=file` appends a line "number label" for each write of the process; `PLIMSOLL_KILL_AT=n` sends it
SIGKILL just before write n. Both are off by default, and then nothing here runs. Dying before each write, and once with
all made, covers every state that a kill at any other instruction can leave: only writes leave anything behind, and a
transaction that has not committed leaves nothing.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db.backends.signals import connection_created

from apps.kernel.ports import Kube

_WRITE = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_CLUSTER_WRITES = frozenset({"patch", "scale", "apply", "delete", "create"})
_numbers = itertools.count(1)


def _on() -> bool:
    return bool(settings.PLIMSOLL_WRITE_POINTS or settings.PLIMSOLL_KILL_AT)


def point(label: str) -> None:
    """The next write is about to happen."""
    number = next(_numbers)
    if settings.PLIMSOLL_WRITE_POINTS:
        with Path(settings.PLIMSOLL_WRITE_POINTS).open("a") as out:
            out.write(f"{number} {label}\n")
    if number == settings.PLIMSOLL_KILL_AT:
        os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Watch every database connection that will be opened, when the settings ask for it."""
    if _on():
        connection_created.connect(_watch_connection, dispatch_uid="ledger.writepoints")


def _watch_connection(connection: Any, **kwargs: Any) -> None:
    connection.execute_wrappers.append(_watch_statement)


def _watch_statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    found = _WRITE.match(sql)
    if found is not None:
        point(f"database {found[1].split()[0].lower()} {found[2]}")
    return execute(sql, params, many, context)


class _Watched:
    """A Kube whose writes are numbered; dry runs leave nothing behind and are not."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._kube, name)
        if name not in _CLUSTER_WRITES:
            return found

        def write(*args: Any, **kwargs: Any) -> Any:
            if not kwargs.get("dry_run"):
                point(f"cluster {name}")
            return found(*args, **kwargs)

        return write


def watched(kube: Kube) -> Kube:
    """`kube`, with its writes numbered where the settings ask for it."""
    return cast("Kube", _Watched(kube)) if _on() else kube
