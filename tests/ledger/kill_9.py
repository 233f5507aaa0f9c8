"""Kills a real worker process with SIGKILL before each of its writes, and looks at what the next one makes of it.

    python -m tests.ledger.kill_9        with PLIMSOLL_HOME set to an empty folder

The database is a file and the cluster is a file, so both outlive the process. Every run is a fork of this one that
starts from a copy of both. Prints one JSON object: the write points of a sleep and of a wake, and what went wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from apps.kernel.ports import JsonObject
from tests.ledger.fakes import FakeKube

SLEPT = "plimsoll.dev/slept"


class FileKube(FakeKube):
    """The cluster in memory, kept in a file: each write is there whole or not at all."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        if file.exists():
            kept = json.loads(file.read_text())
            self._version, self.writes = kept["version"], kept["writes"]
            self.objects = {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): o for o in kept["objects"]}

    def put(self, obj: JsonObject) -> JsonObject:
        made = super().put(obj)
        self._save()
        return made

    def _write(self, *args: Any, **kwargs: Any) -> JsonObject:
        answer = super()._write(*args, **kwargs)
        if not kwargs["dry_run"]:
            self._save()
        return answer

    def _save(self) -> None:
        draft = self._file.with_suffix(".new")
        kept = {"version": self._version, "writes": self.writes, "objects": [*self.objects.values()]}
        draft.write_text(json.dumps(kept))
        draft.replace(self._file)


def connect(cluster: Any) -> FileKube:
    return FileKube(settings.PLIMSOLL_HOME / "cluster.json")


def home() -> Path:
    found: Path = settings.PLIMSOLL_HOME
    return found


def forked(work: Callable[[], None], *, kill_at: int = 0) -> int:
    """The exit status of a child that did `work`, told to die at that write; negative when a signal ended it."""
    from django.db import connections

    connections.close_all()
    (home() / "kill").unlink(missing_ok=True)
    if kill_at:
        (home() / "kill").write_text(f"tests.ledger.kill_9 {kill_at} once")
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
        connections.close_all()
    except BaseException as e:  # noqa: BLE001 - a child must not go on with its parent's work
        sys.stderr.write(f"{type(e).__name__}: {e}\n")
        os._exit(1)
    os._exit(0)


def save(name: str) -> None:
    for file in ("plimsoll.sqlite3", "cluster.json"):
        shutil.copy(home() / file, home() / f"{name}-{file}")


def restore(name: str) -> None:
    for leftover in ("plimsoll.sqlite3-wal", "plimsoll.sqlite3-shm"):
        (home() / leftover).unlink(missing_ok=True)
    for file in ("plimsoll.sqlite3", "cluster.json"):
        shutil.copy(home() / f"{name}-{file}", home() / file)


def propose_sleep() -> None:
    from apps.fleet.models import Cluster
    from tests.ledger import making

    cluster = Cluster.objects.create(name="dev", server="https://127.0.0.1:1")
    connect(cluster).put(making.deployment())
    connect(cluster).put(making.scaled_object(paused="2"))
    making.propose(making.sleep(scaled_object="web-so", paused_replicas="2"), cluster=cluster)


def propose_wake() -> None:
    from apps.fleet.models import Cluster
    from apps.ledger.models import ActionRow
    from tests.ledger import making

    making.propose(making.wake_of(ActionRow.objects.get()), cluster=Cluster.objects.get())


def work() -> None:
    from apps.ledger import services

    services.run_due()


def look(*, asleep: bool) -> None:
    """AssertionError unless everything is as if nobody had been killed."""
    from apps.ledger import services
    from apps.ledger.models import ActionRow, DueWork, Record
    from tests.ledger import making

    row = ActionRow.objects.latest("created_at")
    kube = connect(None)
    obj, scaled = kube.find(making.ref()), kube.find(making.ref("web-so", kind="ScaledObject"))
    events = [
        record.body["event"]
        for record in Record.objects.filter(kind__in=["Action", "Outcome"]).order_by("seq")
        if record.body["action"] == str(row.pk)
    ]
    found = {
        "state": row.state,
        "events": events,
        "replicas": obj["spec"]["replicas"],
        "marked": SLEPT in obj["metadata"]["annotations"],
        "paused": scaled["metadata"]["annotations"].get("autoscaling.keda.sh/paused-replicas"),
        "writes": len(kube.writes),
        "due": DueWork.objects.count(),
        "flaws": len(services.verify_chain().flaws),
    }
    want = {
        "state": "Done",
        "events": ["Proposed", "Started", "Done"],
        "replicas": 0 if asleep else 3,
        "marked": asleep,
        "paused": "0" if asleep else "2",
        "writes": 3 if asleep else 6,
        "due": 0,
        "flaws": 0,
    }
    if found != want:
        raise AssertionError(f"{found} != {want}")


def try_every_write(name: str, *, asleep: bool) -> tuple[list[str], list[str]]:
    """(the write points of the work that is due in the saved state `name`, what went wrong)."""
    points = home() / "points"
    restore(name)
    points.unlink()
    if forked(work) != 0:
        raise AssertionError("the work fails even where nobody is killed")
    labels = points.read_text().splitlines()
    wrong = []
    for number in range(1, len(labels) + 1):
        restore(name)
        died = forked(work, kill_at=number)
        if died != -9:
            wrong.append(f"{name} {labels[number - 1]}: the worker ended with {died}, not by SIGKILL")
        forked(work)
        if forked(lambda: look(asleep=asleep)) != 0:
            wrong.append(f"{name} {labels[number - 1]}: it did not converge")
    return labels, wrong


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from apps.ledger import (
        services,  # noqa: F401 - loaded once here, and not again in every child
        writepoints,
    )
    from tests.ledger import making  # noqa: F401

    settings.PLIMSOLL_CONNECT = "tests.ledger.kill_9.connect"
    settings.PLIMSOLL_WRITE_POINTS = str(home())
    writepoints.install()
    call_command("migrate", verbosity=0, skip_checks=True)
    forked(propose_sleep)
    save("sleep")
    sleep, wrong = try_every_write("sleep", asleep=True)
    restore("sleep")
    forked(work)
    forked(propose_wake)
    save("wake")
    wake, more = try_every_write("wake", asleep=False)
    sys.stdout.write(json.dumps({"sleep": sleep, "wake": wake, "wrong": wrong + more}))


if __name__ == "__main__":
    main()
