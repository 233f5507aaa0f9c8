"""URLs of the portal's own pages."""

from __future__ import annotations

from django.urls import path

from apps.ui import profile, views

app_name = "ui"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("overview/<slug:key>/", views.overview_panel, name="overview-panel"),
    path("menu/", views.menu_again, name="menu"),
    path("search/", views.palette, name="palette"),
    path("preferences/", views.preferences, name="preferences"),
    path("layouts/<slug:table>/", views.layout, name="layout"),
    path("views/<slug:page>/", views.view_save, name="view-save"),
    path("views/<uuid:pk>/delete/", views.view_delete, name="view-delete"),
    path("star/", views.toggle_star, name="star"),
    path("profile/", profile.profile, name="profile"),
    path("profile/password/", profile.password_change, name="password"),
    path("profile/tokens/", profile.token_create, name="token-create"),
    path("profile/tokens/<uuid:pk>/revoke/", profile.token_revoke, name="token-revoke"),
]
