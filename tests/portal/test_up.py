"""`plimsoll up` on a real broker, a real database and real processes.

Aspects: it becomes ready; it restarts what ends and says so; nothing outlives it; what it cannot have, it names.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portal.plimsoll_up import Up, gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and parent-death signals of Linux")

Start = Callable[..., Up]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up") / "home")
    try:
        yield running
    finally:
        running.stop(signal.SIGKILL)


@pytest.fixture
def start() -> Iterator[Callable[..., Up]]:
    """Starts more of them, and leaves none behind."""
    started: list[Up] = []

    def make(home: Path, **env: str) -> Up:
        started.append(Up(home, **env))
        return started[-1]

    yield make
    for each in started:
        each.stop(signal.SIGKILL)


def test_it_serves_a_page_once_it_says_that_it_is_ready(up: Up) -> None:
    assert up.get("/").status_code == 200
    assert up.get("/readyz").json()["status"] == "ready"


def test_it_shows_the_first_password_once_and_keeps_it_for_the_owner_alone(up: Up) -> None:
    shown = up.wait_for("First administrator")
    file = next(up.home.glob("*password*"))
    assert file.read_text().split()[-1] in shown
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_one_on_the_same_home_is_refused_by_name(up: Up) -> None:
    assert up.url
    second = Up(up.home)
    assert second.process.wait(timeout=30) == 1
    assert f"another Plimsoll (process {up.process.pid}) runs on {up.home}" in second.lines[0]


def test_a_crashed_web_process_is_started_again_and_it_says_so(up: Up) -> None:
    assert up.url
    os.kill(up.child("portal.web"), signal.SIGKILL)
    up.wait_for("web ended with -9; starting it again in 1 s")
    # The supervisor holds the socket: this request waits in its queue for the new process.
    assert up.get("/healthz").json() == {"status": "ok"}


def test_no_child_survives_a_killed_supervisor(tmp_path: Path, start: Start) -> None:
    up = start(tmp_path / "home")
    assert up.url
    children = up.children()
    assert any("valkey" in command for command in children.values())
    up.stop(signal.SIGKILL)
    assert gone(children)


def test_sigterm_ends_everything_with_code_0_and_a_restart_is_warm(tmp_path: Path, start: Start) -> None:
    up = start(tmp_path / "home")
    assert up.url
    children = up.children()
    assert up.stop() == 0
    assert gone(children)
    again = start(tmp_path / "home")
    assert again.get("/readyz").status_code == 200
    assert "First administrator" not in "\n".join(again.lines)
    assert again.stop(signal.SIGINT) == 0


def test_a_password_that_a_stopped_first_start_did_not_show_is_shown_by_the_next(tmp_path: Path, start: Start) -> None:
    up = start(tmp_path / "home")
    shown = up.wait_for("First administrator")
    assert up.url
    assert up.stop() == 0
    (up.home / "administrator-told").unlink()
    again = start(tmp_path / "home")
    assert again.wait_for("First administrator") == shown
    assert again.stop() == 0


def test_a_port_in_use_is_named_with_the_mend(tmp_path: Path, start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start(tmp_path / "home", PLIMSOLL_PORT=str(port))
        assert up.process.wait(timeout=30) == 1
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in up.lines[0]
    assert "PLIMSOLL_PORT" in up.lines[1]


def test_a_home_that_cannot_be_made_is_named_with_the_mend(tmp_path: Path, start: Start) -> None:
    (tmp_path / "file").write_text("")
    up = start(tmp_path / "file" / "home")
    assert up.process.wait(timeout=30) == 2
    assert "PLIMSOLL_HOME" in up.lines[0]


def test_a_home_whose_path_is_too_long_for_a_socket_works(tmp_path: Path, start: Start) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    up = start(deep / "home")
    assert up.get("/readyz").json()["checks"]["broker"]["ok"] is True
