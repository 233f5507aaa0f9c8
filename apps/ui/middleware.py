"""Applies what a signed-in user prefers: language, theme, density."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from apps.ui.models import Preferences

Next = Callable[[HttpRequest], HttpResponse]


class PreferencesMiddleware:
    """Stands after authentication. One query a page; an anonymous or token request costs none."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(("/api/", "/static/")) or not request.user.is_authenticated:
            return self.get_response(request)
        found = Preferences.objects.filter(user_id=request.user.pk).first() or Preferences(user_id=request.user.pk)
        request.preferences = found  # type: ignore[attr-defined]
        if not found.language or found.language == translation.get_language():
            return self.get_response(request)
        with translation.override(found.language):
            request.LANGUAGE_CODE = translation.get_language() or "en"
            response = self.get_response(request)
            response.headers["Content-Language"] = request.LANGUAGE_CODE
        return response
