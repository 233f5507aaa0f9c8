"""Due work is unique, level-triggered, claimed by one worker at a time, and never lost."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.kernel.clock import ManualClock
from apps.kernel.errors import PreconditionFailed
from apps.ledger import due, holders, working
from apps.ledger.leases import DatabaseLeases
from apps.ledger.models import DueWork, Lease
from tests.ledger import fakes

pytestmark = pytest.mark.django_db

NOW = fakes.START


def claim(holder: str = "a", *, limit: int = 10, seconds: float = 60, after: float = 0) -> list[due.Claimed]:
    return due.claim(holder=holder, limit=limit, lease_seconds=seconds, now=NOW + timedelta(seconds=after))


def test_asking_twice_is_asking_once_at_the_earlier_time() -> None:
    due.put("k", kind="t", at=NOW + timedelta(minutes=5))
    due.put("k", kind="t", at=NOW)
    due.put("k", kind="t", at=NOW + timedelta(minutes=9))
    assert DueWork.objects.get().at == NOW


def test_what_is_not_due_is_not_claimed() -> None:
    due.put("later", kind="t", at=NOW + timedelta(seconds=1))
    due.put("now", kind="t", at=NOW)
    assert [item.key for item in claim()] == ["now"]


def test_the_oldest_goes_first_and_the_limit_holds() -> None:
    for n in range(5):
        due.put(f"k{n}", kind="t", at=NOW - timedelta(seconds=n))
    assert [item.key for item in claim(limit=2)] == ["k4", "k3"]


def test_nobody_claims_what_another_holds_until_its_lease_is_over() -> None:
    due.put("k", kind="t", at=NOW)
    (first,) = claim("a")
    assert claim("b", after=59) == []
    (second,) = claim("b", after=61)
    assert second.epoch > first.epoch


def test_a_lost_claim_can_neither_finish_nor_put_off() -> None:
    due.put("k", kind="t", at=NOW)
    (first,) = claim("a")
    claim("b", after=61)
    assert not due.done(first)
    assert not due.retry(first, error="x", at=NOW)
    assert DueWork.objects.get().holder == "b"


def test_work_asked_for_again_while_it_runs_stays_due() -> None:
    due.put("k", kind="t", at=NOW)
    (item,) = claim()
    due.put("k", kind="t", at=NOW)
    assert due.done(item)
    assert len(claim()) == 1


def test_finished_work_is_gone() -> None:
    due.put("k", kind="t", at=NOW)
    (item,) = claim()
    assert due.done(item)
    assert not DueWork.objects.exists()


def test_work_that_kills_its_worker_is_tried_ever_less_often() -> None:
    due.put("k", kind="t", at=NOW)
    waits, after = [], 0.0
    for _ in range(5):
        (item,) = claim(after=after)
        wait = (item.lease_until - NOW).total_seconds() - after
        waits.append(wait)
        after += wait + 1
    assert waits == [60, 120, 240, 480, 960]


@pytest.mark.parametrize(
    ("attempts", "wish", "want"),
    [(1, None, 2), (2, None, 4), (5, None, 32), (9, None, 300), (99, None, 300), (1, 30.0, 30), (9, 10.0, 300)],
)
def test_back_off(attempts: int, wish: float | None, want: float) -> None:
    assert due.backoff(attempts, wish_seconds=wish) == timedelta(seconds=want)


def test_depth_counts_what_is_due_and_how_long(clock: ManualClock) -> None:
    due.put("a", kind="x", at=NOW - timedelta(seconds=30))
    due.put("b", kind="x", at=NOW)
    due.put("c", kind="y", at=NOW + timedelta(seconds=1))
    assert due.depth(now=NOW) == {"x": due.Depth(2, 30.0)}


def test_what_a_dead_process_held_is_free_at_once() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = holders.this_process().split(":")[0]
    for key, holder in (("dead", f"{host}:{gone.pid}:x"), ("mine", holders.this_process()), ("far", "elsewhere:1:x")):
        due.put(key, kind="t", at=NOW)
        assert [item.key for item in claim(holder)] == [key]
    assert due.release_dead(alive=holders.may_be_alive) == 1
    assert [item.key for item in claim("next")] == ["dead"]


def test_a_pid_that_came_back_is_not_the_process_that_died() -> None:
    host = holders.this_process().split(":")[0]
    assert not holders.may_be_alive(f"{host}:{os.getpid()}:another")


def fails(item: due.Claimed) -> None:
    raise RuntimeError(item.key)


DONE: list[str] = []


def works(item: due.Claimed) -> None:
    DONE.append(item.key)


def test_one_broken_piece_does_not_stop_the_others(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    DONE.clear()
    handlers = {"bad": f"{__name__}.fails", "good": f"{__name__}.works", "unknown": "no.such.module"}
    monkeypatch.setattr(working, "_handlers", handlers)
    for n in range(3):
        due.put(f"bad{n}", kind="bad", at=NOW)
        due.put(f"good{n}", kind="good", at=NOW)
    due.put("lost", kind="unknown", at=NOW)
    assert working.run_due(holder="w") == 7
    assert sorted(DONE) == ["good0", "good1", "good2"]
    assert set(DueWork.objects.values_list("at", flat=True)) == {NOW + timedelta(hours=1)}
    assert working.run_due(holder="w") == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["put", "claim", "die", "done", "retry", "wait"]), st.integers(0, 2))))
def test_no_work_is_ever_lost_or_in_two_hands(steps: list[tuple[str, int]]) -> None:
    DueWork.objects.all().delete()
    held: dict[str, due.Claimed] = {}
    asked: set[str] = set()
    at = NOW
    for step, n in steps:
        key = f"k{n}"
        if step == "put":
            due.put(key, kind="t", at=at)
            asked.add(key)
        elif step == "claim":
            for item in due.claim(holder="w", limit=1, lease_seconds=60, now=at):
                other = held.get(item.key)
                assert other is None or other.lease_until < at
                held[item.key] = item
        elif step == "die":
            held.pop(key, None)
        elif step == "wait":
            at += timedelta(seconds=61)
        elif key in held:
            item = held.pop(key)
            if step == "done" and due.done(item) and not DueWork.objects.filter(key=key).exists():
                asked.discard(key)
            elif step == "retry":
                due.retry(item, error="x", at=at)
    assert set(DueWork.objects.values_list("key", flat=True)) == asked
    claimed = due.claim(holder="last", limit=10, lease_seconds=1, now=at + timedelta(days=1))
    assert {item.key for item in claimed} == asked


def test_one_leader_at_a_time_and_a_new_epoch_for_each() -> None:
    led: list[str] = []
    leases = DatabaseLeases(on_new_lead=led.append)
    span = timedelta(seconds=15)
    first = leases.acquire("dev", holder="a", span=span, now=NOW)
    assert first is not None
    assert leases.acquire("dev", holder="b", span=span, now=NOW + timedelta(seconds=14)) is None
    renewed = leases.acquire("dev", holder="a", span=span, now=NOW + timedelta(seconds=14))
    assert renewed is not None
    assert renewed.epoch == first.epoch
    second = leases.acquire("dev", holder="b", span=span, now=NOW + timedelta(seconds=30))
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert led == ["dev", "dev"]
    leases.check("dev", epoch=second.epoch)
    with pytest.raises(PreconditionFailed, match="has passed"):
        leases.check("dev", epoch=first.epoch)
    leases.release(first)
    assert Lease.objects.get().holder == "b", "what was lost cannot be given back"
    leases.release(second)
    third = leases.acquire("dev", holder="c", span=span, now=NOW + timedelta(seconds=31))
    assert third is not None
    assert third.epoch == second.epoch + 1
