"""Sleeping and waking from the list: a preview first, a reason, one request; and answers to approvals."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.fleet.connections import seal
from apps.fleet.models import Workload
from apps.fleet.services import sync_rows
from apps.identity.models import User
from apps.kernel.ports import KubeConnection
from apps.ledger.models import ActionRow, ApprovalRequest, DecisionRow, Vote
from tests.factories import make_approval, make_decision, make_user, make_workload
from tests.policies.conftest import MakeWorld, make_world  # noqa: F401  the fixture
from tests.policies.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:  # noqa: F811  a fixture by its name
    made = make_world()
    made.row.sealed_credentials = seal(KubeConnection("https://memory"))
    made.row.save()
    made.add_namespace("dev")
    return made


def seen(world: World) -> list[Workload]:
    sync_rows(cluster=world.row, cache=world.cache, now=world.clock.now())
    return list(Workload.objects.order_by("name"))


def test_the_preview_asks_the_api_server_and_records_nothing(world: World, client: Client) -> None:
    world.add_workload("web", namespace="dev", replicas=3)
    (row,) = seen(world)
    page = client.post("/workloads/sleep/", {"ids": [str(row.pk)], "next": "/workloads/"}).content.decode()
    assert "The API server would do it" in page
    assert f'name="ids" value="{row.pk}"' in page
    assert DecisionRow.objects.count() == 0


def test_all_means_every_row_of_the_filter_and_no_other(world: World, client: Client) -> None:
    for name in ("web-1", "web-2", "api"):
        world.add_workload(name, namespace="dev")
    seen(world)
    page = client.post("/workloads/sleep/", {"all": "1", "query": "q=web"}).content.decode()
    assert "web-1" in page
    assert "web-2" in page
    assert ">api<" not in page


def test_confirming_makes_one_request_of_one_decision_each(world: World, client: Client) -> None:
    for name in ("web-1", "web-2"):
        world.add_workload(name, namespace="dev")
    ids = [str(row.pk) for row in seen(world)]
    page = client.post("/workloads/sleep/confirm/", {"ids": ids, "reason": "holiday", "until": "8h"}).content.decode()
    assert "2 workloads are on their way." in page
    assert len(set(DecisionRow.objects.values_list("request_id", flat=True))) == 1
    assert set(ActionRow.objects.values_list("kind", "state", "reason")) == {("Sleep", "Due", "holiday")}


def test_without_a_reason_nothing_happens(world: World, client: Client) -> None:
    world.add_workload("web", namespace="dev")
    (row,) = seen(world)
    answer = client.post(
        "/workloads/sleep/confirm/", {"ids": [str(row.pk)], "reason": " ", "next": "/workloads/"}, follow=True
    )
    assert "reason: a reason is needed." in answer.content.decode()
    assert ActionRow.objects.count() == 0


def test_what_cannot_be_done_is_listed_with_its_reason(world: World, client: Client) -> None:
    world.add_workload("web", namespace="dev")
    (row,) = seen(world)
    page = client.post("/workloads/wake/", {"ids": [str(row.pk)]}).content.decode()
    assert "It is not asleep." in page
    assert 'name="reason"' not in page


def test_nothing_picked_and_too_much_picked_are_told(client: Client) -> None:
    assert "Nothing is selected" in client.post("/workloads/sleep/", {}, follow=True).content.decode()
    cluster = make_workload().cluster
    Workload.objects.bulk_create(
        Workload(
            cluster=cluster, namespace="n", kind="Deployment", name=f"w{n}", uid=str(n), updated_at=cluster.created_at
        )
        for n in range(501)
    )
    answer = client.post("/workloads/sleep/", {"all": "1", "query": "namespace=n"}, follow=True)
    assert "At most 500 workloads at once" in answer.content.decode()


def test_somebody_elses_workload_cannot_be_named(stranger: Client) -> None:
    row = make_workload()
    answer = stranger.post("/workloads/sleep/", {"ids": [str(row.pk)]}, follow=True)
    assert "Nothing is selected" in answer.content.decode()


def pending(requester: User | None = None) -> ApprovalRequest:
    return make_approval(decisions=[make_decision(workload=make_workload())], requester=requester)


def test_an_answer_needs_a_reason_and_goes_on_the_record(client: Client, admin: User) -> None:
    approval = pending(make_user())
    answer = client.post(f"/approvals/{approval.pk}/vote/", {"answer": "reject", "reason": ""}, follow=True)
    assert 'class="note note-error"' in answer.content.decode()
    assert Vote.objects.count() == 0
    answer = client.post(f"/approvals/{approval.pk}/vote/", {"answer": "reject", "reason": "in use"}, follow=True)
    assert "You rejected it." in answer.content.decode()
    approval.refresh_from_db()
    assert approval.state == "Rejected"
    assert "in use" in client.get(f"/approvals/{approval.pk}/").content.decode()


def test_whoever_asked_is_told_that_somebody_else_must_answer(client: Client, admin: User) -> None:
    approval = pending(admin)
    page = client.get(f"/approvals/{approval.pk}/").content.decode()
    assert "You asked for this, so somebody else must answer." in page
    answer = client.post(f"/approvals/{approval.pk}/vote/", {"answer": "approve", "reason": "mine"}, follow=True)
    assert 'class="note note-error"' in answer.content.decode()
    assert Vote.objects.count() == 0


def test_the_badge_counts_what_waits_for_this_user(client: Client, admin: User) -> None:
    pending(make_user())
    pending(admin)
    assert 'data-badge="approvals">1<' in client.get("/").content.decode()
