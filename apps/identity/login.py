"""Local login: five failures of one user name from one address stop both for five minutes.

The count is a row, so it holds over all web processes and restarts. The back-end enforces it wherever somebody logs in
(page, admin console, API); the form says so to whoever is stopped. Each login, failure and logout is recorded; what is
tried while stopped is not, so that nobody can fill the ledger by guessing.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.identity.clock import now
from apps.identity.models import LoginThrottle, User
from apps.identity.recording import note

MOST_FAILURES = 5
WINDOW = timedelta(minutes=5)
KEEP = timedelta(hours=1)


class PasswordBackend(ModelBackend):
    """Django's, but it answers nobody who has failed too often."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is not None and stopped_until(username, address_of(request)) is not None:
            raise PermissionDenied
        return super().authenticate(request, username=username, password=password, **kwargs)


class LoginForm(AuthenticationForm):
    """The login form of page and console, which says when one may try again."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "stopped": _("Too many failed logins. Try again in %(minutes)s minutes."),
    }

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        until = stopped_until(username, address_of(self.request)) if username else None
        if until is not None:
            minutes = math.ceil((until - now()).total_seconds() / 60)
            raise ValidationError(self.error_messages["stopped"], code="stopped", params={"minutes": minutes})
        return super().clean()


def address_of(request: HttpRequest | None) -> str:
    """Where a request comes from, as the web server saw it; "" when there is none."""
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""


def stopped_until(username: str, address: str) -> datetime | None:
    """When this user name may be tried again from this address, or None: it may be now."""
    row = LoginThrottle.objects.filter(key=_key(username, address)).first()
    if row is None or row.failures < MOST_FAILURES:
        return None
    until = row.window_start + WINDOW
    return until if now() < until else None


def _key(username: str, address: str) -> str:
    return hashlib.sha256(f"{username.casefold()}\n{address}".encode()).hexdigest()


def _count_failure(username: str, address: str) -> None:
    at = now()
    LoginThrottle.objects.filter(window_start__lt=at - KEEP).delete()
    key = _key(username, address)
    LoginThrottle.objects.get_or_create(key=key, defaults={"window_start": at})
    rows = LoginThrottle.objects.filter(key=key)
    if not rows.filter(window_start__gt=at - WINDOW).update(failures=F("failures") + 1):
        rows.update(failures=1, window_start=at)


def _request_id(request: HttpRequest | None) -> str:
    return str(getattr(request, "request_id", ""))


@receiver(user_login_failed, dispatch_uid="identity.login_failed")
def _on_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    username = str(credentials.get("username") or "")[:150]
    address = address_of(request)
    if not username or stopped_until(username, address) is not None:
        return
    _count_failure(username, address)
    _note("Failed", username, request)


@receiver(user_logged_in, dispatch_uid="identity.logged_in")
def _on_login(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    LoginThrottle.objects.filter(key=_key(user.get_username(), address_of(request))).delete()
    _note("LoggedIn", user.get_username(), request)


@receiver(user_logged_out, dispatch_uid="identity.logged_out")
def _on_logout(request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _note("LoggedOut", user.get_username(), request)


def _note(event: str, username: str, request: HttpRequest | None) -> None:
    body = {"event": event, "user": username, "address": address_of(request)}
    note("Login", body=body, actor=username, request_id=_request_id(request), subject=f"login:{username}")
