"""Sensitive actions wait for people: who may answer, how many, until when, and what follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.fleet.models import Cluster
from apps.identity.models import Team, User
from apps.identity.roles import Role
from apps.kernel.clock import ManualClock
from apps.kernel.errors import AlreadyExists, Forbidden, InvalidInput, PreconditionFailed
from apps.ledger import services
from apps.ledger.models import ActionRow, ActionState, ApprovalRequest, ApprovalState, DueWork, Record
from tests.ledger import making
from tests.ledger.conftest import make_user
from tests.ledger.fakes import FakeKube

pytestmark = pytest.mark.django_db

RULE = services.ApprovalRule("ProductionNamespace", {"namespace": "pay"}, needed=1)
TWO = services.ApprovalRule("ProductionNamespace", {"namespace": "pay"}, needed=2)


def ask(
    cluster: Cluster, user: User, *, name: str = "web", rule: services.ApprovalRule = RULE, group: str = ""
) -> ActionRow:
    terms = services.Terms(approval=rule, group=group, reason="month's end")
    return making.propose(making.sleep(making.ref(name)), cluster=cluster, actor=user, terms=terms)


def request_of(row: ActionRow) -> ApprovalRequest:
    assert row.approval is not None
    return row.approval


def test_nothing_happens_before_somebody_agrees(
    kube: FakeKube, cluster: Cluster, operator: User, approver: User
) -> None:
    kube.put(making.deployment())
    row = ask(cluster, operator)
    making.carry_out_all()
    row.refresh_from_db()
    assert (row.state, row.decision.state, kube.writes) == ("WaitingApproval", "WaitingApproval", [])
    services.vote(approval=request_of(row), user=approver, approve=True, reason="fine")
    making.carry_out_all()
    row.refresh_from_db()
    assert (row.state, row.decision.__class__.objects.get(pk=row.decision_id).state) == ("Done", "Done")
    events = [r.body["event"] for r in Record.objects.filter(kind="Approval").order_by("seq")]
    assert events == ["Asked", "VotedFor", "Approved"]
    vote = Record.objects.get(kind="Approval", actor="anna", content__contains="VotedFor")
    assert vote.body["reason"] == "fine"


def test_whoever_asks_cannot_answer(cluster: Cluster, team: Team) -> None:
    boss = make_user("boss", team=team, role=Role.ADMIN)
    with pytest.raises(Forbidden, match="whoever asks"):
        services.vote(approval=request_of(ask(cluster, boss)), user=boss, approve=True, reason="me")


def test_a_superuser_cannot_answer_their_own_request_either(cluster: Cluster, db: None) -> None:
    root = User.objects.create_superuser("root", password="correct horse battery")
    with pytest.raises(Forbidden):
        services.vote(approval=request_of(ask(cluster, root)), user=root, approve=True, reason="me")


def test_an_operator_cannot_answer(cluster: Cluster, operator: User, team: Team) -> None:
    other = make_user("otto", team=team, role=Role.OPERATOR)
    with pytest.raises(Forbidden, match="role approver"):
        services.vote(approval=request_of(ask(cluster, operator)), user=other, approve=True, reason="why not")


def test_an_approver_of_another_team_cannot_answer(cluster: Cluster, operator: User) -> None:
    other = make_user("eva", team=Team.objects.create(name="other"), role=Role.APPROVER)
    with pytest.raises(Forbidden):
        services.vote(approval=request_of(ask(cluster, operator)), user=other, approve=True, reason="why not")


def test_a_reason_is_required(cluster: Cluster, operator: User, approver: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.vote(approval=request_of(ask(cluster, operator)), user=approver, approve=True, reason="  ")
    assert caught.value.field == "reason"


def test_as_many_must_agree_as_the_rule_says(
    cluster: Cluster, operator: User, approver: User, second_approver: User
) -> None:
    row = ask(cluster, operator, rule=TWO)
    services.vote(approval=request_of(row), user=approver, approve=True, reason="fine")
    row.refresh_from_db()
    assert row.state == ActionState.WAITING_APPROVAL
    with pytest.raises(AlreadyExists):
        services.vote(approval=request_of(row), user=approver, approve=True, reason="again")
    services.vote(approval=request_of(row), user=second_approver, approve=True, reason="fine too")
    row.refresh_from_db()
    assert row.state == ActionState.DUE
    assert request_of(row).state == ApprovalState.APPROVED


def test_one_rejection_rejects(cluster: Cluster, operator: User, approver: User, second_approver: User) -> None:
    row = ask(cluster, operator, rule=TWO)
    services.vote(approval=request_of(row), user=approver, approve=False, reason="payday")
    row.refresh_from_db()
    assert row.state == ActionState.REJECTED
    assert row.outcome is not None
    assert row.outcome["reason"] == {"code": "RejectedBy", "operands": {"actor": "anna", "reason": "payday"}}
    with pytest.raises(PreconditionFailed, match="Rejected already"):
        services.vote(approval=request_of(row), user=second_approver, approve=True, reason="fine")


def test_one_request_covers_a_bulk(cluster: Cluster, operator: User, approver: User) -> None:
    rows = [ask(cluster, operator, name=f"web-{n}", group="req-7") for n in range(4)]
    assert ApprovalRequest.objects.count() == 1
    services.vote(approval=request_of(rows[0]), user=approver, approve=True, reason="fine")
    assert set(ActionRow.objects.values_list("state", flat=True)) == {"Due"}
    assert DueWork.objects.filter(kind="action").count() == 4


def test_what_people_agree_to_does_not_grow_afterwards(
    cluster: Cluster, operator: User, approver: User, second_approver: User, team: Team
) -> None:
    first = ask(cluster, operator, group="req-7", rule=TWO)
    services.vote(approval=request_of(first), user=approver, approve=True, reason="fine")
    late = ask(cluster, operator, name="late", group="req-7", rule=TWO)
    of_another = ask(cluster, make_user("otto", team=team, role=Role.OPERATOR), name="api", group="req-7", rule=TWO)
    assert len({first.approval_id, late.approval_id, of_another.approval_id}) == 3


def test_a_request_expires_and_its_actions_with_it(
    cluster: Cluster, operator: User, approver: User, clock: ManualClock
) -> None:
    row = ask(cluster, operator)
    clock.advance(timedelta(hours=24, seconds=1))
    making.carry_out_all()
    row.refresh_from_db()
    assert (row.state, request_of(row).state) == ("Expired", "Expired")
    assert not DueWork.objects.exists()


def test_an_answer_that_comes_too_late_is_refused(
    cluster: Cluster, operator: User, approver: User, clock: ManualClock
) -> None:
    row = ask(cluster, operator)
    clock.advance(timedelta(hours=24, seconds=1))
    with pytest.raises(PreconditionFailed, match="expired"):
        services.vote(approval=request_of(row), user=approver, approve=True, reason="fine")
    row.refresh_from_db()
    assert row.state == ActionState.EXPIRED


def test_what_was_approved_must_start_in_time(
    kube: FakeKube, cluster: Cluster, operator: User, approver: User, clock: ManualClock
) -> None:
    kube.put(making.deployment())
    row = ask(cluster, operator)
    services.vote(approval=request_of(row), user=approver, approve=True, reason="fine")
    clock.advance(timedelta(hours=1, seconds=1))
    making.carry_out_all()
    row.refresh_from_db()
    assert (row.state, kube.writes) == ("Expired", [])


def test_a_wake_takes_the_place_of_a_sleep_that_waits(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = ask(cluster, operator)
    making.propose(making.sleep().inverse(), cluster=cluster)
    row.refresh_from_db()
    assert row.state == ActionState.CANCELLED
    assert ApprovalRequest.objects.get().state == ApprovalState.CANCELLED


def test_the_one_who_asked_may_cancel(cluster: Cluster, operator: User, team: Team) -> None:
    row = ask(cluster, operator)
    viewer = make_user("vera", team=team, role=Role.VIEWER)
    with pytest.raises(Forbidden):
        services.cancel(action=row, actor=viewer, reason="no", request_id="r")
    services.cancel(action=row, actor=operator, reason="changed my mind", request_id="r")
    row.refresh_from_db()
    assert row.state == ActionState.CANCELLED
    with pytest.raises(PreconditionFailed, match="cannot be cancelled"):
        services.cancel(action=row, actor=operator, reason="twice", request_id="r")


@pytest.mark.parametrize(
    ("namespace", "manual", "batch", "want"),
    [
        ("pay", True, 1, "ProductionNamespace"),
        ("pay", False, 1, None),
        ("shop", True, 1, None),
        ("shop", True, 51, "BulkManualAction"),
        ("nowhere", True, 1, None),
    ],
)
def test_the_rule_reads_the_namespace(
    cluster: Cluster, namespace: str, manual: bool, batch: int, want: str | None
) -> None:
    action = making.sleep(making.ref(namespace=namespace))
    rule = services.approval_rule(action=action, cluster=cluster, manual=manual, batch=batch)
    assert (rule.code if rule else None) == want
