"""The first administrator, and users for programs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.identity.actors import Actor, actor_user
from apps.identity.models import User
from apps.identity.recording import note
from apps.kernel.errors import AlreadyExists, Forbidden

FIRST_ADMIN = "admin"
PASSWORD_FILE = "admin-password"  # noqa: S105 - the name of the file


def create_first_admin(*, home: Path) -> Path | None:
    """Make the first administrator `admin` when no user exists.

    Its password is written to `home/admin-password` (mode 0600), which is returned; None when there are users. Killed
    in between, the next start makes it anew with another password.
    """
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(18)
    file = home / PASSWORD_FILE
    try:
        with transaction.atomic():
            user = User.objects.create_superuser(FIRST_ADMIN, password=password)
            _write_private(file, password)
            body = {"event": "UserCreated", "user": user.get_username(), "superuser": True}
            note("Setting", body=body, actor="first start", subject=f"user:{user.pk}")
    except IntegrityError:
        return None  # another process was first
    return file


def _write_private(file: Path, text: str) -> None:
    """Write `text` so that only this account can read it, even where the file was there with another mode."""
    fd = os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "w") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())


def create_service_user(*, name: str, actor: Actor, request_id: str = "") -> User:
    """A user for programs: no password, acts by tokens only."""
    person = actor_user(actor)
    if person is not None and not person.is_superuser:
        raise Forbidden(_("only a superuser makes service users"))
    if User.objects.filter(username=name).exists():
        raise AlreadyExists(_("there is a user %(name)s already") % {"name": name}, field="name")
    with transaction.atomic():
        user = User(username=name, is_service=True)
        user.set_unusable_password()
        user.save()
        body = {"event": "UserCreated", "user": name, "service": True}
        note("Setting", body=body, actor=actor, request_id=request_id, subject=f"user:{user.pk}")
    return user
