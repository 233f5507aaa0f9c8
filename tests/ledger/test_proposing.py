"""One action of a kind is open on an object at a time: the same is returned, a newer wish takes its place."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.fleet.models import Cluster
from apps.kernel.actions import Apply, Scale
from apps.kernel.errors import Conflict
from apps.ledger import services
from apps.ledger.models import ActionRow, ActionState, DecisionRow, Record
from tests.ledger import fakes, making
from tests.ledger.fakes import FakeKube

pytestmark = pytest.mark.django_db

RULE = services.ApprovalRule("ProductionNamespace", {"namespace": "pay"})


def states() -> list[str]:
    return list(ActionRow.objects.order_by("created_at", "id").values_list("state", flat=True))


def apply(replicas: int) -> Apply:
    return Apply(making.ref(), making.deployment(replicas=replicas))


def test_the_same_sleep_is_proposed_once(cluster: Cluster) -> None:
    first = making.propose(making.sleep(), cluster=cluster)
    assert making.propose(making.sleep(), cluster=cluster).pk == first.pk


def test_asking_again_for_what_is_open_writes_nothing(cluster: Cluster) -> None:
    made = making.propose(making.sleep(), cluster=cluster)
    with CaptureQueriesContext(connection) as queries:
        services.propose(row=made.decision, action=making.sleep(), actor="watcher", request_id="tick")
    assert [q["sql"].split()[0] for q in queries] == ["SELECT"]


def test_what_needs_no_approval_takes_the_place_of_what_waits_for_it(cluster: Cluster) -> None:
    making.propose(making.sleep(), cluster=cluster, terms=services.Terms(approval=RULE))
    making.propose(making.sleep(), cluster=cluster)
    assert states() == ["Cancelled", "Due"]


def test_a_second_edit_takes_the_place_of_the_first(cluster: Cluster) -> None:
    making.propose(apply(1), cluster=cluster)
    fakes.CLOCK.wait(1)
    second = making.propose(apply(2), cluster=cluster)
    assert states() == ["Cancelled", "Due"]
    assert making.propose(apply(2), cluster=cluster).pk == second.pk


def test_an_edit_waits_for_the_one_under_way(cluster: Cluster) -> None:
    row = making.propose(Scale(making.ref(), replicas=1, was=3), cluster=cluster)
    ActionRow.objects.filter(pk=row.pk).update(state=ActionState.RUNNING, started_at=fakes.START)
    with pytest.raises(Conflict, match="being carried out"):
        making.propose(Scale(making.ref(), replicas=2, was=3), cluster=cluster)


def test_a_wake_cancels_a_sleep_that_has_not_started_and_no_other(cluster: Cluster) -> None:
    making.propose(making.sleep(), cluster=cluster)
    making.propose(making.sleep().inverse(), cluster=cluster)
    assert states() == ["Cancelled", "Due"]
    cancelled = ActionRow.objects.get(state="Cancelled")
    assert cancelled.outcome is not None
    assert cancelled.outcome["reason"]["code"] == "Superseded"
    assert Record.objects.filter(kind="Outcome").get().body["event"] == "Cancelled"


def test_a_cancelled_action_is_not_carried_out(kube: FakeKube, cluster: Cluster, monkeypatch: Any) -> None:
    kube.put(making.deployment())
    row = making.propose(making.sleep(), cluster=cluster)
    services.cancel(action=row, actor="test", reason="no", request_id="r")
    making.carry_out_all()
    assert kube.writes == []
    assert states() == ["Cancelled"]


def test_the_decision_follows_its_action(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    row = making.propose(making.sleep(), cluster=cluster)
    assert DecisionRow.objects.get().state == "Due"
    making.carry_out_all()
    decision = DecisionRow.objects.get()
    assert (decision.state, decision.action_id) == ("Done", row.pk)
