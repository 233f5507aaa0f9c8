"""Teams are made, and roles given and taken, by who may."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.fleet.models import Cluster
from apps.identity.models import Team, User
from apps.identity.roles import Role, has_role
from apps.identity.services import grant
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", password="correct horse battery")


def test_a_superuser_makes_a_team_once(api: Api) -> None:
    assert api.post("teams/", {"name": "shop", "title": "The shop"}).status_code == 201
    again = api.post("teams/", {"name": "shop"})
    assert again.status_code in (400, 409)
    assert again.json()["errors"][0]["field"] == "name"


def test_nobody_else_makes_teams(bob: User, token_of: Callable[..., str]) -> None:
    assert Api(token_of(bob, "admin")).post("teams/", {"name": "mine"}).status_code == 403


def test_a_role_is_given_replaced_and_taken(api: Api, bob: User) -> None:
    shop = Team.objects.create(name="shop")
    path = f"teams/{shop.pk}/grants/"
    api.post(path, {"user": "bob", "role": "viewer"})
    assert api.post(path, {"user": "bob", "role": "operator"}).json()["items"] == [{"user": "bob", "role": "operator"}]
    assert has_role(bob, Role.OPERATOR, shop)
    assert api.delete(f"{path}?user=bob").status_code == 204
    assert api.get(path).json()["items"] == []


def test_an_operator_cannot_make_itself_admin(bob: User, token_of: Callable[..., str]) -> None:
    cluster = Cluster.objects.create(name="dev", server="https://dev.invalid")
    grant(holder=bob, role=Role.OPERATOR, on=cluster, actor="test")
    mine = Api(token_of(bob, "admin"))
    assert mine.post(f"clusters/{cluster.pk}/grants/", {"user": "bob", "role": "admin"}).status_code == 403
    assert not has_role(bob, Role.ADMIN, cluster)


def test_a_holder_that_is_none_is_named(api: Api) -> None:
    shop = Team.objects.create(name="shop")
    answer = api.post(f"teams/{shop.pk}/grants/", {"user": "nobody", "role": "viewer"})
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["field"] == "user"
    both = api.post(f"teams/{shop.pk}/grants/", {"user": "a", "group": "b", "role": "viewer"})
    assert both.status_code == 400
