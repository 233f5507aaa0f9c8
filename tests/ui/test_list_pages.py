"""List pages: what is shown to whom, at what cost, filtered, empty, exported, in whose columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from apps.identity.models import User
from apps.identity.roles import Role
from apps.identity.services import grant
from apps.ui.models import Preferences, SavedView, TableLayout
from tests.factories import make_approval, make_cluster, make_decision, make_policy, make_team, make_user, make_workload


def many_workloads(n: int) -> None:
    cluster = make_cluster()
    team = make_team()
    for _ in range(n):
        make_workload(cluster=cluster, team=team)


def many_decisions(n: int) -> None:
    cluster = make_cluster()
    for _ in range(n):
        make_decision(workload=make_workload(cluster=cluster))


def many_approvals(n: int) -> None:
    cluster = make_cluster()
    for _ in range(n):
        make_approval(decisions=[make_decision(workload=make_workload(cluster=cluster))])


def many_policies(n: int) -> None:
    cluster = make_cluster()
    for _ in range(n):
        make_policy(cluster=cluster)


def many_clusters(n: int) -> None:
    for _ in range(n):
        make_workload(cluster=make_cluster())


PAGES = [
    ("/workloads/", many_workloads), ("/decisions/", many_decisions), ("/approvals/", many_approvals),
    ("/policies/", many_policies), ("/clusters/", many_clusters),
]  # fmt: skip


@pytest.mark.parametrize(("path", "make"), PAGES)
def test_a_list_page_costs_as_many_queries_at_100_rows_as_at_10(
    path: str, make: Callable[[int], None], client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make(10)
    with CaptureQueriesContext(connection) as at_ten:
        assert client.get(f"{path}?per_page=200").status_code == 200
    make(90)
    with django_assert_num_queries(len(at_ten)):
        answer = client.get(f"{path}?per_page=200")
    assert answer.content.decode().count('<tr id="row-') == 100


@pytest.mark.parametrize(("path", "make"), PAGES)
def test_somebody_without_a_role_sees_no_row(path: str, make: Callable[[int], None], stranger: Client) -> None:
    make(2)
    answer = stranger.get(path)
    assert answer.status_code == 200
    assert '<tr id="row-' not in answer.content.decode()


def test_a_role_on_a_team_shows_what_the_team_owns(admin: User) -> None:
    team, user = make_team(), make_user()
    make_workload("ours", team=team)
    make_workload("theirs")
    grant(holder=user, role=Role.VIEWER, on=team, actor=admin)
    client = Client()
    client.force_login(user)
    page = client.get("/workloads/").content.decode()
    assert "ours" in page
    assert "theirs" not in page


def test_signed_out_is_sent_to_the_login_page_and_back(db: None) -> None:
    answer = Client().get("/workloads/?state=Asleep")
    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=/workloads/%3Fstate%3DAsleep"


def test_filters_stand_as_chips_that_take_themselves_away(client: Client) -> None:
    make_workload("web", asleep=True)
    make_workload("api")
    page = client.get("/workloads/?state=Asleep&state=Waking&q=web").content.decode()
    assert "web" in page
    assert ">api<" not in page
    assert 'href="?state=Waking&amp;q=web"' in page
    assert "Clear filters" in page


def test_nothing_matches_and_nothing_yet_are_told_apart(client: Client) -> None:
    assert "No workloads yet" in client.get("/workloads/").content.decode()
    assert "Connect a cluster" in client.get("/workloads/").content.decode()
    make_workload()
    assert "Nothing matches this filter" in client.get("/workloads/?q=nowhere").content.decode()


def test_a_filter_that_makes_no_sense_is_named_and_breaks_nothing(client: Client) -> None:
    make_decision(workload=make_workload())
    page = client.get("/decisions/?since=yesterdayish&page=abc&sort=nothing&per_page=x").content.decode()
    assert "Write an age like 24h" in page


def test_only_the_rows_asked_for_come_back_and_those_outside_the_filter_do_not(client: Client) -> None:
    awake, asleep = make_workload("awake"), make_workload("asleep", asleep=True)
    page = client.get(f"/workloads/?state=Asleep&rows={awake.pk},{asleep.pk},nonsense").content.decode()
    assert f'id="row-{asleep.pk}"' in page
    assert str(awake.pk) not in page
    assert "<html" not in page


def test_csv_holds_every_row_and_no_formula(client: Client) -> None:
    for n in range(60):
        make_workload(f"w{n}", policy="=HYPERLINK(1)")
    answer = client.get("/workloads/?export=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 60
    assert rows[0]["policy"] == "'=HYPERLINK(1)"
    assert rows[0]["price"] == "0.087500"


def test_json_follows_the_filter(client: Client) -> None:
    make_workload("web", asleep=True)
    make_workload("api")
    answer = client.get("/workloads/?state=Asleep&export=json")
    rows = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert [row["name"] for row in rows] == ["web"]
    assert rows[0]["state"] == "Asleep"


def test_columns_and_their_order_are_kept_for_each_user(client: Client, admin: User) -> None:
    make_workload()
    client.post("/layouts/workloads/", {"columns": ["price", "state"], "save": "1", "next": "/workloads/"})
    head = client.get("/workloads/").content.decode().split("<thead>")[1].split("</thead>")[0]
    assert head.index("Cost awake") < head.index("State")
    assert "Why" not in head
    client.post("/layouts/workloads/", {"columns": ["price", "state"], "down": "price"})
    assert TableLayout.objects.get(user=admin).columns == ["state", "price"]
    client.post("/layouts/workloads/", {"reset": "1"})
    assert not TableLayout.objects.exists()


def test_a_saved_view_can_be_the_default_and_be_shared(client: Client, stranger: Client) -> None:
    query = {"query": "state=Asleep", "path": "/workloads/"}
    client.post("/views/workloads/", {**query, "name": "Sleeping", "is_default": "1", "shared": "1"})
    view = SavedView.objects.get()
    answer = client.get("/workloads/")
    assert answer["Location"] == f"/workloads/?state=Asleep&saved={view.pk}"
    assert client.get("/workloads/?all=1").status_code == 200
    assert "Sleeping" in stranger.get("/workloads/").content.decode()
    assert stranger.post(f"/views/{view.pk}/delete/").status_code == 404
    client.post(f"/views/{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_states_keep_their_look_in_another_language_and_their_value_in_an_export(client: Client, admin: User) -> None:
    Preferences.objects.create(user=admin, language="zh-hans")
    make_workload(state="Falling")
    page = client.get("/workloads/").content.decode()
    assert "#hourglass" in page.split("<tbody>")[1]
    answer = client.get("/workloads/?export=json")
    assert json.loads(b"".join(answer.streaming_content))[0]["state"] == "Falling"  # type: ignore[attr-defined]
