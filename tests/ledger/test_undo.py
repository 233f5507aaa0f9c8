"""Any finished action can be undone from its record, as long as its inverse still applies."""

from __future__ import annotations

import pytest

from apps.fleet.models import Cluster
from apps.identity.models import Team, User
from apps.identity.roles import Role
from apps.kernel.errors import AlreadyExists, Forbidden, InvalidInput, PreconditionFailed, Unavailable
from apps.ledger import services
from apps.ledger.models import ActionRow, ActionState, Record
from tests.ledger import fakes, making
from tests.ledger.conftest import make_user
from tests.ledger.fakes import FakeKube

pytestmark = pytest.mark.django_db


def undo(row: ActionRow, user: User) -> ActionRow:
    return services.undo(action=row, actor=user, reason="needed after all", request_id="req-9")


def test_undoing_a_sleep_wakes(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = undo(making.put_to_sleep(kube, cluster), operator)
    making.carry_out_all()
    row.refresh_from_db()
    assert (row.kind, row.state, row.requested_by) == ("Wake", "Done", "olga")
    assert kube.find(making.ref())["spec"]["replicas"] == 3
    decision = Record.objects.get(kind="Decision", request_id="req-9")
    assert decision.body["decision"]["reason"]["code"] == "UndoRequested"


def test_an_undo_can_be_undone(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    wake = undo(making.put_to_sleep(kube, cluster), operator)
    making.carry_out_all()
    wake.refresh_from_db()
    again = undo(wake, operator)
    making.carry_out_all()
    again.refresh_from_db()
    assert (again.kind, again.state) == ("Sleep", "Done")
    assert kube.find(making.ref())["spec"]["replicas"] == 0


def test_it_is_not_undone_twice(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = making.put_to_sleep(kube, cluster)
    undo(row, operator)
    with pytest.raises(AlreadyExists):
        undo(row, operator)


def test_what_somebody_changed_since_is_refused_by_name(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = making.put_to_sleep(kube, cluster)
    kube.edit(making.ref(), lambda obj: obj["metadata"]["annotations"].clear())
    with pytest.raises(PreconditionFailed, match=r"plimsoll\.dev/slept was changed since"):
        undo(row, operator)


def test_what_is_so_already_is_refused(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = making.put_to_sleep(kube, cluster)
    kube.put(making.deployment())
    with pytest.raises(PreconditionFailed, match="so already"):
        undo(row, operator)


def test_a_later_action_must_be_undone_instead(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    first = making.put_to_sleep(kube, cluster)
    fakes.CLOCK.wait(60)
    later = making.propose(making.wake_of(first), cluster=cluster)
    making.carry_out_all()
    with pytest.raises(PreconditionFailed, match=str(later.pk)):
        undo(first, operator)


def test_an_object_that_is_gone_is_refused(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = making.put_to_sleep(kube, cluster)
    kube.objects.clear()
    with pytest.raises(PreconditionFailed, match="not there any more"):
        undo(row, operator)


def test_an_action_that_did_not_happen_is_refused(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    kube.put(making.deployment(replicas=9))
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    row.refresh_from_db()
    assert row.state == ActionState.REFUSED
    with pytest.raises(PreconditionFailed, match="nothing to undo"):
        undo(row, operator)


def test_a_viewer_may_not_undo(kube: FakeKube, cluster: Cluster, team: Team) -> None:
    viewer = make_user("vera", team=team, role=Role.VIEWER)
    with pytest.raises(Forbidden):
        undo(making.put_to_sleep(kube, cluster), viewer)


def test_a_reason_is_required(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    with pytest.raises(InvalidInput):
        services.undo(action=making.put_to_sleep(kube, cluster), actor=operator, reason="", request_id="r")


def test_a_cluster_that_does_not_answer_says_so(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    row = making.put_to_sleep(kube, cluster)
    fakes.KUBES.clear()
    with pytest.raises(Unavailable):
        undo(row, operator)


def test_putting_production_back_to_sleep_waits_for_approval(kube: FakeKube, cluster: Cluster, operator: User) -> None:
    target = making.ref(namespace="pay")
    kube.put(making.deployment(namespace="pay"))
    making.propose(making.sleep(target), cluster=cluster)
    making.carry_out_all()
    wake = undo(ActionRow.objects.get(), operator)
    making.carry_out_all()
    wake.refresh_from_db()
    assert wake.state == ActionState.DONE
    assert undo(wake, operator).state == ActionState.WAITING_APPROVAL
