"""Starts the processes of `plan`, watches them, starts again those that end, and stops them all.

1. hold the home, look at the disk, open the port
2. broker, until it answers
3. prepare: migrations and first administrator
4. web, and the demo fleet beside it
5. the first page is really served: say so
6. the background processes
7. every 0.2 s: a process that ended is started again after 1, 2, 4 ... 30 s
8. SIGINT or SIGTERM: stop in reverse order
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from apps.kernel.errors import PlimsollError, Unavailable
from portal.supervisor import broker, console, home, plan
from portal.supervisor.child import Child, ChildSpec

TICK_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A process that has run this long starts its back-off anew."""


class Stopped(Exception):
    """A person asked for the end while Plimsoll was still starting."""


class Watched:
    """One child and its restarts."""

    def __init__(self, spec: ChildSpec, *, log: Path) -> None:
        self.spec = spec
        self._log = log
        self._pause = 1.0
        self._again_at: float | None = None
        self.finished = False
        self.child = Child(spec, log=log)

    def tick(self) -> None:
        """Looks once: notes an end, or starts again when the pause is over."""
        if self.finished:
            return
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self._again_at = None
                self.child = Child(self.spec, log=self._log)
            return
        code = self.child.exit_code
        if code is not None:
            self._ended(code)

    def _ended(self, code: int) -> None:
        if self.spec.once and code == 0:
            self.finished = True
            return
        self.child.signal(signal.SIGKILL)  # what it started must not live beside its successor
        if time.monotonic() - self.child.started > STEADY_SECONDS:
            self._pause = 1.0
        console.warn(f"{self.spec.name} ended with {code}; starting it again in {self._pause:.0f} s (see {self._log})")
        console.warn(f"{self.spec.name}: {_last_words(self._log)}")
        self._again_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)


class Supervisor:
    """Runs in the main thread: signals arrive there, and the children die with it."""

    def __init__(self, options: plan.Options) -> None:
        self._options = options
        self._logs = options.home / "logs"
        self._watched: list[Watched] = []
        self._stop = threading.Event()

    def run(self) -> int:
        """0 after SIGINT or SIGTERM; raises PlimsollError when it cannot start."""
        os.umask(0o077)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._asked_to_stop)
        held = home.lock(self._options.home)
        try:
            home.check_room(self._options.home)
            self._logs.mkdir(mode=0o700, exist_ok=True)
            follower = console.Follower(self._logs)
            follower.start()
            try:
                # Held until the end: every web process, also one that is started again, serves on this socket.
                with home.listen(self._options.host, port=self._options.port) as listener:
                    self._start(listener)
                    self._watch()
            except Stopped:
                pass
            finally:
                self._stop_all()
                follower.close()
        finally:
            os.close(held)
        return 0

    def _asked_to_stop(self, signum: int, frame: FrameType | None) -> None:
        self._stop.set()

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _launch(self, spec: ChildSpec) -> Watched:
        watched = Watched(spec, log=self._logs / f"{spec.name}.log")
        self._watched.append(watched)
        return watched

    def _start(self, listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        os.environ["PLIMSOLL_PORT"] = str(port)
        self._start_broker()
        self._prepare()
        for spec in plan.demo_specs(self._options):
            self._launch(spec)
        web = self._launch(plan.web_spec(self._options, fd=listener.fileno()))
        self._wait_for_first_page(port, web)
        url = f"http://127.0.0.1:{port}"
        (self._options.home / "url").write_text(url + "\n")
        console.say(f"Plimsoll is ready at {url}")
        for spec in plan.background_specs():
            self._launch(spec)

    def _start_broker(self) -> None:
        spec = plan.broker_spec(self._options)
        if spec is None:
            return
        started = self._launch(spec)
        deadline = time.monotonic() + 30
        while not broker.answers(self._options.home):
            if started.child.exit_code is not None or time.monotonic() > deadline:
                raise Unavailable(f"the broker did not start: {_end_of(self._logs / 'broker.log')}")
            self._pause(0.02)

    def _prepare(self) -> None:
        log = self._logs / "prepare.log"
        log.write_bytes(b"")
        child = Child(plan.prepare_spec(), log=log)
        while (code := child.exit_code) is None:
            if self._stop.wait(0.02):
                child.stop()
                raise Stopped
        if code != 0:
            raise Unavailable(f"the database could not be prepared: {_end_of(log)}", mend=f"see {log}")
        made = json.loads(log.read_text().splitlines()[-1])["password_file"]
        _show_password(self._options.home, anew=made is not None)

    def _wait_for_first_page(self, port: int, web: Watched) -> None:
        """Until `/` and what it leads to is served with 200; a page that fails is tried again, as long as it takes,
        but said after 30 s."""
        said = time.monotonic() + 30
        pause = 0.05
        while not _serves_a_page(port):
            web.tick()
            if time.monotonic() > said:
                console.warn(f"still waiting for the first page (see {self._logs / 'web.log'})")
                said += 30
            self._pause(pause)
            pause = min(pause * 1.2, 1.0)

    def _watch(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            for watched in self._watched:
                watched.tick()

    def _stop_all(self) -> None:
        """What writes ends before what it writes to; all that stand on the ground are told at once."""
        ground = [watched.child for watched in self._watched if watched.spec.name in plan.GROUND]
        others = [watched.child for watched in self._watched if watched.spec.name not in plan.GROUND]
        for child in others:
            if child.exit_code is None:
                child.signal(signal.SIGTERM)
        for child in (*reversed(others), *reversed(ground)):
            child.stop()


def _serves_a_page(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _show_password(home: Path, *, anew: bool) -> None:
    """Once. A first start that was stopped after it was made and before it was shown leaves that to the next."""
    file, told = home / "admin-password", home / "administrator-told"
    if not file.exists() or (told.exists() and not anew):
        return
    console.say(f"First administrator: user admin, password {file.read_text().strip()}")
    console.say(f"It is shown this once, and kept in {file} (mode 0600).")
    told.touch(mode=0o600)


def _last_words(log: Path) -> str:
    """The last line of a log, as a person reads it."""
    line = _end_of(log, length=64_000).rpartition("\n")[2]
    try:
        return str(json.loads(line)["event"])[:500]
    except (ValueError, KeyError, TypeError):
        return line[:500]


def _end_of(log: Path, *, length: int = 2000) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - length))
        return file.read().decode(errors="replace").strip()


def run(options: plan.Options) -> int:
    """Runs Plimsoll until it is told to stop."""
    return Supervisor(options).run()


__all__ = ["PlimsollError", "Supervisor", "run"]
