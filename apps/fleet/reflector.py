"""Keeps one kind of one cluster in its ClusterCache: list, watch on from there, and begin again when that breaks.

    list whole -> watch -> (the server ends it) -> watch on from the last version
       ^            |----> connection lost       -> back off, watch on from the last version
       |            '----> 410 Gone              -> list again
       '--- 404: the cluster does not serve the kind: ask again every half minute
       '--- anything else: the source carries the error; back off, list again

The waits grow and are drawn at random, so that the watches of a server that comes back do not come back together.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass

import structlog

from apps.fleet.cache import ClusterCache
from apps.fleet.domain.sources import Source
from apps.kernel.clock import Clock
from apps.kernel.errors import Gone, NotFound, PlimsollError
from apps.kernel.kinds import Kind
from apps.kernel.ports import KubeReader

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 0.5
MOST_WAIT_SECONDS = 30.0
ABSENT_WAIT_SECONDS = 30.0
WARN_AFTER_FAILURES = 3
QUIET_WAIT_SECONDS = 0.2
"""Before a watch that the server ended in good order is opened again, for a server may end each at once."""


@dataclass(slots=True)
class Backoff:
    """Seconds to wait after failure upon failure, between half and all of a bound that doubles."""

    failures: int = 0

    def next_seconds(self) -> float:
        bound = min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(self.failures, 20))
        self.failures += 1
        return random.uniform(bound / 2, bound)  # noqa: S311  spreading needs no secrecy

    def reset(self) -> None:
        self.failures = 0


class Reflector:
    """One source. `run` returns when `stop` is set, and raises only what is a mistake in this program."""

    def __init__(
        self, source: Source, *, kube: KubeReader, cache: ClusterCache, clock: Clock, stop: threading.Event
    ) -> None:
        self._source, self._kube, self._cache, self._clock, self._stop = source, kube, cache, clock, stop
        self._backoff, self._gone = Backoff(), Backoff()
        self._version = ""
        self._served: Kind | None = None

    def run(self) -> None:
        while not self._stop.is_set():
            wait = self.step()
            if wait and not self._stop.is_set():
                self._clock.wait(wait, until=self._stop)

    def step(self) -> float:
        """One list, or one watch until it ends; returns how many seconds to wait before the next step."""
        try:
            if not self._version:
                return self._list()
            return self._watch()
        except Gone:
            log.info("Version too old, listing again", cluster=self._cache.cluster.name, source=self._source.name)
            self._version = ""
            return self._gone_wait()
        except NotFound:
            return self._not_served()
        except PlimsollError as e:
            if self._stop.is_set():
                return 0.0
            return self._failed(e)

    def _list(self) -> float:
        """Lists the kind in the newest version that is served."""
        for kind in [self._served] if self._served else self._source.served_as():
            try:
                version = self._cache.load(self._source.kind, self._kube.pages(kind), now=self._clock.now())
            except NotFound:
                continue
            self._served, self._version = kind, version
            self._backoff.reset()
            return 0.0
        raise NotFound(f"{self._source.name} is not served")

    def _watch(self) -> float:
        kind = self._served or self._source.kind
        watch = self._kube.watch(kind, resource_version=self._version, stop=self._stop, opened=self._opened)
        for event in watch:
            now = self._clock.now()
            self._version = self._cache.apply(self._source.kind, event, now=now) or self._version
            self._gone.reset()
        return QUIET_WAIT_SECONDS

    def _opened(self) -> None:
        self._backoff.reset()
        self._cache.alive(self._source.kind, now=self._clock.now())

    def _gone_wait(self) -> float:
        """The first time, list again at once; a server whose versions are always too old is not flooded."""
        first = self._gone.failures == 0
        wait = self._gone.next_seconds()
        return 0.0 if first else wait

    def _not_served(self) -> float:
        self._version, self._served = "", None
        if self._source.optional:
            self._cache.absent(self._source.kind, now=self._clock.now())
            return ABSENT_WAIT_SECONDS * random.uniform(0.5, 1.0)  # noqa: S311  spreading needs no secrecy
        return self._failed(NotFound(f"the server does not serve {self._source.name}", mend="is it Kubernetes?"))

    def _failed(self, error: PlimsollError) -> float:
        wait = self._backoff.next_seconds()
        asked = getattr(error, "retry_after_seconds", None)
        self._cache.failed(self._source.kind, error)
        # A server that restarts breaks every watch once; that is worth a warning only when it lasts.
        log.log(
            logging.WARNING if self._backoff.failures >= WARN_AFTER_FAILURES else logging.INFO,
            "Watch failed",
            cluster=self._cache.cluster.name,
            source=self._source.name,
            error=str(error),
            failures=self._backoff.failures,
            wait_seconds=round(wait, 1),
        )
        return max(wait, min(asked or 0.0, MOST_WAIT_SECONDS))
