"""Records are appended without gaps, the database refuses to change them, and the check says what was touched."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.fleet.models import Cluster
from apps.ledger import services
from apps.ledger.domain.chain import Place
from apps.ledger.models import ChainHead, Record
from apps.ledger.records import Draft, append

TRIGGERS = {
    "sqlite": ["DROP TRIGGER ledger_record_no_update", "DROP TRIGGER ledger_record_no_delete"],
    "postgresql": ["ALTER TABLE ledger_record DISABLE TRIGGER USER"],
}


def fill(count: int = 5, cluster: Cluster | None = None) -> list[Record]:
    about = services.About(cluster=cluster, namespace="shop", subject="Deployment/shop/web")
    return append([Draft("Setting", {"n": n}, about) for n in range(count)], actor="test", request_id="r1")


def tamper(sql: str, *params: Any) -> None:
    """What somebody with the database's password can do."""
    with connection.cursor() as cursor:
        for statement in TRIGGERS[connection.vendor]:
            cursor.execute(statement)
        cursor.execute(sql, params)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["UPDATE ledger_record SET actor = 'me'", "DELETE FROM ledger_record WHERE seq = 2"])
def test_the_database_refuses_to_change_or_delete_a_record(change: str) -> None:
    fill()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert Record.objects.count() == 5
    assert services.verify_chain().ok


@pytest.mark.django_db
def test_a_record_says_who_what_where_and_by_which_request(cluster: Cluster) -> None:
    before = Record.objects.count()
    row = fill(1, cluster)[0]
    row.refresh_from_db()
    assert (row.seq, row.actor, row.request_id) == (before + 1, "test", "r1")
    assert (row.cluster_name, row.team_id, row.namespace) == ("dev", cluster.team_id, "shop")
    assert row.body == {"n": 0}


@pytest.mark.django_db
def test_records_outlive_their_cluster(cluster: Cluster) -> None:
    row = fill(1, cluster)[0]
    cluster.delete()
    row.refresh_from_db()
    assert row.cluster_name == "dev"
    assert services.verify_chain().ok


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "want"),
    [
        ("UPDATE ledger_record SET content = '{}' WHERE seq = 3", (3, "its content or its hash was changed")),
        ("UPDATE ledger_record SET actor = 'me' WHERE seq = 3", (3, "its columns were changed: actor")),
        (
            "UPDATE ledger_record SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 3",
            (3, "its columns were changed: at"),
        ),
        ("DELETE FROM ledger_record WHERE seq = 3", (3, "records 3 to 3 are missing")),
        ("DELETE FROM ledger_record WHERE seq > 3", (4, "records 4 to 5 are missing at the end")),
        ("UPDATE ledger_chainhead SET seq = 3", (3, "the head of the chain is another record")),
        ("DELETE FROM ledger_chainhead", (1, "the head of the chain was set back from record 5")),
    ],
)
def test_tampering_is_found_where_it_was_done(sql: str, want: tuple[int, str]) -> None:
    fill()
    tamper(sql)
    first = services.verify_chain().flaws[0]
    assert (first.seq, first.what) == want


@pytest.mark.django_db
def test_a_chain_rewritten_from_the_start_is_found_by_a_noted_place() -> None:
    noted = fill()[2]
    place = Place(noted.seq, noted.hash)
    assert services.verify_chain(noted=place).ok
    tamper("DELETE FROM ledger_record")
    ChainHead.objects.all().delete()
    append([Draft("Setting", {"n": "forged"})] * 5, actor="test")
    assert services.verify_chain().ok
    assert [flaw.seq for flaw in services.verify_chain(noted=place).flaws] == [3]


@pytest.mark.django_db
def test_what_a_stranger_typed_fits_its_column() -> None:
    about = services.About(subject="login:" + "x" * 500)
    row = services.record(kind="Login", body={"user": "a\x00b\ud800"}, actor="a\x00b" * 100, about=about)
    row.refresh_from_db()
    assert row.body == {"user": "a\x00b\ud800"}
    assert "\x00" not in row.actor
    assert services.verify_chain().ok


@pytest.mark.django_db
def test_a_record_that_cannot_be_kept_stops_the_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT INTO"):
            raise DatabaseError("database or disk is full")
        return execute(sql, params, many, context)

    with pytest.raises(DatabaseError, match="full"), connection.execute_wrapper(full), transaction.atomic():
        fill()
    assert Record.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite in memory has no locks to wait for; see below")
def test_many_threads_append_without_a_gap() -> None:
    def work() -> None:
        try:
            for _ in range(5):
                fill(2)
        except BaseException as e:  # noqa: BLE001 - shown by the assertion below
            errors.append(e)
        finally:
            connection.close()

    errors: list[BaseException] = []
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(Record.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 61))
    assert services.verify_chain().ok


APPEND_IN_A_PROCESS = """
import django
django.setup()
from apps.ledger.records import Draft, append
for n in range(8):
    append([Draft("Setting", {"n": n})] * 3, actor="test")
"""


def test_many_processes_append_to_one_file_without_a_gap(tmp_path: Path) -> None:
    environment = {**os.environ, "PLIMSOLL_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    environment.pop("PLIMSOLL_DATABASE_URL", None)

    def python(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)

    assert python("manage.py", "migrate", "--skip-checks").wait() == 0
    writers = [python("-c", APPEND_IN_A_PROCESS) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    with closing(sqlite3.connect(tmp_path / "plimsoll.sqlite3")) as database:
        rows = database.execute("SELECT seq, prev_hash, hash FROM ledger_record ORDER BY seq").fetchall()
    assert [seq for seq, _, _ in rows] == list(range(1, 73))
    assert all(rows[n][1] == rows[n - 1][2] for n in range(1, 72))
