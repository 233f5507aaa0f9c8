"""`/healthz` says that this process lives, `/readyz` whether it can do its work, and if not, what stands in the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse

from apps.kernel.ports import load
from portal.metrics import may_read

WATCHER_SILENT_SECONDS = 120
"""The watcher writes the ages of its sources every half minute; four times that is no hiccup any more."""


@dataclass(frozen=True, slots=True)
class Check:
    """`needed`: without it no page can be served, and the answer is 503. The others make it `degraded`."""

    ok: bool
    detail: str = ""
    needed: bool = True
    age_seconds: float | None = None

    def body(self, *, told: bool) -> dict[str, Any]:
        return {"ok": self.ok, "detail": self.detail if told else "", "age_seconds": self.age_seconds}


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 with status `ready` or `degraded`, 503 with `unready`; `checks` says which.

    `detail` holds names of clusters and of hosts: it is for those who may read /metrics, and empty for others."""
    checks = {name: _guarded(check) for name, check in CHECKS.items()}
    unready = [check for check in checks.values() if check.needed and not check.ok]
    degraded = [check for check in checks.values() if not check.ok]
    status = "unready" if unready else "degraded" if degraded else "ready"
    told = may_read(request)
    body = {"status": status, "checks": {name: check.body(told=told) for name, check in checks.items()}}
    return JsonResponse(body, status=503 if unready else 200)


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as e:  # noqa: BLE001  whatever it is, it is the answer to "is it ready?"
        return Check(ok=False, detail=f"{type(e).__name__}: {e}"[:300])


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Check(ok=True, detail=connection.vendor)


_MIGRATED = threading.Event()


def _migrations() -> Check:
    """Once all are applied, that is not asked again: it takes 50 ms, and only a restart with newer code changes it."""
    missing = [] if _MIGRATED.is_set() else _missing_migrations()
    if not missing:
        _MIGRATED.set()
    return Check(ok=not missing, detail=", ".join(missing))


def _missing_migrations() -> list[str]:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _broker() -> Check:
    cache.set("readyz", 1, 5)
    return Check(ok=cache.get("readyz") == 1)


def _watcher() -> Check:
    """How long the most silent of the clusters' watchers has said nothing; ok when there is no cluster to watch."""
    from apps.fleet.models import Cluster

    now: datetime = load(settings.PLIMSOLL_PORTS["clock"])().now()
    ages: list[float] = []
    silent: list[str] = []
    for name, seen, since in Cluster.objects.values_list("name", "last_seen_at", "created_at"):
        age = (now - (seen or since)).total_seconds()
        ages.append(age)
        if age > WATCHER_SILENT_SECONDS:
            silent.append(name)
    return Check(
        ok=not silent,
        detail=f"nothing heard of {', '.join(silent)}" if silent else "",
        needed=False,
        age_seconds=round(max(ages), 1) if ages else None,
    )


CHECKS: dict[str, Callable[[], Check]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "watcher": _watcher,
}
