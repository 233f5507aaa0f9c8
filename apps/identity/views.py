"""The login page."""

from __future__ import annotations

from django.contrib.auth.views import LoginView


class Login(LoginView):
    template_name = "identity/login.html"
    redirect_authenticated_user = True
