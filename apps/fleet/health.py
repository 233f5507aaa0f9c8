"""Writes how a cluster fares into its row: at once when its state changes, its sources' ages every half minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.fleet.cache import ClusterCache
from apps.fleet.domain.health import Health, judge, source_ages
from apps.fleet.models import Cluster, ClusterState
from apps.fleet.reasons import NO_WATCHER
from apps.ui.live import publish

AGES_EVERY = timedelta(seconds=30)


def health_of(cache: ClusterCache, *, now: datetime) -> Health:
    """What the cache's sources come to. The metrics source has no part in it: without it traffic is unknown, which
    keeps awake, and everything else goes on."""
    kinds = {source.name for source in cache.sources}
    states = cache.states()
    errors = {name: state.error for name, state in states.items() if name in kinds and state.error is not None}
    absent = {name for name, state in states.items() if state.absent}
    watched = [age for age in cache.ages(now) if age.source in kinds and age.source not in absent]
    return judge(watched, {name: error for name, error in errors.items() if name not in absent})


class HealthKeeper:
    """Remembers what it wrote last, so that a cluster that fares as before costs two writes a minute."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._written: Health | None = None
        self._ages_at: datetime | None = None

    def write(self, health: Health, *, cache: ClusterCache | None, now: datetime) -> bool:
        """Returns whether anything was written. Without a cache (no connection was ever made) the ages stay."""
        changed = health != self._written
        old = self._ages_at is None or now - self._ages_at >= AGES_EVERY
        if not changed and not (old and cache is not None):
            return False
        fields: dict[str, Any] = {"watched_at": now}
        if cache is not None:
            ages = cache.ages(now)
            absent = [name for name, state in cache.states().items() if state.absent]
            fields |= {"ages": source_ages(ages, absent, now=now)}
            if health.deciding:
                fields["last_seen_at"] = now
        # The state too, though it did not change here: somebody may have taken this watcher for dead meanwhile.
        fields |= {
            "state": health.state,
            "state_reason": health.reason.code,
            "state_operands": dict(health.reason.operands),
        }
        with transaction.atomic():
            rows = Cluster.objects.filter(pk=self._cluster.pk)
            rows.exclude(state=health.state).update(state_since=now)
            rows.update(**fields)
            publish("clusters", [self._cluster.pk])
        self._written, self._ages_at = health, now
        return True


UNWATCHED_AFTER = timedelta(minutes=2)


def mark_unwatched(*, now: datetime) -> int:
    """Clusters that no watcher has written about for two minutes are Stale, and say so; returns how many turned so."""
    silent = Cluster.objects.filter(Q(watched_at__lt=now - UNWATCHED_AFTER) | Q(watched_at=None))
    silent = silent.filter(created_at__lt=now - UNWATCHED_AFTER).exclude(state_reason=NO_WATCHER)
    with transaction.atomic():
        found = list(silent.values_list("pk", flat=True))
        rows = Cluster.objects.filter(pk__in=found)
        rows.update(state=ClusterState.STALE, state_reason=NO_WATCHER, state_operands={}, state_since=now)
        publish("clusters", found)
    return len(found)
