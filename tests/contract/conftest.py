"""The implementations that the contract suites run over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.kernel.errors import NotFound
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef


@dataclass(frozen=True)
class KubeServer:
    """One API server under test. `kubeconfig("nobody")` is for an account that may do nothing; after
    `forget_history` no watch can start from a version before it."""

    name: str
    kubeconfig: Callable[[str], str]
    forget_history: Callable[[], None]


@pytest.fixture(scope="session", params=["sandbox", pytest.param("real", marks=pytest.mark.cluster)])
def kube_server(request: pytest.FixtureRequest) -> KubeServer:
    if request.param == "sandbox":
        sandbox = request.getfixturevalue("sandbox_api")
        return KubeServer("sandbox", sandbox.kubeconfig, sandbox.forget_history)
    plane = request.getfixturevalue("control_plane")
    return KubeServer("real", lambda user: plane.kubeconfig(user=user), plane.restart_apiserver)


@pytest.fixture(scope="session")
def kube(kube_server: KubeServer) -> Iterator[Kube]:
    """The adapter, with an administrator's rights."""
    cluster = connect(parse_kubeconfig(kube_server.kubeconfig("admin")), cluster="contract")
    yield cluster
    cluster.close()


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"contract-{uuid.uuid4().hex[:8]}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    try:
        kube.delete(ObjectRef("contract", "", "Namespace", "", name))
    except NotFound:
        pass
