"""At the admin console roles are given and taken, and every change there is on record."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.fleet.models import Cluster, Workload
from apps.identity import services
from apps.identity.models import ApiToken, Team, User
from apps.identity.roles import Role, grants_on
from apps.ledger.models import Record

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def give(client: Client, team: Team, **form: str) -> str:
    body = {"action": "give_role", "_selected_action": str(team.pk), **form}
    answer = client.post(reverse("admin:identity_team_changelist"), body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_role_is_given_and_taken(console: Client, user: User) -> None:
    team = Team.objects.create(name="shop")
    assert 'name="role"' in give(console, team)
    assert "Choose a user or a group." in give(console, team, apply="1", role="viewer")
    give(console, team, apply="1", user=str(user.pk), role="approver")
    assert grants_on(team) == [(user, Role.APPROVER)]
    record = Record.objects.get(kind="Grant")
    assert (record.actor, record.body["role"]) == ("root", "approver")
    assert "olga: Approver" in console.get(reverse("admin:identity_team_changelist")).content.decode()
    give(console, team, apply="1", user=str(user.pk), role="")
    assert grants_on(team) == []


def test_an_edit_is_on_record_by_its_fields(console: Client, user: User) -> None:
    url = reverse("admin:identity_team_add")
    assert console.post(url, {"name": "shop", "title": "The shop"}, follow=True).status_code == 200
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    console.post(
        url, {"usable_password": "true", "password1": "a long new pass phrase", "password2": "a long new pass phrase"}
    )
    bodies = [r.body for r in Record.objects.filter(kind="Setting").order_by("seq")]
    assert [(b["event"], b["model"]) for b in bodies] == [("Added", "identity.team"), ("Changed", "identity.user")]
    assert not any("pass phrase" in r.content for r in Record.objects.all())


def test_tokens_are_revoked_and_never_shown(console: Client, user: User) -> None:
    token, plain = services.issue_token(user=user, name="ci", scopes=["read"], expires_in=None, actor=user)
    page = console.get(reverse("admin:identity_apitoken_changelist")).content.decode()
    assert plain not in page
    assert token.digest not in page
    detail = console.get(reverse("admin:identity_apitoken_change", args=[token.pk])).content.decode()
    assert token.digest not in detail
    body = {"action": "revoke", "_selected_action": str(token.pk)}
    console.post(reverse("admin:identity_apitoken_changelist"), body)
    assert ApiToken.objects.get().revoked_at is not None


@pytest.mark.parametrize("model", ["user", "team", "apitoken"])
def test_every_list_opens(model: str, console: Client) -> None:
    assert console.get(reverse(f"admin:identity_{model}_changelist")).status_code == 200


def test_people_who_are_not_staff_stay_out(user: User) -> None:
    answer = Client().post("/admin/login/", {"username": "olga", "password": "correct horse battery"})
    assert answer.status_code == 200
    assert "staff account" in answer.content.decode()


def test_staff_learn_nothing_of_the_clusters_of_others(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True)
    mine = Cluster.objects.create(name="mine", server="https://mine.invalid", sealed_credentials="v1:sealed")
    theirs = Cluster.objects.create(name="theirs", server="https://theirs.invalid")
    for cluster in (mine, theirs):
        Workload.objects.create(
            updated_at=timezone.now(),
            cluster=cluster,
            namespace="shop",
            kind="Deployment",
            name="web",
            uid=cluster.name,
        )
    services.grant(holder=user, role=Role.VIEWER, on=mine, actor="test")
    client = Client()
    client.force_login(user)
    page = client.get(reverse("admin:fleet_workload_changelist")).content.decode()
    assert "mine" in page
    assert "theirs" not in page


@pytest.mark.parametrize(
    ("page", "column"),
    [("fleet_cluster", "sealed_credentials"), ("fleet_cluster", "sealed_metrics"), ("identity_apitoken", "digest")],
)
def test_no_address_finds_out_what_is_sealed(console: Client, page: str, column: str) -> None:
    assert console.get(reverse(f"admin:{page}_changelist"), {f"{column}__startswith": "v1"}).status_code == 400
