"""A served cluster for the tests that speak HTTP, and a bare one for those that do not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import kubernetes
import pytest
import yaml

from apps.kernel.clock import ManualClock
from apps.sandbox.kubeapi.builtin import CRDS, NAMESPACES
from apps.sandbox.kubeapi.cluster import Cluster, admin
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.request import User
from tests.sandbox.kubeapi.live import Live, serve

DATA = Path(__file__).parent / "data"
_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One served cluster a worker; each test keeps to a namespace of its own."""
    users = {"admin-token": admin(), "jane-token": User(name="jane", groups=("crew",))}
    cluster = Cluster("one", now=lambda: datetime.now(UTC), tokens=users, seed=1)
    tokens = {"admin": "admin-token", "jane": "jane-token", "stranger": "no-such-token"}
    with serve(cluster, folder=tmp_path_factory.mktemp("live"), tokens=tokens) as served:
        yield served


@pytest.fixture
def space(live: Live) -> Iterator[str]:
    """A fresh namespace, deleted afterwards."""
    name = f"test-{next(_NUMBERS)}"
    live.cluster.store.create(NAMESPACES, obj={"metadata": {"name": name}})
    yield name
    live.cluster.store.delete(NAMESPACES, name=name)


@pytest.fixture
def client(live: Live) -> Iterator[kubernetes.client.ApiClient]:
    """The official client, as the administrator."""
    with kubernetes.config.new_client_from_config(str(live.kubeconfig), context="admin") as api:
        yield api


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
def cluster(clock: ManualClock) -> Cluster:
    """A cluster that nobody serves, on a clock that stands still."""
    return Cluster("bare", now=clock.now, tokens={"t": admin()}, seed=7)


@pytest.fixture(scope="session")
def policy_definition() -> Obj:
    """The first sketch of ResourcePolicy, which kube-apiserver 1.36 accepts."""
    definition: Obj = yaml.safe_load((DATA / "resourcepolicy.crd.yaml").read_text())
    return definition


@pytest.fixture
def with_policies(cluster: Cluster, policy_definition: Obj) -> Cluster:
    """The bare cluster with ResourcePolicy installed."""
    cluster.store.create(CRDS, obj=policy_definition)
    return cluster
