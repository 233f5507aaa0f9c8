"""Users, tokens, grants: every change is recorded by the port `recorder`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import Group
from django.db import models

from apps.identity.actors import Actor
from apps.identity.models import ApiToken, User
from apps.identity.roles import Role


def create_first_admin(*, home: Path) -> Path | None:
    """Make the first administrator `admin` when no user exists.

    Its password is written to `home/admin-password` (mode 0600), which is returned; None when there are users.
    """
    raise NotImplementedError


def create_service_user(*, name: str, actor: Actor, request_id: str = "") -> User:
    """A user for programs: no password, acts by tokens only."""
    raise NotImplementedError


def issue_token(
    *,
    user: User,
    name: str,
    scopes: Sequence[str],
    expires_in: timedelta | None,
    actor: Actor,
    request_id: str = "",
) -> tuple[ApiToken, str]:
    """A new token and its text, which is kept nowhere. `expires_in` None: it does not expire."""
    raise NotImplementedError


def authenticate_token(plain: str) -> tuple[User, ApiToken] | None:
    """Whose token this is, or None when it is unknown, expired, revoked, or its user is not active."""
    raise NotImplementedError


def revoke_token(*, token: ApiToken, actor: Actor, request_id: str = "") -> ApiToken:
    """End a token now. Doing so twice is no error."""
    raise NotImplementedError


def grant(*, holder: User | Group, role: Role, on: models.Model, actor: Actor, request_id: str = "") -> None:
    """Give a role on a Team, Cluster or Policy, in place of the one the holder had there."""
    raise NotImplementedError


def revoke(*, holder: User | Group, on: models.Model, actor: Actor, request_id: str = "") -> None:
    """Take every role of `holder` on a Team, Cluster or Policy away."""
    raise NotImplementedError
