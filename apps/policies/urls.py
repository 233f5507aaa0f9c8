"""URLs of policies, and of sleeping and waking by hand."""

from __future__ import annotations

from django.urls import path

from apps.policies import views

app_name = "policies"
urlpatterns = [
    path("policies/", views.Policies.as_view(), name="policies"),
    path("policies/new/", views.Policies.as_view(), name="new"),
    path("policies/<uuid:pk>/", views.policy, name="policy"),
]
