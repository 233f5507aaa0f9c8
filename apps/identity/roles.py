"""Roles: guardian grants on Team, Cluster and Policy, each role holding the permissions of those below it.

    viewer    view_in_<model>
    operator  operate_in_<model>
    approver  approve_in_<model>
    admin     admin_<model>

A grant on a team reaches its clusters, its policies and every row of both; a grant on a cluster reaches every row of
it; a grant on a policy reaches that policy. A superuser has every role everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, Group
from django.db import models
from guardian.models import GroupObjectPermission, UserObjectPermission

from apps.identity.models import User
from apps.kernel.errors import Forbidden, InvalidInput

AnyUser = User | AnonymousUser


class Role(IntEnum):
    """Ordered: a higher role may do all that a lower one may."""

    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3
    ADMIN = 4


_CODENAMES = {
    Role.VIEWER: "view_in_{}",
    Role.OPERATOR: "operate_in_{}",
    Role.APPROVER: "approve_in_{}",
    Role.ADMIN: "admin_{}",
}
GRANTED_ON = ("identity.team", "fleet.cluster", "policies.policy")
"""The models that can carry a grant, as app_label.model."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a user has at least some role: ids of teams, clusters and policies. `everything` for a superuser."""

    everything: bool = False
    teams: frozenset[UUID] = frozenset()
    clusters: frozenset[UUID] = frozenset()
    policies: frozenset[UUID] = frozenset()


def codename(role: Role, model: str) -> str:
    """The permission that stands for `role` on a model: `operate_in_cluster`."""
    return _CODENAMES[role].format(model)


def codenames(role: Role, model: str) -> list[str]:
    """The permissions `role` brings on a model: its own and those of the roles below."""
    return [codename(each, model) for each in Role if each <= role]


def parse_role(text: str) -> Role:
    try:
        return Role[text.strip().upper()]
    except KeyError:
        names = ", ".join(role.name.lower() for role in Role)
        raise InvalidInput(f"{text!r} is not a role", field="role", mend=f"one of {names}") from None


def reach(user: AnyUser, *, role: Role = Role.VIEWER) -> Reach:
    """Where `user` has `role` or a higher one, directly or through a group. Two queries; none for a superuser."""
    if not isinstance(user, User) or not user.is_active:
        return Reach()
    if user.is_superuser:
        return Reach(everything=True)
    wanted = {label: codename(role, label.split(".")[1]) for label in GRANTED_ON}
    found: dict[str, set[UUID]] = {label: set() for label in GRANTED_ON}
    for label, pk in _granted(user, set(wanted.values())):
        if label in found:
            found[label].add(UUID(pk))
    return Reach(
        teams=frozenset(found["identity.team"]),
        clusters=frozenset(found["fleet.cluster"]),
        policies=frozenset(found["policies.policy"]),
    )


def _granted(user: User, names: set[str]) -> Iterable[tuple[str, str]]:
    """(app_label.model, object id) of every grant of one of these permissions."""
    fields = ("content_type__app_label", "content_type__model", "object_pk")
    own = UserObjectPermission.objects.filter(user=user, permission__codename__in=names)
    through = GroupObjectPermission.objects.filter(group__user=user, permission__codename__in=names)
    for app_label, model, pk in (*own.values_list(*fields), *through.values_list(*fields)):
        yield f"{app_label}.{model}", pk


def has_role(user: AnyUser, role: Role, on: models.Model) -> bool:
    """Whether `user` has `role` or a higher one on `on`: a Team, Cluster, Policy, or any row that has one of them."""
    where = reach(user, role=role)
    if where.everything:
        return True
    label = on._meta.label_lower
    if label == "identity.team":
        return on.pk in where.teams
    if label == "fleet.cluster":
        return on.pk in where.clusters or _team_of(on) in where.teams
    if label == "policies.policy" and on.pk in where.policies:
        return True
    return _through_owner(on, where)


def _team_of(row: Any) -> UUID | None:
    team: UUID | None = getattr(row, "team_id", None)
    return team


def _through_owner(row: Any, where: Reach) -> bool:
    """Whether the row's own team, its cluster, or its cluster's team is within reach."""
    if _team_of(row) in where.teams:
        return True
    cluster_id = getattr(row, "cluster_id", None)
    if cluster_id is None:
        return False
    if cluster_id in where.clusters:
        return True
    return bool(where.teams) and _team_of(row.cluster) in where.teams


def require_role(user: AnyUser, role: Role, on: models.Model) -> None:
    """Forbidden, naming the role that is missing and who can give it, unless `user` has it."""
    if not has_role(user, role, on):
        raise Forbidden(
            f"this needs the role {role.name.lower()} on {on}",
            mend="ask an administrator of the team or the cluster to grant it",
        )


def grants_on(on: models.Model) -> list[tuple[User | Group, Role]]:
    """Who holds which role on one Team, Cluster or Policy: the highest of each user and group."""
    model = on._meta.model_name or ""
    by_name = {codename(role, model): role for role in Role}
    best: dict[User | Group, Role] = {}
    filters = {"content_type__app_label": on._meta.app_label, "content_type__model": model, "object_pk": str(on.pk)}
    own = UserObjectPermission.objects.filter(**filters).select_related("user", "permission")
    through = GroupObjectPermission.objects.filter(**filters).select_related("group", "permission")
    for holder, name in [
        *((p.user, p.permission.codename) for p in own),
        *((p.group, p.permission.codename) for p in through),
    ]:
        if name in by_name:
            best[holder] = max(best.get(holder, Role.VIEWER), by_name[name])
    return sorted(best.items(), key=lambda item: str(item[0]))
