"""Bearer tokens: `plm_` and 43 random characters, of which only the SHA-256 is kept.

A token has 256 bits of its own, so a plain digest is enough: there is nothing to guess, and looking one up is one
indexed read.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.identity.actors import Actor, actor_user
from apps.identity.clock import now
from apps.identity.models import ApiToken, Scope, User
from apps.identity.recording import note
from apps.kernel.errors import Forbidden, InvalidInput

START = "plm_"
PREFIX_LENGTH = 10
USED_EVERY = timedelta(minutes=1)


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
    _require_owner(user, actor)
    name = name.strip()
    if not name or len(name) > 100:
        raise InvalidInput(_("a token needs a name of 1 to 100 characters"), field="name", mend=_("say what it is for"))
    if expires_in is not None and expires_in <= timedelta(0):
        raise InvalidInput(_("it would have expired already"), field="expires_in", mend=_("write it like 90d"))
    plain = START + secrets.token_urlsafe(32)
    at = now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=plain[:PREFIX_LENGTH],
            digest=_digest(plain),
            scopes=_checked(scopes),
            created_at=at,
            expires_at=at + expires_in if expires_in is not None else None,
        )
        _note("Issued", token, actor, request_id)
    return token, plain


def authenticate_token(plain: str) -> tuple[User, ApiToken] | None:
    """Whose token this is, or None when it is unknown, expired, revoked, or its user is not active."""
    if not plain.startswith(START) or not plain.isascii():
        return None
    token = ApiToken.objects.select_related("user").filter(digest=_digest(plain), revoked_at=None).first()
    at = now()
    if token is None or not token.user.is_active or (token.expires_at is not None and token.expires_at <= at):
        return None
    if token.last_used_at is None or token.last_used_at <= at - USED_EVERY:
        # Only once a minute, and only by the first of many requests at once.
        stale = Q(last_used_at=None) | Q(last_used_at__lte=at - USED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=at)
        token.last_used_at = at
    return token.user, token


def revoke_token(*, token: ApiToken, actor: Actor, request_id: str = "") -> ApiToken:
    """End a token now. Doing so twice is no error."""
    _require_owner(token.user, actor)
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now()):
            _note("Revoked", token, actor, request_id)
    token.refresh_from_db()
    return token


def _require_owner(user: User, actor: Actor) -> None:
    person = actor_user(actor)
    if person is not None and person != user and not person.is_superuser:
        raise Forbidden(_("only a superuser handles tokens of others"), field="user", mend=_("use your own"))


def _checked(scopes: Sequence[str]) -> list[str]:
    unknown = [scope for scope in scopes if scope not in Scope.values]
    if unknown or not scopes:
        raise InvalidInput(
            _("%(scope)s is not a scope") % {"scope": repr(unknown[0])} if unknown else _("a token needs a scope"),
            field="scopes",
            mend=_("one of %(scopes)s") % {"scopes": ", ".join(Scope.values)},
        )
    return sorted(set(scopes), key=Scope.values.index)


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode("ascii")).hexdigest()


def _note(event: str, token: ApiToken, actor: Actor, request_id: str) -> None:
    body = {
        "event": event,
        "token": token.pk,
        "name": token.name,
        "prefix": token.prefix,
        "user": token.user.get_username(),
        "scopes": token.scopes,
        "expires_at": token.expires_at,
    }
    note("Token", body=body, actor=actor, request_id=request_id, subject=f"token:{token.pk}")
