"""A real worker process, killed with SIGKILL before each write of a sleep and of a wake, loses and repeats nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_kill_9_before_every_write_converges(tmp_path: Path) -> None:
    environment = {**os.environ, "PLIMSOLL_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    environment.pop("PLIMSOLL_DATABASE_URL", None)
    run = subprocess.run(
        [sys.executable, "-m", "tests.ledger.kill_9"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["wrong"] == [], run.stderr
    for points in (found["sleep"], found["wake"]):
        assert sum("cluster" in point for point in points) == 3
        assert sum("database" in point for point in points) >= 8
