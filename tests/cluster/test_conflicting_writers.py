"""Writers that race on one object of a real API server."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from apps.kernel.errors import Conflict
from apps.kernel.ports import Kube
from tests.contract.objects import config_map, deployment, ref, version

pytestmark = pytest.mark.cluster


def together(work: Callable[[], None], *, threads: int) -> None:
    """Runs `work` in several threads at once; a failure in one of them fails the test."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as e:  # noqa: BLE001  handed to the test below
            failures.append(e)

    running = [threading.Thread(target=guarded) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if failures:
        raise failures[0]


def test_no_write_is_lost_between_writers_that_heed_the_version(admin: Kube, namespace: str) -> None:
    made = admin.create(config_map(namespace, "counter", n="0"))
    conflicts = []

    def add_ten() -> None:
        for _ in range(10):
            while True:
                found = admin.get(ref(made))
                try:
                    body = {"data": {"n": str(int(found["data"]["n"]) + 1)}}
                    admin.patch(ref(made), body=body, resource_version=version(found))
                    break
                except Conflict:
                    conflicts.append(1)

    together(add_ten, threads=6)
    assert admin.get(ref(made))["data"]["n"] == "60"
    assert conflicts, "the writers never met, so nothing was shown"


def test_only_one_of_many_scales_from_the_same_version(admin: Kube, namespace: str) -> None:
    made = admin.create(deployment(namespace, "web", replicas=0))
    current = version(made)
    outcomes: list[str] = []
    number = iter(range(1, 100))

    def scale() -> None:
        try:
            admin.scale(ref(made), replicas=next(number), resource_version=current)
            outcomes.append("written")
        except Conflict:
            outcomes.append("refused")

    together(scale, threads=8)
    # The controller writes its status at some moment, and from then on the version is stale for all.
    assert outcomes.count("written") <= 1
    assert len(outcomes) == 8
