"""Runs tests on a real PostgreSQL and a real Redis instead of SQLite and memory.

    python -m tests.backends [pytest arguments]

Both servers are throw-away: private Unix sockets in a temporary folder, nothing on the network, gone at the end. Where
one of them is not installed the script says so and exits with 3.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from deploy.kube.processes import Child

NOT_INSTALLED = 3
TESTS = ["tests/identity", "tests/fleet", "tests/ledger", "tests/policies", "tests/ui", "tests/api"]
"""Those that work on the database or the broker of the test process. tests/workers has a home of its own instead."""

NOT_HERE = ["tests/api/test_schema.py"]
"""It calls the WSGI application behind the test client's back, which ends the connection that its test holds open."""


class NotInstalled(Exception):
    """A server's program is not on this machine."""


def find_program(name: str) -> str:
    """The path of a program, looked for where Debian keeps PostgreSQL's too, the newest version first."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)]))
    if found is None:
        raise NotInstalled(f"{name} is not installed")
    return found


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of a new PostgreSQL. As root it runs as the user `postgres`: it refuses to run as root."""
    initdb, server = find_program("initdb"), find_program("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    data, sockets = folder / "data", folder / "socket"
    sockets.mkdir()
    if user:
        for path in (folder, sockets):
            shutil.chown(path, user)
    subprocess.run(
        [initdb, "--pgdata", data, "--username=plimsoll", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True,
        user=user,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "fsync": "off",
        "max_connections": "50",
    }
    command = [server, "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
    child = Child(command, log=folder / "postgres.log", user=user)
    try:
        child.wait_until((sockets / ".s.PGSQL.5432").exists, seconds=30)
        yield f"postgresql://plimsoll@{quote(str(sockets), safe='')}:5432/postgres"
    finally:
        child.stop()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The address of a new Redis that keeps nothing on disk."""
    sock = folder / "redis.sock"
    command = [
        find_program("redis-server"),
        "--port",
        "0",
        "--unixsocket",
        str(sock),
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    child = Child(command, log=folder / "redis.log")
    try:
        child.wait_until(sock.exists, seconds=30)
        yield f"unix://{sock}"
    finally:
        child.stop()


def main(arguments: list[str]) -> int:
    """The exit code of pytest, or NOT_INSTALLED."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-pg-") as pg, tempfile.TemporaryDirectory() as other:
        try:
            with postgres(Path(pg)) as database, redis(Path(other)) as broker:
                addresses = {"PLIMSOLL_TEST_DATABASE_URL": database, "PLIMSOLL_TEST_REDIS_URL": broker}
                command = [sys.executable, "-m", "pytest", *(arguments or _default())]
                return subprocess.run(command, env={**os.environ, **addresses}, check=False).returncode
        except NotInstalled as missing:
            sys.stderr.write(f"test-postgres: {missing}: apt-get install postgresql redis-server\n")
            return NOT_INSTALLED


def _default() -> list[str]:
    there = [path for path in TESTS if Path(path).is_dir()]
    return ["-n", "2", "-m", "not cluster and not browser", *there, *(f"--ignore={path}" for path in NOT_HERE)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
