"""A state folder of its own with a migrated database, and processes that work on it. No broker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from portal.supervisor import broker as broker_process

DATABASE = "plimsoll.sqlite3"
KEYS = "credential-keys"
SET_UP = "import django; django.setup()\n"


def eventually(claim: Callable[[], bool], *, seconds: float = 90, what: str) -> float:
    """How many seconds it took until `claim` was true. Other processes have their own clock."""
    start = time.monotonic()
    while not claim():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"not after {seconds:.0f} s: {what}")
        time.sleep(0.03)
    return time.monotonic() - start


class Home:
    """One PLIMSOLL_HOME. `template` is a home whose database is migrated already; with `broker` its processes speak to
    the embedded broker at its place, whether one runs or not."""

    def __init__(self, folder: Path, *, template: Home | None = None, broker: bool = False) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")},
            "PLIMSOLL_HOME": str(folder),
            "PLIMSOLL_IN_MEMORY": "0" if broker else "1",
            "PLIMSOLL_TICK_SECONDS": "1",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        if template is None:
            self.python("from django.core.management import call_command; call_command('migrate', verbosity=0)")
        else:
            for name in (DATABASE, KEYS):
                if (template.folder / name).exists():
                    shutil.copy(template.folder / name, folder / name)

    def python(self, code: str, *arguments: str) -> str:
        """What a Python program on this home printed, with Django set up."""
        done = subprocess.run(
            [sys.executable, "-c", SET_UP + code, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, module: str, *, log: str = "") -> subprocess.Popen[bytes]:
        """A process of Plimsoll's; ended with the home if not before."""
        with (self.folder / f"{log or module}.log").open("ab") as out:
            process = subprocess.Popen([sys.executable, "-m", module], env=self._environment, stdout=out, stderr=out)
        self._processes.append(process)
        return process

    def start_broker(self) -> None:
        """Returns once it answers."""
        self._processes.append(subprocess.Popen(broker_process.command(self.folder), stdout=subprocess.DEVNULL))
        eventually(lambda: broker_process.answers(self.folder), what="the broker answers")

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
            process.wait()

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        connection = sqlite3.connect(self.folder / DATABASE, timeout=20)
        try:
            return connection.execute(query, arguments).fetchall()
        finally:
            connection.close()

    def value(self, query: str, *arguments: object) -> Any:
        """The first column of the first row; None when there is no row."""
        found = self.rows(query, *arguments)
        return found[0][0] if found else None

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def connect_cluster(self, name: str, kubeconfig: str) -> None:
        """`add_cluster`, as the page and the command line do it."""
        self.python(
            "import sys; from apps.fleet import services as s\n"
            "s.add_cluster(s.NewCluster(sys.argv[1], sys.argv[2]), actor='tests')",
            name,
            kubeconfig,
        )

    def remember_clusters(self, kubeconfigs: Mapping[str, str]) -> None:
        """Rows for clusters that cannot be connected to now."""
        self.python(
            "import json, sys; from apps.fleet.models import Cluster; from apps.fleet.connections import seal\n"
            "from apps.adapters.kubernetes import parse_kubeconfig as parse\n"
            "for name, text in json.loads(sys.argv[1]).items():\n"
            "    c = parse(text)\n"
            "    Cluster.objects.create(name=name, server=c.server, sealed_credentials=seal(c))",
            json.dumps(dict(kubeconfigs)),
        )

    def tick_every(self, seconds: int) -> None:
        """For processes that are started from now on."""
        self._environment["PLIMSOLL_TICK_SECONDS"] = str(seconds)


def terminate(process: subprocess.Popen[bytes], *, seconds: float = 60) -> int:
    """Asks it to end, as a supervisor does; its exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=seconds)
