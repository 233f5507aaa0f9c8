"""How a page calls a service: errors become messages that name the field and the mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from apps.identity.models import User
from apps.kernel.errors import PlimsollError


@dataclass(slots=True)
class Attempt:
    """`error` is what the service raised, None when it went well."""

    error: PlimsollError | None = None

    @property
    def failed(self) -> bool:
        return self.error is not None


@contextmanager
def attempt(request: HttpRequest) -> Iterator[Attempt]:
    """Runs a service call; an error on purpose is shown on the next page instead of a 500."""
    found = Attempt()
    try:
        yield found
    except PlimsollError as e:
        found.error = e
        messages.error(request, explain(e))


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
