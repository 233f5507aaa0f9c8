"""The admin console shows the ledger, changes nothing of it, and lets people answer and undo with a reason."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.fleet.models import Cluster
from apps.identity.models import User
from apps.ledger import services
from apps.ledger.models import ActionRow, ApprovalRequest, DecisionRow, Record
from tests.ledger import making
from tests.ledger.fakes import FakeKube
from tests.ledger.test_approvals import ask

pytestmark = pytest.mark.django_db

APPROVALS = "admin:ledger_approvalrequest_changelist"
MODELS = ["record", "decisionrow", "actionrow", "approvalrequest", "duework", "lease", "segment"]
ACTIONS = "admin:ledger_actionrow_changelist"


@pytest.fixture
def console(approver: User) -> Client:
    """Signed in as an approver who is staff and no superuser."""
    User.objects.filter(pk=approver.pk).update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get(pk=approver.pk))
    return client


def choose(client: Client, url: str, action: str, pk: object, **more: str) -> str:
    answer = client.post(reverse(url), {"action": action, "_selected_action": str(pk), **more}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_approving_asks_for_a_reason_and_then_answers(console: Client, cluster: Cluster, operator: User) -> None:
    row = ask(cluster, operator)
    page = choose(console, APPROVALS, "approve", row.approval_id)
    assert 'name="reason"' in page
    assert ApprovalRequest.objects.get().state == "Pending"
    page = choose(console, APPROVALS, "approve", row.approval_id, apply="1", reason="")
    assert "This field is required" in page
    page = choose(console, APPROVALS, "approve", row.approval_id, apply="1", reason="looked at it")
    assert "1 request was answered." in page
    assert ApprovalRequest.objects.get().state == "Approved"
    assert Record.objects.get(content__contains="VotedFor").body["reason"] == "looked at it"


def test_rejecting_at_the_console(console: Client, cluster: Cluster, operator: User) -> None:
    row = ask(cluster, operator)
    choose(console, APPROVALS, "reject", row.approval_id, apply="1", reason="payday")
    row.refresh_from_db()
    assert row.state == "Rejected"


def test_a_refusal_is_shown_and_nothing_changes(console: Client, cluster: Cluster, approver: User) -> None:
    row = ask(cluster, approver)
    page = choose(console, APPROVALS, "approve", row.approval_id, apply="1", reason="my own")
    assert "whoever asks cannot answer" in page
    assert ApprovalRequest.objects.get().state == "Pending"


def test_undoing_at_the_console(console: Client, kube: FakeKube, cluster: Cluster) -> None:
    row = making.put_to_sleep(kube, cluster)
    page = choose(console, ACTIONS, "undo", row.pk, apply="1", reason="needed")
    assert "1 action is being undone." in page
    assert ActionRow.objects.get(inverse_of=row).kind == "Wake"


@pytest.mark.parametrize(
    "model", ["record", "decisionrow", "actionrow", "approvalrequest", "duework", "lease", "segment"]
)
def test_every_list_and_row_is_shown_and_cannot_be_changed(
    model: str, console: Client, kube: FakeKube, cluster: Cluster, operator: User
) -> None:
    making.put_to_sleep(kube, cluster)
    ask(cluster, operator, name="api")
    listed = console.get(reverse(f"admin:ledger_{model}_changelist"))
    assert listed.status_code == 200
    assert console.get(reverse(f"admin:ledger_{model}_add")).status_code == 403
    rows = {"record": Record, "decisionrow": DecisionRow, "actionrow": ActionRow}
    first = rows[model].objects.visible_to(User.objects.get(username="anna")).first() if model in rows else None
    if first is not None:
        url = reverse(f"admin:ledger_{model}_change", args=[first.pk])
        assert console.get(url).status_code == 200
        assert console.post(url, {"actor": "me"}).status_code == 403
        assert (
            console.post(reverse(f"admin:ledger_{model}_delete", args=[first.pk]), {"post": "yes"}).status_code == 403
        )


def test_a_record_whose_cluster_is_gone_can_be_read(console: Client, cluster: Cluster) -> None:
    row = services.record(kind="Setting", body={"n": 1}, actor="test", about=services.About(cluster=cluster))
    Cluster.objects.all().delete()
    answer = console.get(reverse("admin:ledger_record_change", args=[row.pk]))
    assert answer.status_code == 200
    assert b"dev" in answer.content


def test_staff_see_their_own_teams_rows_only(console: Client, cluster: Cluster) -> None:
    services.record(kind="Setting", body={}, actor="somebody", about=services.About(subject="secret-of-others"))
    services.record(kind="Setting", body={}, actor="somebody", about=services.About(cluster=cluster, subject="ours"))
    page = console.get(reverse("admin:ledger_record_changelist")).content.decode()
    assert "ours" in page
    assert "secret-of-others" not in page
