"""Tokens may do at most what their scopes say, and never more than their user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from apps.fleet.models import Cluster
from apps.identity.models import ApiToken, Team, User
from apps.identity.roles import Role
from apps.identity.services import grant, issue_token
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once_and_works(api: Api) -> None:
    made = api.post("tokens/", {"name": "ci", "scopes": ["read"], "expires_in": "90d"})
    assert made.status_code == 201
    body = made.json()
    me = Api(body["token"]).get("me/").json()
    assert (me["username"], me["token"], me["scopes"]) == ("ada", "ci", ["read"])
    listed = next(item for item in api.get("tokens/?name=ci").json()["items"])
    assert "token" not in listed
    assert "digest" not in listed


def test_a_read_token_can_look_and_cannot_change(admin: User, token_of: Callable[..., str]) -> None:
    reader = Api(token_of(admin, "read"))
    assert reader.get("clusters/").status_code == 200
    answer = reader.post("tokens/", {"name": "more", "scopes": ["read"]})
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["mend"] == "use a token with the scope admin"


def test_a_revoked_token_is_refused_at_once(api: Api) -> None:
    body = api.post("tokens/", {"name": "ci", "scopes": ["read"]}).json()
    assert api.delete(f"tokens/{body['id']}/").status_code == 204
    assert Api(body["token"]).get("me/").status_code == 401
    assert ApiToken.objects.get(pk=body["id"]).revoked_at is not None


def test_an_expired_token_is_refused(admin: User) -> None:
    token, plain = issue_token(user=admin, name="old", scopes=["read"], expires_in=timedelta(seconds=1), actor="test")
    ApiToken.objects.filter(pk=token.pk).update(expires_at=token.created_at - timedelta(hours=1))
    assert Api(plain).get("me/").status_code == 401


def test_a_user_sees_the_clusters_of_its_teams_alone(token_of: Callable[..., str]) -> None:
    shop, bank = Team.objects.create(name="shop"), Team.objects.create(name="bank")
    Cluster.objects.create(name="dev", server="https://dev.invalid", team=shop)
    other = Cluster.objects.create(name="vault", server="https://vault.invalid", team=bank)
    bob = User.objects.create_user("bob", password="correct horse battery")
    grant(holder=bob, role=Role.VIEWER, on=shop, actor="test")
    api = Api(token_of(bob, "admin"))
    assert [item["name"] for item in api.get("clusters/").json()["items"]] == ["dev"]
    assert api.get(f"clusters/{other.pk}/").status_code == 404
    assert api.delete(f"clusters/{other.pk}/").status_code == 404


def test_a_viewer_cannot_remove_a_cluster_even_with_an_admin_token(token_of: Callable[..., str]) -> None:
    shop = Team.objects.create(name="shop")
    cluster = Cluster.objects.create(name="dev", server="https://dev.invalid", team=shop)
    bob = User.objects.create_user("bob", password="correct horse battery")
    grant(holder=bob, role=Role.VIEWER, on=shop, actor="test")
    assert Api(token_of(bob, "admin")).delete(f"clusters/{cluster.pk}/").status_code == 403
    assert Cluster.objects.filter(pk=cluster.pk).exists()


def test_a_password_becomes_a_token_that_ends(admin: User) -> None:
    body = {"username": "ada", "password": "correct horse battery", "name": "cli"}
    answer = Client().post("/api/v1/login/", body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["expires_at"] is not None
    assert Api(answer.json()["token"]).get("me/").json()["username"] == "ada"


def test_a_wrong_password_is_refused_and_after_five_nobody_may_try(admin: User) -> None:
    body = {"username": "ada", "password": "wrong"}
    for _ in range(5):
        answer = Client().post("/api/v1/login/", body, content_type="application/json")
        assert answer.status_code == 401
    right = {"username": "ada", "password": "correct horse battery"}
    answer = Client().post("/api/v1/login/", right, content_type="application/json")
    assert answer.status_code == 401
    assert "minutes" in answer.json()["errors"][0]["mend"]


def test_a_session_without_csrf_token_cannot_write(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    assert client.get("/api/v1/me/").status_code == 200
    answer = client.post("/api/v1/tokens/", {"name": "x", "scopes": ["read"]}, content_type="application/json")
    assert answer.status_code == 403
