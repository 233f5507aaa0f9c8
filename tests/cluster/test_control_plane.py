"""The control plane's runner: nothing outlives it, and what it kept is there again after a restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
from tests.cluster.conftest import eventually

STARTS_ONE_AND_WAITS = """
import sys, time
from pathlib import Path
from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
with ControlPlane(folder=Path(sys.argv[1]), assets=assets.find()) as plane:
    print(*plane.pids.values(), flush=True)
    time.sleep(60)
"""

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def binaries() -> Path:
    try:
        return assets.find()
    except assets.AssetsMissing as missing:
        pytest.skip(str(missing))


def test_no_process_outlives_a_killed_parent(tmp_path: Path, binaries: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE_AND_WAITS, str(tmp_path / "plane")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 5
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), what="the five processes are gone")


def test_a_second_start_finds_address_tokens_and_objects_again(tmp_path: Path, binaries: Path) -> None:
    with ControlPlane(folder=tmp_path, assets=binaries) as plane:
        first = plane.kubeconfig()
        with plane.client() as client:
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}
            client.post("/api/v1/namespaces", json=made).raise_for_status()
    with ControlPlane(folder=tmp_path, assets=binaries) as plane:
        assert plane.kubeconfig() == first
        with plane.client() as client:
            assert client.get("/api/v1/namespaces/kept").status_code == 200


def test_the_audit_log_tells_writers_apart(control_plane: ControlPlane) -> None:
    with control_plane.client() as client:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "audited"}}
        client.post("/api/v1/namespaces/default/configmaps", json=made).raise_for_status()
    written = [
        event
        for event in control_plane.audit_events(user="admin")
        if event["verb"] == "create" and event["objectRef"].get("name") == "audited"
    ]
    assert len(written) == 1
