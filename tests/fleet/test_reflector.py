"""List, watch on, and begin again when that breaks."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from apps.fleet.cache import ClusterCache
from apps.fleet.domain.sources import Source
from apps.fleet.reflector import MOST_WAIT_SECONDS, Backoff, Reflector
from apps.kernel import kinds
from apps.kernel.clock import ManualClock
from apps.kernel.errors import Forbidden, Gone, NotFound, Unavailable
from apps.kernel.ports import Listing, WatchEvent
from tests.fleet.build import NOW, kernel_cluster, look, make_deployment
from tests.fleet.fake_kube import Answer, ScriptedKube

DEPLOYMENTS = Source(kinds.DEPLOYMENT)
ROUTES = Source(kinds.HTTP_ROUTE, optional=True, older=("v1beta1",))


class Run:
    """A reflector that was run through a script to its end."""

    def __init__(self, *script: Answer, source: Source = DEPLOYMENTS) -> None:
        self.stop = threading.Event()
        self.clock = ManualClock(NOW)
        self.cache = ClusterCache(kernel_cluster(), sources=(source,))
        self.kube = ScriptedKube(*script, stop=self.stop)
        Reflector(source, kube=self.kube, cache=self.cache, clock=self.clock, stop=self.stop).run()

    @property
    def error(self) -> str:
        return self.cache.ages(self.clock.now())[0].error

    @property
    def waited(self) -> timedelta:
        return self.clock.now() - NOW


def _event(type_: str, version: str, name: str = "web") -> WatchEvent:
    raw = make_deployment(name)
    raw["metadata"]["resourceVersion"] = version
    return WatchEvent(type_, raw)


def test_it_lists_and_watches_on_from_there() -> None:
    run = Run(Listing([make_deployment("a")], "5"), [_event("ADDED", "6", "b"), _event("DELETED", "7", "a")])
    assert run.kube.calls == [("list", "deployments/v1"), ("watch", "5"), ("watch", "7")]
    assert set(look(run.cache).workloads) == {"Deployment/shop/b"}


def test_a_bookmark_moves_the_version_on() -> None:
    run = Run(Listing([], "5"), [WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "50"}})])
    assert run.kube.calls[-1] == ("watch", "50")


def test_a_lost_connection_watches_on_without_a_list() -> None:
    run = Run(Listing([], "5"), [_event("ADDED", "6"), Unavailable("reset")], [_event("ADDED", "7", "b")])
    assert [verb for verb, _ in run.kube.calls] == ["list", "watch", "watch", "watch"]
    assert run.kube.calls[2] == ("watch", "6")
    assert set(look(run.cache).workloads) == {"Deployment/shop/web", "Deployment/shop/b"}


def test_a_failure_shows_and_goes_when_the_watch_is_open_again() -> None:
    assert Run(Listing([], "5"), Unavailable("reset")).error == ""
    assert Run(Listing([], "5"), Unavailable("reset"), Unavailable("still down"), Gone("x")).error == "still down"


def test_a_version_too_old_lists_again_at_once() -> None:
    run = Run(Listing([make_deployment("a")], "5"), Gone("compacted"), Listing([make_deployment("b")], "90"))
    assert run.kube.calls == [("list", "deployments/v1"), ("watch", "5"), ("list", "deployments/v1"), ("watch", "90")]
    assert set(look(run.cache).workloads) == {"Deployment/shop/b"}


def test_a_server_whose_versions_are_always_too_old_is_not_flooded() -> None:
    script: list[Answer] = []
    for _ in range(12):
        script += [Listing([], "5"), [Gone("compacted")]]
    run = Run(*script)
    assert run.waited > timedelta(seconds=60)


def test_an_optional_kind_that_is_not_served_is_absent_and_asked_for_again() -> None:
    missing = [NotFound("404"), NotFound("404")]
    run = Run(*missing, *missing, source=ROUTES)
    assert run.kube.calls[:2] == [("list", "httproutes/v1"), ("list", "httproutes/v1beta1")]
    assert len(run.kube.calls) >= 4
    assert run.cache.states()["httproutes.gateway.networking.k8s.io"].absent
    assert look(run.cache).synced
    assert run.waited >= timedelta(seconds=15)


def test_a_kind_that_appears_is_read_in_the_version_that_is_served() -> None:
    run = Run(NotFound("404"), NotFound("404"), NotFound("404"), Listing([], "8"), source=ROUTES)
    assert run.kube.calls[-1] == ("watch", "8")
    assert not run.cache.states()["httproutes.gateway.networking.k8s.io"].absent


def test_a_kind_every_server_has_is_an_error_when_it_is_missing() -> None:
    run = Run(NotFound("404"))
    assert "does not serve deployments.apps" in run.error
    assert not look(run.cache).synced


@pytest.mark.parametrize("error", [Forbidden("no"), Unavailable("503")])
def test_a_refused_list_keeps_the_source_unsynced_and_is_tried_again(error: Exception) -> None:
    run = Run(error, error)
    assert [verb for verb, _ in run.kube.calls].count("list") >= 3
    assert not look(run.cache).synced
    assert run.error == str(error)
    assert run.waited > timedelta()


def test_waits_grow_to_a_limit_and_are_spread() -> None:
    backoff = Backoff()
    waits = [backoff.next_seconds() for _ in range(12)]
    for number, wait in enumerate(waits):
        bound = min(MOST_WAIT_SECONDS, 0.5 * 2**number)
        assert bound / 2 <= wait <= bound
    backoff.reset()
    assert backoff.next_seconds() <= 0.5
