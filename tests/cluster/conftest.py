"""A real cluster with Plimsoll's definitions and roles in it, and connections of both sorts."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.fleet.domain import manifests as shipped
from apps.kernel.errors import NotFound
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef
from apps.policies import crd
from deploy.kube.controlplane import ControlPlane

CLUSTER = "real"


def eventually(claim: Callable[[], bool], *, seconds: float = 30, what: str) -> None:
    """Returns once `claim` is true. Only for the cluster tier: a real server's controllers have their own clock."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {seconds:.0f} s: {what}")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def admin(control_plane: ControlPlane) -> Iterator[Kube]:
    """An administrator's connection."""
    kube = connect(parse_kubeconfig(control_plane.kubeconfig()), cluster=CLUSTER)
    yield kube
    kube.close()


@pytest.fixture(scope="session")
def installed(admin: Kube) -> None:
    """The cluster after `plimsoll cluster add`: definitions that are served, and the shipped account and roles."""
    for manifest in shipped.manifests(crd.definitions(), read_only=False):
        admin.apply(manifest)
    for definition in crd.definitions():
        ref = ObjectRef(CLUSTER, "apiextensions.k8s.io", "CustomResourceDefinition", "", definition["metadata"]["name"])
        eventually(partial(_established, admin, ref), what=f"{ref.name} is served")


def _established(admin: Kube, ref: ObjectRef) -> bool:
    conditions = admin.get(ref).get("status", {}).get("conditions", [])
    return any(found["type"] == "Established" and found["status"] == "True" for found in conditions)


@pytest.fixture(scope="session")
def account_kubeconfig(control_plane: ControlPlane, admin: Kube, installed: None) -> str:
    """The kubeconfig of the account that Plimsoll ships, which may do what the shipped roles say and no more."""
    ref = ObjectRef(CLUSTER, "", "Secret", shipped.NAMESPACE, shipped.TOKEN_SECRET)
    eventually(lambda: "token" in (admin.get(ref).get("data") or {}), what="the account has its token")
    token = base64.b64decode(admin.get(ref)["data"]["token"]).decode()
    return control_plane.credentials.kubeconfig(token, user="plimsoll")


@pytest.fixture(scope="session")
def account(account_kubeconfig: str) -> Iterator[Kube]:
    """Plimsoll's own connection."""
    kube = connect(parse_kubeconfig(account_kubeconfig), cluster=CLUSTER)
    yield kube
    kube.close()


@pytest.fixture
def namespace(admin: Kube) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    eventually(lambda: _has_default_account(admin, name), what="the namespace takes pods")
    yield name
    admin.delete(ObjectRef(CLUSTER, "", "Namespace", "", name))


def _has_default_account(admin: Kube, namespace: str) -> bool:
    try:
        admin.get(ObjectRef(CLUSTER, "", "ServiceAccount", namespace, "default"))
    except NotFound:
        return False
    return True


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Set when the test is over, so that its threads end."""
    event = threading.Event()
    yield event
    event.set()
