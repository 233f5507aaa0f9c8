"""The login page."""

from __future__ import annotations

from django.contrib.auth.views import LoginView

from apps.identity.login import LoginForm


class Login(LoginView):
    template_name = "identity/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True
