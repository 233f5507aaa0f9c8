"""One child process that never outlives its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
SECRETS = frozenset(
    f"PLIMSOLL_{name}{suffix}"
    for name in ("SECRET_KEY", "CREDENTIAL_KEY", "DATABASE_URL", "REDIS_URL", "METRICS_TOKEN", "TOKEN")
    for suffix in ("", "_FILE")
)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run. `env` is laid over the parent's environment; `pass_fds` stay open in the child.

    Without `told_secrets` it gets none of SECRETS: that is for what is no part of the portal. A `once` child ends by
    itself with 0 and is not started again then.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    once: bool = False
    grace_seconds: float = 10
    told_secrets: bool = True

    def environment(self) -> dict[str, str]:
        held = os.environ if self.told_secrets else {k: v for k, v in os.environ.items() if k not in SECRETS}
        return {**held, **self.env}


def die_with_parent(signum: int = signal.SIGKILL) -> None:
    """Asks the kernel to send `signum` to this process when the thread that started it ends. Linux only; elsewhere a
    killed parent leaves its children to be stopped by hand."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum))


class Child:
    """A started ChildSpec, in a session of its own, so that a Ctrl-C for the parent is not one for it.

    Start it from the thread that lives as long as the parent does: the kernel watches that thread.
    """

    def __init__(self, spec: ChildSpec, *, log: Path) -> None:
        self.spec = spec
        self.started = time.monotonic()
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603  the commands are this package's own
                list(spec.command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
                pass_fds=spec.pass_fds,
                env=spec.environment(),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def wait(self, *, seconds: float) -> int | None:
        """Its exit code, or None when it still runs after `seconds`."""
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, signum: int) -> None:
        """Sends `signum` to the child and everything it started. Harmless when it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signum)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace; returns when it is gone. Harmless twice."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            self.wait(seconds=self.spec.grace_seconds)
        self.signal(signal.SIGKILL)
        self._process.wait()
