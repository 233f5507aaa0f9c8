"""Watches over a crash of the API server, and a cluster of a thousand pods."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from apps.fleet.cache import ClusterCache
from apps.fleet.domain.sources import SOURCES
from apps.fleet.reflector import Reflector
from apps.kernel import kinds
from apps.kernel.clock import SystemClock
from apps.kernel.ports import Kube
from apps.kernel.vocab import Cluster, Snapshot
from deploy.kube.controlplane import ControlPlane
from tests.cluster.conftest import eventually
from tests.contract.objects import deployment, ref

pytestmark = pytest.mark.cluster

CLOCK = SystemClock()


@contextmanager
def followed(kube: Kube, stop: threading.Event) -> Iterator[ClusterCache]:
    """The cluster in memory, with a watch of every kind, as the watcher keeps it."""
    cache = ClusterCache(Cluster(id=uuid4(), name="real"))
    threads = [
        threading.Thread(
            target=Reflector(source, kube=kube, cache=cache, clock=CLOCK, stop=stop).run, name=source.name, daemon=True
        )
        for source in SOURCES
    ]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: snapshot(cache).synced, what="every source was read whole")
        yield cache
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=5)
        assert not [thread.name for thread in threads if thread.is_alive()], "watches that did not stop"


def snapshot(cache: ClusterCache) -> Snapshot:
    return cache.snapshot(readings={}, now=CLOCK.now())


def replicas(cache: ClusterCache, namespace: str) -> int | None:
    found = snapshot(cache).workloads.get(f"Deployment/{namespace}/web")
    return found.replicas if found else None


def test_changes_are_seen_over_a_crash_of_the_api_server(
    control_plane: ControlPlane, account: Kube, admin: Kube, namespace: str, stop: threading.Event
) -> None:
    made = admin.create(deployment(namespace, "web", replicas=0))
    with followed(account, stop) as cache:
        eventually(lambda: replicas(cache, namespace) == 0, what="the deployment is known")
        control_plane.stop_apiserver()
        eventually(lambda: any(age.error for age in snapshot(cache).ages), what="the broken watches are told")
        assert replicas(cache, namespace) == 0, "what was known stays known"
        control_plane.start_apiserver()
        admin.patch(ref(made), body={"spec": {"replicas": 3}})
        eventually(lambda: replicas(cache, namespace) == 3, what="a change after the crash is seen")
        eventually(lambda: not any(age.error for age in snapshot(cache).ages), what="every watch is open again")


def test_an_object_deleted_while_nobody_could_watch_is_forgotten(
    control_plane: ControlPlane, account: Kube, admin: Kube, namespace: str, stop: threading.Event
) -> None:
    """The watch comes back too late for its version and must list: what the list lacks is gone."""
    made = admin.create(deployment(namespace, "web", replicas=0))
    with followed(account, stop) as cache:
        eventually(lambda: replicas(cache, namespace) == 0, what="the deployment is known")
        control_plane.restart_apiserver()
        admin.delete(ref(made))
        control_plane.restart_apiserver()
        eventually(lambda: replicas(cache, namespace) is None, what="the deleted deployment is forgotten")


def test_a_thousand_pods_run_are_followed_and_go(
    account: Kube, admin: Kube, namespace: str, stop: threading.Event, record_property: Callable[[str, object], None]
) -> None:
    for number in range(10):
        admin.create(deployment(namespace, f"w{number}", replicas=100))
    with followed(account, stop) as cache:
        eventually(lambda: _running(cache, namespace) == 1000, seconds=120, what="a thousand pods run")
        started = time.perf_counter()
        listing = account.list(kinds.POD, namespace=namespace)
        record_property("list_1000_pods_seconds", round(time.perf_counter() - started, 3))
        assert len(listing.items) == 1000
        for number in range(10):
            admin.scale(ref(deployment(namespace, f"w{number}")), replicas=0, resource_version="")
        eventually(lambda: _running(cache, namespace) == 0, seconds=120, what="they are all gone")


def _running(cache: ClusterCache, namespace: str) -> int:
    pods = snapshot(cache).pods.values()
    return sum(pod.ref.namespace == namespace and pod.phase == "Running" and pod.ready for pod in pods)
