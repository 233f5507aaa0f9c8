"""How the API learns who asks: `Authorization: Bearer TOKEN`."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from apps.identity.models import ApiToken, User
from apps.identity.services import authenticate_token
from apps.kernel.errors import Unauthenticated

SCHEME = b"bearer"


class BearerAuthentication(BaseAuthentication):
    """The user and the ApiToken. A header of another scheme is left to the next authentication."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != SCHEME:
            return None
        found = authenticate_token(parts[1].decode("latin-1")) if len(parts) == 2 else None
        if found is None:
            raise Unauthenticated(
                _("the token is unknown, expired or revoked"),
                field="Authorization",
                mend=_("make a new one with `plimsoll token create`"),
            )
        return found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
