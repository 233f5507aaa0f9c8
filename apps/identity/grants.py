"""Giving and taking roles. The grants themselves are guardian's rows; see roles.py."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models, transaction
from django.utils.translation import gettext as _
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm

from apps.identity.actors import Actor, actor_user
from apps.identity.models import Team, User
from apps.identity.recording import note
from apps.identity.roles import GRANTED_ON, Role, codenames, grants_on, require_role
from apps.kernel.errors import InvalidInput


def grant(*, holder: User | Group, role: Role, on: models.Model, actor: Actor, request_id: str = "") -> None:
    """Give a role on a Team, Cluster or Policy, in place of the one the holder had there. The actor must be admin."""
    _require_grantable(on)
    _require_admin(actor, on)
    with transaction.atomic():
        before = _role_of(holder, on)
        if before == role:
            return
        _clear(holder, on)
        for name in codenames(role, on._meta.model_name or ""):
            assign_perm(name, holder, on)
        _note("Granted", holder, on, actor, request_id, role=role.name.lower(), before=_name(before))


def revoke(*, holder: User | Group, on: models.Model, actor: Actor, request_id: str = "") -> None:
    """Take every role of `holder` on a Team, Cluster or Policy away. Nothing to take is no error."""
    _require_grantable(on)
    _require_admin(actor, on)
    with transaction.atomic():
        before = _role_of(holder, on)
        if _clear(holder, on):
            _note("Revoked", holder, on, actor, request_id, role=None, before=_name(before))


def _role_of(holder: User | Group, on: models.Model) -> Role | None:
    return dict(grants_on(on)).get(holder)


def _name(role: Role | None) -> str | None:
    return role.name.lower() if role else None


def _clear(holder: User | Group, on: models.Model) -> int:
    """Take away this object's role permissions; other permissions that somebody gave by hand stay."""
    names = codenames(Role.ADMIN, on._meta.model_name or "")
    where = {
        "content_type__app_label": on._meta.app_label,
        "content_type__model": on._meta.model_name,
        "object_pk": str(on.pk),
        "permission__codename__in": names,
    }
    if isinstance(holder, User):
        return int(UserObjectPermission.objects.filter(user=holder, **where).delete()[0])
    return int(GroupObjectPermission.objects.filter(group=holder, **where).delete()[0])


def _require_grantable(on: models.Model) -> None:
    if on._meta.label_lower not in GRANTED_ON:
        raise InvalidInput(_("roles stand on teams, clusters and policies only"), field="on")


def _require_admin(actor: Actor, on: models.Model) -> None:
    person = actor_user(actor)
    if person is not None:
        require_role(person, Role.ADMIN, on)


def _note(
    event: str,
    holder: User | Group,
    on: models.Model,
    actor: Actor,
    request_id: str,
    **roles: str | None,
) -> None:
    body = {
        "event": event,
        "holder": ("user " if isinstance(holder, User) else "group ") + str(holder),
        "on": on._meta.label_lower,
        "id": str(on.pk),
        "name": str(on),
        **roles,
    }
    team = on if isinstance(on, Team) else None
    note(
        "Grant",
        body=body,
        actor=actor,
        request_id=request_id,
        subject=f"{on._meta.model_name}:{on.pk}",
        team=team,
        cluster=on if on._meta.label_lower == "fleet.cluster" else getattr(on, "cluster", None),
    )
