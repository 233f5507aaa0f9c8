"""Numbers the writes of a process, and can kill it before the n-th. For the kill tests only; off by default.

`PLIMSOLL_WRITE_POINTS=FOLDER` makes every process append a line "ROLE LABEL" to FOLDER/points for each write to the
ledger, to the policies' tables or to a cluster. When FOLDER/kill says "ROLE N ID", the process of that role counts from
the moment that it first sees this text, and dies of SIGKILL just before its N-th write; the file is renamed to `killed`
first, so that only one dies of it. ROLE is the module the process runs (`workers.worker`).

Dying before each write, and once with all made, covers every state that a kill at any other instruction can leave: only
writes leave anything behind, and a transaction that has not committed leaves nothing. Leases are left out, as they
are renewed by time, whatever else happens.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db.backends.signals import connection_created

from apps.kernel.ports import Kube

_WRITE = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?((?:ledger|policies)_(?!lease)\w+)', re.IGNORECASE)
_CLUSTER_WRITES = frozenset({"patch", "scale", "apply", "delete", "create"})
_lock = threading.Lock()
_order = ""
_count = 0


def role() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else Path(sys.argv[0]).name


def point(label: str) -> None:
    """A write is about to happen."""
    folder = Path(settings.PLIMSOLL_WRITE_POINTS)
    with _lock:
        with (folder / "points").open("a") as out:
            out.write(f"{role()} {label}\n")
        if _is_the_one(folder):
            (folder / "kill").rename(folder / "killed")
            os.kill(os.getpid(), signal.SIGKILL)


def _is_the_one(folder: Path) -> bool:
    global _order, _count
    try:
        order = (folder / "kill").read_text()
    except FileNotFoundError:
        return False
    if order != _order:
        _order, _count = order, 0
    wanted, number, _ = order.split()
    if wanted != role():
        return False
    _count += 1
    return _count == int(number)


def install() -> None:
    """Watch every database connection that will be opened, when the setting asks for it."""
    if settings.PLIMSOLL_WRITE_POINTS:
        connection_created.connect(_watch_connection, dispatch_uid="ledger.writepoints")


def _watch_connection(connection: Any, **kwargs: Any) -> None:
    if _watch_statement not in connection.execute_wrappers:  # the same object connects again and again
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
    """`kube`, with its writes numbered where the setting asks for it."""
    return cast("Kube", _Watched(kube)) if settings.PLIMSOLL_WRITE_POINTS else kube
