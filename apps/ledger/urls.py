"""URLs of decisions, actions, approvals and records."""

from __future__ import annotations

from django.urls import path

from apps.ledger import views

app_name = "ledger"
urlpatterns = [
    path("decisions/", views.Decisions.as_view(), name="decisions"),
    path("decisions/<uuid:pk>/", views.decision, name="decision"),
    path("actions/<uuid:pk>/undo/", views.undo, name="undo"),
    path("approvals/", views.Approvals.as_view(), name="approvals"),
    path("approvals/<uuid:pk>/", views.approval, name="approval"),
    path("approvals/<uuid:pk>/vote/", views.vote, name="vote"),
    path("records/", views.Records.as_view(), name="records"),
    path("records/chain/", views.records_chain, name="records-chain"),
    path("records/<uuid:pk>/", views.record, name="record"),
]
