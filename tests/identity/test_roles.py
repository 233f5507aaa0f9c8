"""Roles reach from a team to its clusters, from both to their rows, and a queryset shows what is within reach."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from apps.fleet.models import Cluster, Workload
from apps.identity import services
from apps.identity.models import Team, User
from apps.identity.roles import Role, codenames, grants_on, has_role, parse_role, require_role
from apps.identity.visibility import visible_to
from apps.kernel.errors import Forbidden, InvalidInput
from apps.ledger.models import Record
from apps.policies.models import Policy
from tests.identity import clocks

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None) -> Team:
    return Team.objects.create(name="shop")


@pytest.fixture
def cluster(shop: Team) -> Cluster:
    return Cluster.objects.create(name="dev", team=shop, server="https://127.0.0.1:1")


def workload(cluster: Cluster, *, team: Team | None, name: str = "web") -> Workload:
    row = {"cluster": cluster, "team": team, "namespace": "n", "kind": "Deployment", "name": name, "uid": name}
    return Workload.objects.create(**row, updated_at=clocks.CLOCK.now())


def policy(cluster: Cluster, *, name: str = "night") -> Policy:
    return Policy.objects.create(
        cluster=cluster, kind="ResourcePolicy", namespace="n", name=name, uid=name, updated_at=clocks.CLOCK.now()
    )


@pytest.mark.parametrize(("given", "asked"), list(product(Role, Role)))
def test_a_role_brings_those_below_it_and_none_above(given: Role, asked: Role, user: User, shop: Team) -> None:
    services.grant(holder=user, role=given, on=shop, actor="test")
    assert has_role(user, asked, shop) is (asked <= given)


def test_the_permissions_exist_on_every_model_that_carries_grants(cluster: Cluster, user: User, shop: Team) -> None:
    for on in (shop, cluster, policy(cluster)):
        services.grant(holder=user, role=Role.ADMIN, on=on, actor="test")
        assert grants_on(on) == [(user, Role.ADMIN)]
        assert user.has_perm(f"{on._meta.app_label}.{codenames(Role.ADMIN, str(on._meta.model_name))[-1]}", on)


def test_a_cluster_inherits_its_teams_grant(user: User, shop: Team, cluster: Cluster) -> None:
    services.grant(holder=user, role=Role.OPERATOR, on=shop, actor="test")
    for row in (cluster, policy(cluster), workload(cluster, team=None)):
        assert has_role(user, Role.OPERATOR, row)
        assert not has_role(user, Role.APPROVER, row)


def test_a_namespaces_team_reaches_its_rows_on_anothers_cluster(user: User, cluster: Cluster) -> None:
    guest = Team.objects.create(name="guest")
    services.grant(holder=user, role=Role.OPERATOR, on=guest, actor="test")
    mine, theirs = workload(cluster, team=guest), workload(cluster, team=None, name="api")
    assert has_role(user, Role.OPERATOR, mine)
    assert not has_role(user, Role.VIEWER, theirs)
    assert list(visible_to(Workload, user)) == [mine]
    assert not visible_to(Cluster, user).exists()


def test_a_grant_on_a_policy_reaches_that_policy_only(user: User, cluster: Cluster) -> None:
    one, other = policy(cluster), policy(cluster, name="day")
    services.grant(holder=user, role=Role.OPERATOR, on=one, actor="test")
    assert has_role(user, Role.OPERATOR, one)
    assert not has_role(user, Role.VIEWER, other)
    assert list(visible_to(Policy, user)) == [one]


def test_a_group_carries_a_role(user: User, cluster: Cluster) -> None:
    group = Group.objects.create(name="night shift")
    user.groups.add(group)
    services.grant(holder=group, role=Role.VIEWER, on=cluster, actor="test")
    assert list(visible_to(Cluster, user)) == [cluster]


@pytest.mark.parametrize("who", ["anonymous", "inactive", "stranger"])
def test_others_see_nothing(who: str, user: User, shop: Team, cluster: Cluster) -> None:
    workload(cluster, team=shop)
    person: User | AnonymousUser = user
    if who == "anonymous":
        person = AnonymousUser()
    elif who == "inactive":
        services.grant(holder=user, role=Role.ADMIN, on=shop, actor="test")
        user.is_active = False
    for model in (Team, Cluster, Workload, Policy, Record):
        assert not visible_to(model, person).exists()


def test_a_superuser_sees_all_and_has_every_role(cluster: Cluster) -> None:
    root = User.objects.create_superuser("root")
    assert has_role(root, Role.ADMIN, workload(cluster, team=None))
    assert visible_to(Cluster, root).count() == 1


def test_what_is_visible_costs_the_same_however_much_there_is(
    user: User, shop: Team, cluster: Cluster, django_assert_num_queries: Any
) -> None:
    services.grant(holder=user, role=Role.VIEWER, on=shop, actor="test")
    for n in range(30):
        workload(cluster, team=shop if n % 2 else None, name=f"web-{n}")
    with django_assert_num_queries(3):
        assert len(visible_to(Workload, user)) == 30


def test_a_new_grant_takes_the_place_of_the_old_and_both_are_on_record(user: User, shop: Team) -> None:
    for role in (Role.ADMIN, Role.VIEWER, Role.VIEWER):
        services.grant(holder=user, role=role, on=shop, actor="test", request_id="r")
    assert grants_on(shop) == [(user, Role.VIEWER)]
    services.revoke(holder=user, on=shop, actor="test")
    services.revoke(holder=user, on=shop, actor="test")
    bodies = [r.body for r in Record.objects.filter(kind="Grant").order_by("seq")]
    assert [(b["event"], b["before"], b["role"]) for b in bodies] == [
        ("Granted", None, "admin"),
        ("Granted", "admin", "viewer"),
        ("Revoked", "viewer", None),
    ]


def test_only_an_admin_grants(user: User, shop: Team) -> None:
    other = User.objects.create_user("otto")
    services.grant(holder=user, role=Role.APPROVER, on=shop, actor="test")
    with pytest.raises(Forbidden, match="role admin"):
        services.grant(holder=other, role=Role.VIEWER, on=shop, actor=user)
    services.grant(holder=user, role=Role.ADMIN, on=shop, actor="test")
    services.grant(holder=other, role=Role.VIEWER, on=shop, actor=user)
    require_role(other, Role.VIEWER, shop)


def test_roles_stand_on_teams_clusters_and_policies_only(user: User, cluster: Cluster) -> None:
    with pytest.raises(InvalidInput):
        services.grant(holder=user, role=Role.VIEWER, on=workload(cluster, team=None), actor="test")


def test_a_role_is_read_by_name() -> None:
    assert parse_role(" Operator ") is Role.OPERATOR
    with pytest.raises(InvalidInput, match="viewer, operator, approver, admin"):
        parse_role("king")
