"""The ledger leaves as JSON lines that can be checked without us, and old segments leave the database whole."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.fleet.models import Cluster
from apps.identity.models import Team, User
from apps.identity.roles import Role
from apps.kernel.clock import ManualClock
from apps.kernel.errors import InvalidInput, PreconditionFailed
from apps.ledger import archive as archiving
from apps.ledger import services
from apps.ledger.archive import read
from apps.ledger.domain.chain import Link, Place, canonical, flaws
from apps.ledger.models import ChainHead, Record, Segment
from apps.ledger.records import About, Draft, append
from tests.ledger.conftest import make_user
from tests.ledger.test_records import tamper

pytestmark = pytest.mark.django_db


def fill(count: int, **about: Any) -> None:
    append([Draft("Setting", {"n": n, "ü": 0.1}, About(**about)) for n in range(count)], actor="test", request_id="r1")


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="correct horse battery")


def lines(user: User, **filters: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in services.export(user=user, filters=filters)]


def test_an_export_can_be_checked_without_plimsoll(root: User) -> None:
    fill(7)
    links = []
    for said in lines(root):
        prev_hash, own = said.pop("prev_hash"), said.pop("hash")
        links.append(Link(said["seq"], canonical(said), prev_hash, own))
    assert [link.seq for link in links] == list(range(1, 8))
    assert list(flaws(links, start=Place(), head=Place(7, links[-1].hash))) == []


def test_an_export_holds_what_its_reader_may_see(cluster: Cluster, team: Team) -> None:
    other = Team.objects.create(name="other")
    viewer = make_user("vera", team=team, role=Role.VIEWER)
    fill(2, cluster=cluster, subject="mine")
    fill(3, team=other, subject="theirs")
    assert {said["subject"] for said in lines(viewer, kind="Setting")} == {"mine"}


def test_an_export_takes_the_filters_of_the_list(cluster: Cluster, root: User) -> None:
    fill(2, cluster=cluster)
    fill(3)
    assert len(lines(root, cluster="dev")) == 2
    with pytest.raises(InvalidInput) as caught:
        lines(root, since="the day before")
    assert caught.value.field == "since"


def test_an_export_is_streamed_in_two_queries(root: User, django_assert_max_num_queries: Any) -> None:
    fill(1200)
    with django_assert_max_num_queries(2):
        assert sum(1 for _ in services.export(user=root, filters={})) == 1200


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "SEGMENT_SIZE", 10)


def archive(folder: Path, clock: ManualClock) -> list[Segment]:
    clock.advance(timedelta(days=1))
    return services.archive(before=clock.now(), folder=folder, actor="test")


@pytest.mark.usefixtures("small_segments")
def test_whole_segments_move_to_files_and_the_chain_goes_on(tmp_path: Path, clock: ManualClock) -> None:
    fill(25)
    made = archive(tmp_path, clock)
    assert [(s.first_seq, s.last_seq) for s in made] == [(1, 10), (11, 20)]
    assert Record.objects.order_by("seq").first().seq == 21  # type: ignore[union-attr]
    report = services.verify_chain()
    assert (report.ok, report.first, report.head.seq) == (True, 21, 27), "each archiving is on record"
    links = [*read(tmp_path / made[0].file), *read(tmp_path / made[1].file)]
    assert list(flaws(links, start=Place(), head=Place(20, made[1].last_hash))) == []
    assert services.verify_chain(noted=Place(20, made[1].last_hash)).ok


@pytest.mark.usefixtures("small_segments")
def test_what_is_not_old_or_not_whole_stays(tmp_path: Path, clock: ManualClock) -> None:
    fill(9)
    assert archive(tmp_path, clock) == []
    fill(9)
    assert services.archive(before=clock.now(), folder=tmp_path, actor="test") == []
    assert Record.objects.count() == 18


@pytest.mark.usefixtures("small_segments")
def test_a_segment_that_was_tampered_with_is_not_archived(tmp_path: Path, clock: ManualClock) -> None:
    fill(12)
    tamper("UPDATE ledger_record SET content = replace(content, 'test', 'me') WHERE seq = 4")
    with pytest.raises(PreconditionFailed, match="record 4: its content or its hash was changed"):
        archive(tmp_path, clock)
    assert Record.objects.count() == 12


@pytest.mark.usefixtures("small_segments")
def test_the_database_still_refuses_to_delete_what_is_not_archived(tmp_path: Path, clock: ManualClock) -> None:
    fill(12)
    archive(tmp_path, clock)
    assert ChainHead.objects.get().archived_through == 10
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_record")
    assert Record.objects.exists()
