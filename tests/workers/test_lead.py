"""Leading: one process at a time, and the next one soon after a death."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from apps.ledger import holders
from apps.ledger.models import Lease
from tests.fleet.build import NOW
from workers.lead import RENEW_EVERY, SPAN, Lead

pytestmark = pytest.mark.django_db


@pytest.fixture
def somebody_else() -> str:
    """A holder on another machine, who may be alive."""
    return "elsewhere:1:abcd"


def _dead_process() -> str:
    """A holder's name on this machine whose process has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = holders.this_process().rsplit(":", 2)[0]
    return f"{host}:{ended.pid}:abcd"


def test_it_takes_a_free_lead_and_keeps_it_up() -> None:
    lead = Lead("cluster:1")
    assert lead.keep(now=NOW)
    assert lead.epoch == 1
    later = NOW + RENEW_EVERY
    assert lead.keep(now=later)
    assert Lease.objects.get().until == later + SPAN
    assert lead.epoch == 1


def test_keeping_it_up_costs_nothing_in_between(django_assert_num_queries: object) -> None:
    lead = Lead("cluster:1")
    lead.keep(now=NOW)
    with django_assert_num_queries(0):  # type: ignore[operator]  # pytest-django's fixture
        assert lead.keep(now=NOW + timedelta(seconds=1))


def test_a_lead_in_other_hands_is_left_there(somebody_else: str) -> None:
    Lease.objects.create(name="cluster:1", holder=somebody_else, epoch=4, until=NOW + SPAN)
    lead = Lead("cluster:1")
    assert not lead.keep(now=NOW)
    assert lead.epoch == 0
    assert lead.keep(now=NOW + SPAN + timedelta(seconds=1))
    assert lead.epoch == 5


def test_the_dead_are_not_waited_for() -> None:
    Lease.objects.create(name="cluster:1", holder=_dead_process(), epoch=4, until=NOW + SPAN)
    lead = Lead("cluster:1")
    assert lead.keep(now=NOW)
    assert lead.epoch == 5


def test_a_lead_that_was_taken_meanwhile_is_noticed(somebody_else: str) -> None:
    lead = Lead("cluster:1")
    lead.keep(now=NOW)
    Lease.objects.update(holder=somebody_else, epoch=9, until=NOW + timedelta(hours=1))
    assert not lead.keep(now=NOW + RENEW_EVERY)
    assert lead.lost(now=NOW + RENEW_EVERY)


def test_a_lead_that_ran_out_unseen_is_lost() -> None:
    lead = Lead("cluster:1")
    lead.keep(now=NOW)
    assert not lead.lost(now=NOW + SPAN)
    assert lead.lost(now=NOW + SPAN + timedelta(seconds=1))


def test_what_is_given_back_is_free_at_once() -> None:
    lead = Lead("cluster:1")
    lead.keep(now=NOW)
    lead.give_back()
    assert lead.epoch == 0
    other = Lead("cluster:1")
    assert other.keep(now=NOW)
    assert other.epoch == 2


def test_threads_that_ask_together_have_one_name() -> None:
    """Each cluster's thread asks first thing; with two names one of them would lose its lead to the other."""
    code = (
        "import sys, threading; sys.setswitchinterval(1e-6)\n"
        "from apps.ledger import holders\n"
        "gate, names = threading.Barrier(16), []\n"
        "def ask():\n    gate.wait(); names.append(holders.this_process())\n"
        "threads = [threading.Thread(target=ask) for _ in range(16)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(len(names), len(set(names)))"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["16", "1"]
