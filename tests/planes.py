"""Fixtures that start the servers which the contract and cluster suites talk to. A pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
from tests import sandbox_server
from tests.sandbox_server import SandboxServer


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real control plane with five kwok nodes, shared by all tests of this process."""
    try:
        folder = assets.find()
    except assets.AssetsMissing as missing:
        pytest.skip(str(missing))
    with ControlPlane(folder=tmp_path_factory.mktemp("kube"), assets=folder) as plane:
        plane.add_nodes(5)
        yield plane


@pytest.fixture(scope="session")
def sandbox_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The sandbox's Kubernetes API, shared by all tests of this process."""
    with sandbox_server.serving(tmp_path_factory.mktemp("sandbox")) as server:
        yield server
