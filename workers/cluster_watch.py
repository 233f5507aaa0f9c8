"""Looks after one cluster, in threads of its own, so that no other cluster ever waits for it.

    lead      takes the lead; while it has it, keeps the rows and the health, and the lead itself
    source    one for each kind: list and watch into the cache
    decide    evaluates every tick, and soon after something that should not wait

Whoever loses the lead stops all of them before it asks for it again. Nothing here is needed after a kill: the next
leader reads everything anew.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from apps.fleet import services
from apps.fleet.cache import ClusterCache
from apps.fleet.domain.health import judge_failure
from apps.fleet.health import HealthKeeper, health_of
from apps.fleet.models import Cluster
from apps.fleet.prices import price_book
from apps.fleet.reflector import Backoff, Reflector
from apps.fleet.rows import RowKeeper
from apps.kernel import vocab
from apps.kernel.clock import Clock
from apps.kernel.errors import PlimsollError
from apps.kernel.ports import Kube
from apps.ledger import writepoints
from apps.ledger.leases import cluster_lead
from workers.lead import Lead

log = structlog.get_logger(__name__)

TICK_SECONDS = 15.0
SETTLE_SECONDS = 0.3
"""Changes come in flocks: what belongs together is decided on together."""

ROWS_SECONDS = 0.25
"""At most this often rows are written for what changes, and after quiet the first change waits FLOCK_SECONDS only."""
FLOCK_SECONDS = 0.05

IDLE_SECONDS = 1.0
STANDBY_SECONDS = 5.0
PRICES_EVERY = timedelta(minutes=1)
JOIN_SECONDS = 10.0

Evaluate = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Means:
    """What a watch works with. `evaluate` is policies.services.evaluate, brought in by whoever starts this."""

    clock: Clock
    evaluate: Evaluate
    tick_seconds: float = TICK_SECONDS


class ClusterWatch:
    def __init__(self, cluster: Cluster, *, means: Means) -> None:
        self.cluster = cluster
        self._means = means
        self._clock = means.clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lead-{cluster.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end; `join` waits for it."""
        self._stop.set()

    def join(self, timeout_seconds: float = JOIN_SECONDS) -> bool:
        """Whether everything has ended and the lead is given back."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        lead = Lead(cluster_lead(self.cluster.pk))
        backoff = Backoff()
        try:
            while not self._stop.is_set():
                wait = self._turn(lead, backoff)
                self._clock.wait(wait, until=self._stop)
        finally:
            connection.close()

    def _turn(self, lead: Lead, backoff: Backoff) -> float:
        """Leads until that ends, or finds out that it cannot; returns how long to wait before the next turn."""
        try:
            close_old_connections()
            if not lead.keep(now=self._clock.now()):
                return STANDBY_SECONDS
            try:
                self._lead(lead)
            finally:
                lead.give_back()
            backoff.reset()
        except PlimsollError as e:
            log.warning("Cannot connect", cluster=self.cluster.name, error=str(e))
            HealthKeeper(self.cluster).write(judge_failure(e), cache=None, now=self._clock.now())
            return max(STANDBY_SECONDS, backoff.next_seconds())
        except DatabaseError as e:
            log.warning("Database refused", cluster=self.cluster.name, error=str(e))
            return backoff.next_seconds()
        except Exception:
            log.exception("Watch broke", cluster=self.cluster.name)
            return max(STANDBY_SECONDS, backoff.next_seconds())
        return 0.0

    def _lead(self, lead: Lead) -> None:
        kube = writepoints.watched(services.connect(self.cluster))
        try:
            _Term(self.cluster, kube=kube, lead=lead, means=self._means, stop=self._stop).run()
        finally:
            kube.close()


class _Term:
    """One time of leading: from the lead taken to the lead lost."""

    def __init__(self, cluster: Cluster, *, kube: Kube, lead: Lead, means: Means, stop: threading.Event) -> None:
        self._cluster, self._kube, self._lead = cluster, kube, lead
        self._means, self._clock = means, means.clock
        self._asked_to_stop = stop
        self._over = threading.Event()
        self._cache = ClusterCache(kernel_cluster(cluster), book=price_book())
        self._priced_at = self._gathered_at = self._clock.now()
        self._rows = RowKeeper(cluster, cache=self._cache)
        self._health = HealthKeeper(cluster)
        self._deciding = threading.Event()

    def run(self) -> None:
        log.info("Leading", cluster=self._cluster.name, epoch=self._lead.epoch)
        threads = [threading.Thread(target=self._decide, name=f"decide-{self._cluster.name}", daemon=True)]
        for source in self._cache.sources:
            reflector = Reflector(source, kube=self._kube, cache=self._cache, clock=self._clock, stop=self._over)
            threads.append(threading.Thread(target=reflector.run, name=f"watch-{source.name}", daemon=True))
        for thread in threads:
            thread.start()
        try:
            while not self._asked_to_stop.is_set() and self._keep():
                self._pause()
        finally:
            self._over.set()
            self._cache.stirred.set()
            for thread in threads:
                thread.join(JOIN_SECONDS)
            log.info("Led", cluster=self._cluster.name, epoch=self._lead.epoch)

    def _pause(self) -> None:
        """Until something changes, at most a second; then a moment more, so that a flock is written as one."""
        if not self._clock.wait(IDLE_SECONDS, until=self._cache.changed):
            return
        since = (self._clock.now() - self._gathered_at).total_seconds()
        self._clock.wait(max(FLOCK_SECONDS, ROWS_SECONDS - since), until=self._asked_to_stop)
        self._gathered_at = self._clock.now()

    def _keep(self) -> bool:
        """Keeps the lead, the rows and the health; False once the lead is lost."""
        close_old_connections()
        now = self._clock.now()
        try:
            if not self._lead.keep(now=now):
                log.warning("Lead lost", cluster=self._cluster.name)
                return False
            self._cache.changed.clear()
            if now - self._priced_at >= PRICES_EVERY:
                self._cache.reprice(price_book())
                self._priced_at = now
            self._rows.sync(now=now)
            health = health_of(self._cache, now=now)
            self._health.write(health, cache=self._cache, now=now)
        except DatabaseError as e:
            # The rows are compared whole the next time. Without the database nobody decides: the lead runs out.
            log.warning("Database refused", cluster=self._cluster.name, error=str(e))
            self._deciding.clear()
            return not self._lead.lost(now=now)
        if health.deciding and not self._deciding.is_set():
            self._deciding.set()
            self._cache.stirred.set()
        elif not health.deciding:
            self._deciding.clear()
        return True

    def _decide(self) -> None:
        tick = self._means.tick_seconds
        self._clock.wait(random.uniform(0, 1), until=self._over)  # noqa: S311  clusters should not tick together
        try:
            while not self._over.is_set():
                if self._clock.wait(tick, until=self._cache.stirred):
                    self._clock.wait(SETTLE_SECONDS, until=self._over)
                    self._cache.stirred.clear()
                if self._deciding.is_set() and not self._over.is_set():
                    self._evaluate()
        finally:
            connection.close()

    def _evaluate(self) -> None:
        """One bad evaluation is logged, and the next tick is another one."""
        now = self._clock.now()
        if self._lead.lost(now=now):
            return
        close_old_connections()
        try:
            metrics = services.metrics(self._cluster)
            try:
                self._means.evaluate(
                    cluster=self._cluster,
                    cache=self._cache,
                    kube=self._kube,
                    metrics=metrics,
                    now=now,
                    epoch=self._lead.epoch,
                )
            finally:
                if metrics is not None:
                    metrics.close()
        except PlimsollError as e:
            log.warning("Evaluation put off", cluster=self._cluster.name, error=str(e))
        except Exception:
            log.exception("Evaluation broke", cluster=self._cluster.name)


def kernel_cluster(row: Cluster) -> vocab.Cluster:
    """The row as decisions see it."""
    return vocab.Cluster(
        id=row.pk,
        name=row.name,
        environment=row.environment,
        region=row.region,
        team=row.team.name if row.team else "",
    )
