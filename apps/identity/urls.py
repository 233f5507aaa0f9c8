"""Signing in and out. The page of a user's own tokens and preferences is the portal's (`apps.ui.profile`)."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.identity.views import Login

app_name = "identity"
urlpatterns = [
    path("login/", Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
