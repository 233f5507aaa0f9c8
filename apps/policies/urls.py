"""URLs of policies, and of sleeping and waking by hand."""

from __future__ import annotations

from django.urls import path

from apps.policies import authoring, power, views

app_name = "policies"
urlpatterns = [
    path("policies/", views.Policies.as_view(), name="policies"),
    path("policies/new/", authoring.new, name="new"),
    path("policies/schema/", authoring.schema, name="schema"),
    path("policies/check/", authoring.check, name="check"),
    path("policies/preview/", authoring.preview, name="preview"),
    path("policies/apply/", authoring.apply, name="apply"),
    path("policies/<uuid:pk>/", views.policy, name="policy"),
    path("policies/<uuid:pk>/edit/", authoring.edit, name="edit"),
    path("policies/<uuid:pk>/suspend/", authoring.suspend, name="suspend"),
    path("policies/<uuid:pk>/delete/", authoring.delete, name="delete"),
    path("workloads/sleep/", power.ask, {"verb": "sleep"}, name="sleep"),
    path("workloads/wake/", power.ask, {"verb": "wake"}, name="wake"),
    path("workloads/sleep/confirm/", power.confirm, {"verb": "sleep"}, name="sleep-confirm"),
    path("workloads/wake/confirm/", power.confirm, {"verb": "wake"}, name="wake-confirm"),
]
