"""How a page calls a service: errors become messages that name the field and the mend."""

from __future__ import annotations

from types import TracebackType

from django.contrib import messages
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from apps.identity.models import User
from apps.kernel.errors import PlimsollError


class Attempt:
    """A context around one service call: an error raised on purpose is shown on the next page instead of a 500.
    `error` is that error, None when all went well."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.error: PlimsollError | None = None

    @property
    def failed(self) -> bool:
        return self.error is not None

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, PlimsollError):
            return False
        self.error = error
        messages.error(self._request, explain(error))
        return True


def attempt(request: HttpRequest) -> Attempt:
    return Attempt(request)


def explain(error: PlimsollError) -> str:
    """The error as sentences: what, where, and what to do."""
    parts = [_("%(field)s: %(message)s") % {"field": error.field, "message": error.message}] if error.field else []
    parts = parts or [error.message]
    if error.mend:
        parts.append(_("What to do: %(mend)s.") % {"mend": error.mend.rstrip(".")})
    return " ".join(part if part.endswith((".", "。")) else f"{part}." for part in parts)


def user_of(request: HttpRequest) -> User:
    """The signed-in user; views that call this have refused everyone else."""
    if not isinstance(request.user, User):
        raise TypeError("this page needs a signed-in user")
    return request.user


def request_id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))


def next_url(request: HttpRequest, default: str) -> str:
    """`next` of the form when it stays on this server, else `default`."""
    asked = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return asked if safe else default
