"""The kubectl list, tried in the same minute on the sandbox with its controllers and on the real control plane."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kube.controlplane import ControlPlane
from deploy.kube.processes import Child
from tests.contract import kubectl_script
from tests.contract.kubectl_steps import KNOWN, STEPS

pytestmark = pytest.mark.cluster


@pytest.fixture
def sandbox_kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of a small sandbox that runs as a user starts it."""
    kubeconfig = tmp_path / "sandbox.yaml"
    command = [sys.executable, "-m", "portal.cli", "sandbox", "serve", "--workloads", "20"]
    child = Child([*command, "--kubeconfig", str(kubeconfig)], log=tmp_path / "sandbox.log")
    try:
        child.wait_until(lambda: "is ready" in child.log_end(), seconds=60)
        yield kubeconfig
    finally:
        child.stop()


def test_kubectl_says_the_same_of_both(control_plane: ControlPlane, sandbox_kubeconfig: Path, tmp_path: Path) -> None:
    real_kubeconfig = tmp_path / "real.yaml"
    real_kubeconfig.write_text(control_plane.kubeconfig())
    other = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.kubectl_script", "run", "--kubeconfig", str(real_kubeconfig)],
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    ours = kubectl_script.run(sandbox_kubeconfig)
    out, _ = other.communicate(timeout=300)
    (tmp_path / "real.json").write_bytes(out)
    real = kubectl_script.load(tmp_path / "real.json")
    assert len(ours) == len(real) == len(STEPS) > 50
    found = kubectl_script.differences(ours, real)
    unexplained = [text for name, text in found.items() if name not in KNOWN]
    assert not unexplained, "\n".join(unexplained)
