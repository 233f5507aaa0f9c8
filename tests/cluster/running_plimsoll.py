"""A whole Plimsoll as a user runs it, and its command line, for the cluster suites."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.portal.plimsoll_up import Up

KUBECTL = Path(sys.executable).with_name("kubectl")


class Plimsoll:
    """`plimsoll up` on a folder of its own, and commands as an administrator."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.up = Up(self.home)
        self.url = self.up.url
        self._token = self.run("token", "create", "--name", "cluster-tests", "--scope", "admin").strip()

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What the command printed; AssertionError when it failed, or with `fails` when it did not."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
        here = {
            "PLIMSOLL_HOME": str(self.home),
            "PLIMSOLL_URL": self.url,
            "PLIMSOLL_TOKEN": getattr(self, "_token", ""),
        }
        done = subprocess.run(
            [sys.executable, "-c", "from portal.cli.main import main; main()", *arguments],
            env={**clean, **{key: value for key, value in here.items() if value}},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if (done.returncode != 0) is not fails:
            raise AssertionError(f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def decisions(self, *filters: str) -> list[dict[str, Any]]:
        """`plimsoll get decisions -o json`, newest first."""
        found: list[dict[str, Any]] = json.loads(self.run("get", "decisions", "-o", "json", *filters))["items"]
        return found

    def stop(self) -> None:
        """Ends it and everything it started."""
        self.up.stop()


class Kubectl:
    """The real kubectl, on one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def __call__(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [str(KUBECTL), "--kubeconfig", str(self._kubeconfig), *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"kubectl {arguments}: {done.stderr}")
        return done.stdout
