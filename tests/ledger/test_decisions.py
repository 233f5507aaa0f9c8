"""Decisions become rows and records once; repeats are counted and write nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.fleet.models import Cluster
from apps.identity.models import User
from apps.kernel.clock import ManualClock
from apps.kernel.decisions import Alternative, Decision, Evidence, Reason, Saving, Verdict
from apps.kernel.ids import uuid7
from apps.kernel.vocab import Cluster as ClusterView
from apps.kernel.vocab import Reading, Sample, Snapshot, SourceAge
from apps.ledger import decisions, services
from apps.ledger.models import DecisionRow, Record
from tests.ledger import fakes, making

pytestmark = pytest.mark.django_db(transaction=True)


def keep(*made: Decision, cluster: Cluster, **more: Any) -> dict[Any, DecisionRow]:
    return services.record_decisions(made, cluster=cluster, actor="watcher", request_id="tick", **more)


def hold(code: str = "HasTraffic", **operands: Any) -> Decision:
    return making.decision(code=code, verdict=Verdict.HOLD, **operands)


def writes(queries: CaptureQueriesContext) -> list[str]:
    return [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_a_decision_keeps_all_it_was_made_of(cluster: Cluster) -> None:
    one = replace(
        making.decision(action=making.sleep(), idle_after="2h"),
        evidence=(Evidence("requests", 0.0, "requests", 1.0, "sum(x)"), Evidence("route", "Ingress/shop/web")),
        alternatives=(Alternative("ScaleToOne", Reason("StillCosts", {"pods": 1})),),
        saving=Saving(Decimal("1.23456789")),
        disruption_pods=3,
    )
    row = keep(one, cluster=cluster, modes={one.id: "Enforce"})[one.id]
    row.refresh_from_db()
    assert (row.id, row.verdict, row.reason_code, row.operands) == (one.id, "Act", "NoTraffic", {"idle_after": "2h"})
    assert row.evidence[0] == {"name": "requests", "value": 0, "unit": "requests", "threshold": 1, "source": "sum(x)"}
    assert row.alternatives[0]["reason"]["code"] == "StillCosts"
    assert (row.saving_per_hour, row.currency, row.disruption_pods) == (Decimal("1.234568"), "USD", 3)
    assert (row.policy_name, row.policy_generation, row.mode) == ("night", 3, "Enforce")
    body = Record.objects.get(kind="Decision").body
    assert body["decision"]["id"] == str(one.id)
    assert body["decision"]["action"]["kind"] == "Sleep"


def test_nothing_is_written_while_nothing_changes(cluster: Cluster, clock: ManualClock) -> None:
    def tick(n: int) -> list[Decision]:
        return [
            hold(requests=10 + n, rate=0.5 * n, since=f"2026-03-02T09:{n:02}:00+00:00"),
            making.decision(making.ref("idle"), idle_for=f"{n + 1}h"),
            making.decision(making.ref("argo"), code="GitOpsOwnsReplicas", verdict=Verdict.REFUSE, owner="argocd"),
        ]

    keep(*tick(0), cluster=cluster)
    assert Record.objects.count() == 3
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for n in range(1, 40):
            clock.advance(timedelta(seconds=15))
            keep(*tick(n), cluster=cluster)
    assert writes(queries) == []
    assert DecisionRow.objects.count() == Record.objects.count() == 3


def test_repeats_are_written_back_once_in_half_an_hour(cluster: Cluster, clock: ManualClock) -> None:
    keep(hold(requests=1), cluster=cluster)
    for _ in range(9):
        keep(hold(requests=2), cluster=cluster)
    clock.advance(timedelta(minutes=31))
    keep(hold(requests=99), cluster=cluster)
    row = DecisionRow.objects.get()
    assert (row.count, row.operands, row.last_seen) == (11, {"requests": 99}, clock.now())
    assert Record.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda d: replace(d, reason=Reason("Unknown", d.reason.operands)),
        lambda d: replace(d, verdict=Verdict.REFUSE),
        lambda d: replace(d, reason=Reason(d.reason.code, {"route": "other"})),
        lambda d: replace(d, subject=replace(d.subject, uid="another incarnation")),
        lambda d: replace(d, policy=replace(making.POLICY, generation=4)),
    ],
    ids=["reason", "verdict", "operand", "incarnation", "policy revision"],
)
def test_what_is_new_is_written(change: Any, cluster: Cluster) -> None:
    first = making.decision(route="web", idle_for="2h")
    keep(first, cluster=cluster)
    keep(change(replace(first, id=uuid7())), cluster=cluster)
    assert DecisionRow.objects.count() == Record.objects.count() == 2
    assert DecisionRow.objects.filter(current=True).count() == 1


def test_of_two_in_one_batch_the_later_stands_and_does_not_flap(cluster: Cluster) -> None:
    for _ in range(3):
        first, second = making.decision(code="A"), making.decision(code="B")
        rows = keep(first, second, cluster=cluster)
        assert rows[first.id].reason_code == rows[second.id].reason_code == "B"
    assert DecisionRow.objects.count() == 1


def test_two_policies_speak_side_by_side(cluster: Cluster) -> None:
    keep(making.decision(), cluster=cluster)
    keep(replace(making.decision(), policy=replace(making.POLICY, name="day")), cluster=cluster)
    assert DecisionRow.objects.filter(current=True).count() == 2


def test_an_acting_repeat_maps_to_the_row_that_stands(cluster: Cluster) -> None:
    first, second = making.decision(), making.decision()
    row = keep(first, cluster=cluster)[first.id]
    assert keep(second, cluster=cluster)[second.id].pk == row.pk


def test_what_a_person_decides_is_always_kept(cluster: Cluster, operator: User) -> None:
    for _ in range(2):
        one = making.decision()
        services.record_decisions([one], cluster=cluster, actor=operator, request_id="r")
    assert DecisionRow.objects.count() == 2
    assert set(DecisionRow.objects.values_list("actor", flat=True)) == {"olga"}


def test_a_rolled_back_decision_is_news_the_next_time(cluster: Cluster) -> None:
    with transaction.atomic():
        keep(making.decision(), cluster=cluster)
        transaction.set_rollback(True)
    assert DecisionRow.objects.count() == 0
    keep(making.decision(), cluster=cluster)
    assert DecisionRow.objects.count() == 1


def test_another_process_is_not_contradicted(cluster: Cluster) -> None:
    keep(making.decision(code="A"), cluster=cluster)
    ours = dict(decisions._standing[cluster.pk])
    decisions.forget()  # the other process
    keep(making.decision(code="B"), cluster=cluster)
    decisions._standing[cluster.pk] = ours  # ours again, behind the times
    keep(making.decision(code="B"), cluster=cluster)
    assert list(DecisionRow.objects.order_by("id").values_list("reason_code", flat=True)) == ["A", "B"]


def test_the_snapshot_is_recorded_once_and_only_with_something_new(cluster: Cluster) -> None:
    view = ClusterView(cluster.pk, "dev")
    reading = Reading("sum(x)", fakes.START, (Sample({}, float("nan"), 1.0),))
    ages = (SourceAge("workloads", True, timedelta(seconds=1)),)
    snapshot = Snapshot(uuid7(), view, fakes.START, ages, {"deployments.apps": "7"}, readings={"sum(x)": reading})
    keep(making.decision(), making.decision(making.ref("api")), cluster=cluster, snapshot=snapshot)
    keep(making.decision(), cluster=cluster, snapshot=replace(snapshot, id=uuid7()))
    (kept,) = Record.objects.filter(kind="Snapshot")
    assert kept.subject == str(snapshot.id)
    assert kept.body["versions"] == {"deployments.apps": "7"}
    assert len(kept.body["hash"]) == 64


def test_not_a_number_is_kept_as_text(cluster: Cluster) -> None:
    one = replace(hold(), evidence=(Evidence("ratio", float("nan"), "ratio", 1.0),))
    keep(one, cluster=cluster)
    assert DecisionRow.objects.get().evidence[0]["value"] == "nan"


def test_ten_thousand_repeats_read_the_database_once(cluster: Cluster) -> None:
    many = [making.decision(making.ref(f"web-{n}"), code="HasTraffic", verdict=Verdict.HOLD) for n in range(2_000)]
    keep(*many, cluster=cluster)
    with CaptureQueriesContext(connection) as queries:
        keep(*many, cluster=cluster)
    assert len(queries) == 0
    assert services.verify_chain().ok
