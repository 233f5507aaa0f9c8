"""What a token may do at most. A session has every scope; the services still ask for the user's role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.identity.models import ApiToken, Scope
from apps.kernel.errors import Forbidden

if TYPE_CHECKING:  # the settings name this module, and the views read the settings
    from rest_framework.views import APIView

_ORDER = [Scope.READ, Scope.OPERATE, Scope.APPROVE, Scope.ADMIN]


def covers(scopes: list[str], needed: Scope) -> bool:
    """Whether one of a token's scopes is `needed` or includes it."""
    return any(scope in _ORDER and _ORDER.index(Scope(scope)) >= _ORDER.index(needed) for scope in scopes)


class HasScope(BasePermission):
    """Signed in, and with a token whose scopes cover the view's.

    A view's `scopes` maps its actions to a Scope; what it does not name needs READ to look and ADMIN to change.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        named: Mapping[str, Scope] = getattr(view, "scopes", {})
        fallback = Scope.READ if request.method in SAFE_METHODS else Scope.ADMIN
        needed = named.get(getattr(view, "action", None) or "", fallback)
        if not covers(request.auth.scopes, needed):
            raise Forbidden(
                _("this token has no scope %(scope)s") % {"scope": needed.value},
                field="Authorization",
                mend=_("use a token with the scope %(scope)s") % {"scope": needed.value},
            )
        return True
