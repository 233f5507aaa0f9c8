"""An action killed at any write, database or cluster, ends as if it had not been.

- Killed before every single write of a sleep and of a wake, in order.
- Killed at random places, several times, with errors of the cluster and other people's writes in between.

Here the "kill" is an exception that nothing catches; test_kill_9.py does the same to real processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fleet.models import Cluster
from apps.kernel.actions import SLEPT, Sleep
from apps.kernel.errors import Unavailable
from apps.ledger import decisions, services
from apps.ledger.models import ActionRow, ActionState, Record
from tests.ledger import fakes, making
from tests.ledger.fakes import FakeKube, Killed

pytestmark = pytest.mark.django_db

WRITES = ("INSERT", "UPDATE", "DELETE")
SHAPES = ("deployment", "keda", "cronjob")


class Fuse:
    """Counts writes and kills at those numbers; `labels` is what a recording run saw."""

    def __init__(self, *at: int, error: BaseException | None = None) -> None:
        self.at = set(at)
        self.error = error
        self.labels: list[str] = []

    def write(self, label: str) -> None:
        if label.startswith("after "):
            return
        self.labels.append(label)
        if len(self.labels) in self.at:
            raise self.error or Killed(label)

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(WRITES):
            self.write(" ".join(sql.split()[:3]))
        return execute(sql, params, many, context)


@contextmanager
def rolled_back() -> Iterator[None]:
    """A world of its own for one example."""
    decisions.forget()
    before = transaction.savepoint()  # not a nested atomic(): carry_out refuses to run inside one
    yield
    transaction.savepoint_rollback(before)


def build(shape: str) -> tuple[FakeKube, Sleep]:
    kube = fakes.KUBES["dev"] = FakeKube()
    if shape == "cronjob":
        target = making.ref("tick", kind="CronJob")
        cron = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"suspend": False}}
        kube.put({**cron, "metadata": {"name": "tick", "namespace": "shop", "annotations": {}}})
        return kube, making.sleep(target, replicas=1, suspended=False)
    kube.put(making.deployment())
    if shape == "keda":
        kube.put(making.scaled_object(paused="2"))
        return kube, making.sleep(scaled_object="web-so", paused_replicas="2")
    return kube, making.sleep()


def is_asleep(kube: FakeKube, sleep: Sleep) -> bool:
    spec = kube.find(sleep.target)["spec"]
    return bool(spec.get("suspend")) or spec.get("replicas") == 0


def work(kube: FakeKube, fuse: Fuse) -> None:
    """Workers that die and are started again until nothing is due; each death costs a lease."""
    kube.killer = fuse.write
    for _ in range(40):
        try:
            with connection.execute_wrapper(fuse.statement):
                taken = services.run_due(holder="test:1:a", limit=10)
        except Killed:
            transaction.set_rollback(False)  # the test's own transaction is not the process's that died
            taken = 1
        if not taken and not ActionRow.objects.filter(state__in=["Due", "Running"]).exists():
            return
        fakes.CLOCK.advance(timedelta(minutes=2))
    raise AssertionError("the work never ended")


def converged(kube: FakeKube, sleep: Sleep, row: ActionRow, *, asleep: bool, writes: int) -> None:
    row.refresh_from_db()
    assert row.state == ActionState.DONE
    assert is_asleep(kube, sleep) is asleep
    assert (SLEPT in kube.find(sleep.target)["metadata"]["annotations"]) is asleep
    assert len(kube.writes) == writes, "each step is written exactly once"
    mine = [r.body for r in Record.objects.filter(kind__in=["Action", "Outcome"]).order_by("seq")]
    events = [body["event"] for body in mine if body["action"] == str(row.pk)]
    assert events == ["Proposed", "Started", "Done"]
    assert services.verify_chain().ok


@pytest.mark.parametrize("shape", SHAPES)
def test_a_kill_at_every_write_of_a_sleep_and_of_a_wake_converges(shape: str, cluster: Cluster) -> None:
    steps = {"deployment": 2, "keda": 3, "cronjob": 2}[shape]
    with rolled_back():
        kube, sleep = build(shape)
        recording = Fuse()
        making.propose(sleep, cluster=cluster)
        work(kube, recording)
        slept = len(recording.labels)
        making.propose(sleep.inverse(), cluster=cluster)
        work(kube, recording)
        woken = len(recording.labels) - slept
    assert slept >= steps + 5
    for number in range(1, slept + 1):
        with rolled_back():
            kube, sleep = build(shape)
            row = making.propose(sleep, cluster=cluster)
            work(kube, Fuse(number))
            converged(kube, sleep, row, asleep=True, writes=steps)
    for number in range(1, woken + 1):
        with rolled_back():
            kube, sleep = build(shape)
            making.propose(sleep, cluster=cluster)
            work(kube, Fuse())
            kube.writes.clear()
            row = making.propose(sleep.inverse(), cluster=cluster)
            work(kube, Fuse(number))
            converged(kube, sleep, row, asleep=False, writes=steps)


@pytest.mark.parametrize("number", range(1, 14))
def test_a_full_disk_at_any_write_loses_nothing_and_acts_on_nothing_unrecorded(number: int, cluster: Cluster) -> None:
    kube, sleep = build("deployment")
    row = making.propose(sleep, cluster=cluster)
    fuse = Fuse(number, error=OperationalError("database or disk is full"))
    kube.killer = fuse.write
    with pytest.raises(OperationalError) if number == 1 else nullcontext(), connection.execute_wrapper(fuse.statement):
        services.run_due(holder="test:1:a", limit=1)
    transaction.set_rollback(False)
    started = [r for r in Record.objects.filter(kind="Action") if r.body["event"] == "Started"]
    assert started or kube.writes == []
    work(kube, Fuse())
    converged(kube, sleep, row, asleep=True, writes=2)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.sampled_from(SHAPES),
    kills=st.lists(st.integers(1, 40), max_size=4),
    outages=st.lists(st.integers(0, 6), max_size=3),
)
def test_kills_and_outages_together_still_converge(
    shape: str, kills: list[int], outages: list[int], cluster: Cluster
) -> None:
    with rolled_back():
        kube, sleep = build(shape)
        row = making.propose(sleep, cluster=cluster)
        flaky(kube, outages)
        work(kube, Fuse(*kills))
        kube.on_read = lambda ref: None
        steps = {"deployment": 2, "keda": 3, "cronjob": 2}[shape]
        converged(kube, sleep, row, asleep=True, writes=steps)


def flaky(kube: FakeKube, outages: list[int]) -> None:
    """The reads with these numbers fail once."""
    left = dict.fromkeys(outages, True)
    reads = iter(range(1_000_000))

    def on_read(ref: object) -> None:
        if left.pop(next(reads), False):
            raise Unavailable("503")

    kube.on_read = on_read


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kills=st.lists(st.integers(1, 30), max_size=3),
    moment=st.integers(1, 12),
    replicas=st.integers(1, 5),
    unmark=st.booleans(),
)
def test_a_sleep_that_somebody_crosses_never_leaves_its_mark_on_what_runs(
    kills: list[int], moment: int, replicas: int, unmark: bool, cluster: Cluster
) -> None:
    with rolled_back():
        kube, sleep = build("deployment")
        row = making.propose(sleep, cluster=cluster)
        reads = iter(range(1, 1_000_000))

        def somebody(ref: object) -> None:
            if next(reads) == moment:
                kube.edit(sleep.target, lambda obj: _cross(obj, replicas, unmark=unmark))

        kube.on_read = somebody
        work(kube, Fuse(*kills))
        row.refresh_from_db()
        obj = kube.find(sleep.target)
        marked = SLEPT in obj["metadata"]["annotations"]
        if row.state == ActionState.REFUSED:
            assert not marked
            assert obj["spec"]["replicas"] == replicas
        elif row.state == ActionState.DONE:
            assert marked
            assert obj["spec"]["replicas"] == 0
        else:
            assert row.outcome["reason"]["code"] == "NotAsWritten"
        assert services.verify_chain().ok


def _cross(obj: dict[str, Any], replicas: int, *, unmark: bool) -> None:
    obj["spec"]["replicas"] = replicas
    if unmark:
        obj["metadata"]["annotations"].pop(SLEPT, None)
