"""Child processes that never outlive their parent, each with its own log file."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class ProcessFailed(Exception):
    """A child ended, or did not get ready in time; the message holds the end of its log."""


def free_port() -> int:
    """A loopback port that was free a moment ago. OK to be a little inexact: a start that fails says so."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Runs in the child before exec: the kernel kills it when the parent's starting thread ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One child process in a session of its own, so that a Ctrl-C for the parent is not one for it."""

    def __init__(self, command: Sequence[str], *, log: Path, user: str | None = None) -> None:
        """Starts it, as `user` when one is named, which takes root's rights."""
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603  the callers' commands are fixed
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process id, also after it ended."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Returns when `ready()` is true; raises ProcessFailed when the child ends or time runs out."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None:
                raise ProcessFailed(f"{self.name} ended with {self._process.returncode}: {self.log_end()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} was not ready after {seconds:.0f} s: {self.log_end()}")
            time.sleep(0.1)

    def log_end(self) -> str:
        """The last 2,000 characters of the log."""
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self, *, grace_seconds: float = 10) -> None:
        """SIGTERM, then SIGKILL after the grace; returns when the process is gone. Harmless twice."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would; returns when the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
