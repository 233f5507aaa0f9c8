"""Messages: sent once the work is there, once a transaction, and never in anybody's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from apps.identity.clock import now
from apps.ledger import due
from apps.ledger.models import DueWork
from tests.workers.own_home import Home, eventually, terminate

told: list[int] = []
"""How many pieces of work there were each time a worker was woken."""


def note_the_waking() -> None:
    """Stands behind the port `wake_worker`."""
    told.append(DueWork.objects.count())


@pytest.fixture
def listening(settings: Any) -> Iterator[None]:
    told.clear()
    settings.PLIMSOLL_PORTS = {
        **settings.PLIMSOLL_PORTS,
        "wake_worker": "tests.workers.test_waking.note_the_waking",
    }
    yield
    told.clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listening")
def test_the_message_leaves_when_the_work_is_there() -> None:
    due.put("a", kind="action", at=now())
    assert told == [1]
    due.put("a", kind="action", at=now())
    assert told == [1, 1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listening")
def test_a_transaction_sends_one_message_when_it_commits_and_none_when_it_does_not() -> None:
    with transaction.atomic():
        for number in range(50):
            due.put(f"work:{number}", kind="action", at=now())
        assert told == []
    assert told == [50]

    def fail() -> None:
        with transaction.atomic():
            due.put("never", kind="action", at=now())
            raise RuntimeError

    pytest.raises(RuntimeError, fail)
    assert told == [50]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("listening")
def test_work_of_later_wakes_nobody_now() -> None:
    due.put("later", kind="action", at=now() + timedelta(minutes=1))
    assert told == []


@pytest.fixture
def brokered(tmp_path: Path) -> Iterator[Callable[[], Home]]:
    home = Home(tmp_path / "home", broker=True)
    yield lambda: home
    home.close()


PUT = (
    "from apps.ledger import due; from apps.identity.clock import now\n"
    "due.put('approval:019cadc6-0000-7000-8000-000000000000', kind='approval', at=now()); print('kept')"
)


def test_a_worker_takes_what_falls_due_and_ends_well(brokered: Callable[[], Home]) -> None:
    """Without a broker the work is kept; with one the worker is woken; no beat runs, so nothing else would."""
    home = brokered()
    assert home.python(PUT) == "kept"
    home.start_broker()
    worker = home.start("workers.worker")
    eventually(lambda: "ready" in home.log("workers.worker"), what="the worker is ready")
    assert home.value("select count(*) from ledger_duework") == 1
    home.python(PUT)
    eventually(
        lambda: home.value("select count(*) from ledger_duework where attempts = 0") in (0, None),
        what="the worker has taken it",
    )
    assert terminate(worker) == 0


def test_every_schedule_names_a_task_that_exists() -> None:
    from workers import tasks
    from workers.beat import app

    assert tasks.run_due.name in app.tasks
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_beat_sends_what_is_on_its_page(brokered: Callable[[], Home]) -> None:
    home = brokered()
    home.start_broker()
    beat = home.start("workers.beat")
    llen = "import redis; from django.conf import settings; print(redis.Redis.from_url(settings.REDIS_URL).llen('due'))"
    eventually(lambda: int(home.python(llen)) >= 1, what="a sweep was asked for")
    assert terminate(beat) == 0
