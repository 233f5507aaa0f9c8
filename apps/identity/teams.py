"""Teams, the owners of clusters and policies."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.identity.actors import Actor, actor_user
from apps.identity.models import Team
from apps.identity.recording import note
from apps.kernel.errors import AlreadyExists, Forbidden


def create_team(*, name: str, title: str = "", actor: Actor, request_id: str = "") -> Team:
    """A new team, recorded. Only a superuser makes one: who makes it has no role on it yet."""
    person = actor_user(actor)
    if person is not None and not person.is_superuser:
        raise Forbidden(_("only a superuser makes teams"))
    try:
        with transaction.atomic():
            team = Team.objects.create(name=name, title=title)
            body = {"event": "TeamCreated", "team": name}
            note("Setting", body=body, actor=actor, request_id=request_id, subject=f"team:{team.pk}", team=team)
    except IntegrityError as e:
        raise AlreadyExists(_("there is a team %(name)s already") % {"name": name}, field="name") from e
    return team
