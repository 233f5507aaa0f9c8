"""One cluster in memory, its row, people, and a clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from apps.fleet.models import Cluster, Namespace
from apps.identity import services as identity
from apps.identity.models import Team, User
from apps.identity.roles import Role
from apps.kernel.clock import ManualClock
from apps.ledger import decisions
from tests.ledger import fakes
from tests.ledger.fakes import FakeKube


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[ManualClock]:
    """Starts at fakes.START in every test."""
    settings.PLIMSOLL_PORTS = {**django_settings.PLIMSOLL_PORTS, "clock": "tests.ledger.fakes.clock"}
    settings.PLIMSOLL_CONNECT = "tests.ledger.fakes.connect"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # not what is tested, and fast
    fakes.CLOCK = ManualClock(fakes.START)
    fakes.KUBES.clear()
    decisions.forget()
    yield fakes.CLOCK
    decisions.forget()


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="shop")


@pytest.fixture
def cluster(team: Team) -> Cluster:
    row = Cluster.objects.create(name="dev", team=team, server="https://127.0.0.1:1", environment="dev")
    Namespace.objects.create(cluster=row, name="shop", labels={}, updated_at=fakes.START)
    Namespace.objects.create(cluster=row, name="pay", labels={"environment": "production"}, updated_at=fakes.START)
    return row


@pytest.fixture
def kube(cluster: Cluster) -> FakeKube:
    fakes.KUBES[cluster.name] = FakeKube()
    return fakes.KUBES[cluster.name]


def make_user(name: str, *, team: Team | None = None, role: Role | None = None) -> User:
    user = User.objects.create_user(name, password="correct horse battery")
    if team is not None and role is not None:
        identity.grant(holder=user, role=role, on=team, actor="test")
    return user


@pytest.fixture
def operator(team: Team) -> User:
    return make_user("olga", team=team, role=Role.OPERATOR)


@pytest.fixture
def approver(team: Team) -> User:
    return make_user("anna", team=team, role=Role.APPROVER)


@pytest.fixture
def second_approver(team: Team) -> User:
    return make_user("bert", team=team, role=Role.APPROVER)
