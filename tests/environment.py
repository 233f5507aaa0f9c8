"""Before any setting is read: a state folder of its own, no broker, and nothing of the caller's environment.

A pytest plugin, named in pyproject.toml's addopts: pytest-django reads the settings before it loads a conftest.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for name in [name for name in os.environ if name.startswith("PLIMSOLL_")]:
    # PLIMSOLL_TEST_* steer the tests themselves: which database, which broker.
    if not name.startswith("PLIMSOLL_TEST_"):
        del os.environ[name]

HOME = Path(tempfile.mkdtemp(prefix="plimsoll-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["PLIMSOLL_HOME"] = str(HOME)
if redis := os.environ.get("PLIMSOLL_TEST_REDIS_URL"):
    os.environ["PLIMSOLL_REDIS_URL"] = redis
else:
    os.environ["PLIMSOLL_IN_MEMORY"] = "1"
if url := os.environ.get("PLIMSOLL_TEST_DATABASE_URL"):
    os.environ["PLIMSOLL_DATABASE_URL"] = url
