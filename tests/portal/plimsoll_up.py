"""`plimsoll up` as a process, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import httpx


class Up:
    """One `plimsoll up` on a state folder of its own and a free port; `lines` is what it printed so far."""

    def __init__(self, home: Path, *arguments: str, **env: str) -> None:
        self.home = home
        self.out = Path(tempfile.mkstemp(prefix="plimsoll-up-", suffix=".out")[1])
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PLIMSOLL_", "MAKE"))}
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from portal.cli.main import main; main()", "up", *arguments],
                env={**clean, "PLIMSOLL_HOME": str(home), "PLIMSOLL_PORT": "0", "PLIMSOLL_DEMO": "0", **env},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def lines(self) -> list[str]:
        return self.out.read_text().splitlines()

    def wait_for(self, text: str, *, seconds: float = 60) -> str:
        """The first printed line that holds `text`."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.lines:
                if text in line:
                    return line
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"{text!r} was not printed: {self.lines}")
            time.sleep(0.05)

    @property
    def url(self) -> str:
        return self.wait_for("Plimsoll is ready at ").rpartition(" ")[2]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=60, follow_redirects=True, trust_env=False)

    def children(self) -> dict[int, str]:
        """What it started and still runs: pid -> command line."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid): _command(int(pid)) for pid in listed}

    def child(self, name: str) -> int:
        return next(pid for pid, command in self.children().items() if name in command)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(timeout=40)


def _command(pid: int) -> str:
    """Empty for a process that is gone, or dead and not yet waited for."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def gone(pids: Iterable[int], *, seconds: float = 5) -> bool:
    """Whether all of them end in that time."""
    deadline = time.monotonic() + seconds
    while any(_command(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
