"""CronJobs fire by the wall clock of their time zone, and cron expressions are read as robfig/cron reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from apps.sandbox.controllers.job import outcome
from apps.sandbox.controllers.manager import STATUS, WRITE, Key, World
from apps.sandbox.controllers.objects import is_terminating, key_of, owned, owner_key, owner_reference
from apps.sandbox.kubeapi.builtin import CRONJOBS, JOBS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions
from apps.sandbox.sim.clock import from_ms, stamp, to_ms

_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_HORIZON = timedelta(days=366 * 5)


@dataclass
class CronJobs:
    """Makes the Jobs of each CronJob when they are due, and clears old ones away."""

    world: World
    _armed: dict[str, int] = field(default_factory=dict)  # uid -> the time its wake-up is set for

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if resource.key == CRONJOBS.key else owner_key(obj, kind="CronJob")

    def sync(self, key: Key) -> None:
        store = self.world.store
        found = store.find(CRONJOBS, namespace=key[0], name=key[1])
        if found is None or is_terminating(found):
            return
        jobs = owned(store, owner=found, resource=JOBS)
        self._clean(found, jobs=jobs)
        if not found["spec"].get("suspend"):
            due = self._due_ms(found)
            if due is not None:
                self._fire(found, jobs=jobs, due_ms=due)
            self._arm(found)
        self._tell(key)

    def _due_ms(self, found: Obj) -> int | None:
        """The last moment the schedule named since it last fired (or was made); None when there is none or it is too
        late by startingDeadlineSeconds."""
        status, now = found.get("status") or {}, self.world.now_ms()
        since = status.get("lastScheduleTime") or found["metadata"]["creationTimestamp"]
        since_ms = to_ms(datetime.fromisoformat(since))
        deadline = found["spec"].get("startingDeadlineSeconds")
        if deadline is not None:
            since_ms = max(since_ms, now - int(deadline) * 1000)
        last = None
        moment = next_ms(found["spec"], after_ms=max(since_ms, now - 86_400_000))
        while moment is not None and moment <= now:
            last, moment = moment, next_ms(found["spec"], after_ms=moment)
        return last

    def _fire(self, found: Obj, *, jobs: list[Obj], due_ms: int) -> None:
        store, (namespace, name) = self.world.store, key_of(found)
        active = [job for job in jobs if not outcome(job)]
        policy = found["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            return
        if active and policy == "Replace":
            for job in active:
                options = DeleteOptions(propagation="Background")
                store.delete(JOBS, namespace=namespace, name=job["metadata"]["name"], options=options)
        template = found["spec"]["jobTemplate"]
        job_name = f"{name[:52]}-{due_ms // 60_000}"
        annotations = dict(template.get("metadata", {}).get("annotations") or {})
        annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = stamp(due_ms)
        if store.find(JOBS, namespace=namespace, name=job_name) is None:
            made = {
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {
                    "name": job_name, "namespace": namespace, "annotations": annotations,
                    "labels": dict(template.get("metadata", {}).get("labels") or {}),
                    "ownerReferences": [owner_reference(found, resource=CRONJOBS)],
                },
                "spec": template["spec"],
            }  # fmt: skip
            store.create(JOBS, obj=made, options=WRITE)

        def change(obj: Obj) -> None:
            obj.setdefault("status", {})["lastScheduleTime"] = stamp(due_ms)

        store.modify(CRONJOBS, namespace=namespace, name=name, change=change, options=STATUS)

    def _arm(self, found: Obj) -> None:
        uid, now = found["metadata"]["uid"], self.world.now_ms()
        moment = next_ms(found["spec"], after_ms=now)
        if moment is not None and self._armed.get(uid) != moment:
            self._armed[uid] = moment
            self.world.requeue(self, key_of(found), moment - now)

    def _clean(self, found: Obj, *, jobs: list[Obj]) -> None:
        for end, field_name, default in (("Complete", "successfulJobsHistoryLimit", 3),
                                         ("Failed", "failedJobsHistoryLimit", 1)):  # fmt: skip
            ended = sorted((j for j in jobs if outcome(j) == end), key=lambda job: str(job["metadata"]["name"]))
            keep = found["spec"].get(field_name, default)
            for job in ended[: max(len(ended) - keep, 0)]:
                namespace, name = key_of(job)
                options = DeleteOptions(propagation="Background")
                self.world.store.delete(JOBS, namespace=namespace, name=name, options=options)

    def _tell(self, key: Key) -> None:
        store = self.world.store
        found = store.get(CRONJOBS, namespace=key[0], name=key[1])
        jobs = owned(store, owner=found, resource=JOBS)
        active = [
            {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "namespace": key[0],
             "uid": job["metadata"]["uid"]}
            for job in jobs if not outcome(job)
        ]  # fmt: skip
        ended = [job["status"]["completionTime"] for job in jobs if "completionTime" in job.get("status", {})]

        def change(obj: Obj) -> None:
            status = obj.setdefault("status", {})
            status.pop("active", None)
            if active:
                status["active"] = active
            if ended:
                status["lastSuccessfulTime"] = max([*ended, status.get("lastSuccessfulTime", "")])

        store.modify(CRONJOBS, namespace=key[0], name=key[1], change=change, options=STATUS)


def next_ms(spec: Obj, *, after_ms: int) -> int | None:
    """When a CronJob's schedule fires next after this moment; None when it never does or cannot be read."""
    try:
        zone: tzinfo = ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else UTC
        return next_after(spec["schedule"], zone=zone, after_ms=after_ms)
    except (KeyError, ValueError, OSError):
        return None


def next_after(expression: str, *, zone: tzinfo, after_ms: int) -> int | None:
    """The first minute after `after_ms` whose local time the expression names. A local time that a change of clocks
    skips does not fire; one that comes twice fires the first time. ValueError for an expression that cannot be read."""
    minutes, hours, days, months, weekdays, star_day, star_weekday = read_cron(expression)
    local = from_ms(after_ms).astimezone(zone).replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=1)
    end = local + _HORIZON
    while local < end:
        by_day, by_weekday = local.day in days, local.isoweekday() % 7 in weekdays
        day_ok = by_day and by_weekday if star_day or star_weekday else by_day or by_weekday
        if local.month not in months or not day_ok:
            local = local.replace(hour=0, minute=0) + timedelta(days=1)
        elif local.hour not in hours:
            local = local.replace(minute=0) + timedelta(hours=1)
        elif local.minute not in minutes:
            local += timedelta(minutes=1)
        else:
            found = local.replace(tzinfo=zone).astimezone(UTC)
            exists = found.astimezone(zone).replace(tzinfo=None) == local
            if exists and to_ms(found) > after_ms:
                return to_ms(found)
            local += timedelta(minutes=1)
    return None


Read = tuple[frozenset[int], frozenset[int], frozenset[int], frozenset[int], frozenset[int], bool, bool]


@lru_cache(maxsize=1_000)
def read_cron(expression: str) -> Read:
    """The five fields as sets, and whether day of month and day of week are stars. Raises ValueError."""
    parts = _MACROS.get(expression.strip(), expression).split()
    if len(parts) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: {expression!r}")
    names: tuple[tuple[str, ...], ...] = ((), (), (), _MONTHS, _DAYS)
    sets = [_read_field(part, low=low, high=high, names=n)
            for part, (low, high), n in zip(parts, _FIELDS, names, strict=True)]  # fmt: skip
    return (*sets, _is_star(parts[2]), _is_star(parts[4]))  # type: ignore[return-value]  # five sets, two flags


def _is_star(part: str) -> bool:
    return part.startswith(("*", "?"))


def _read_field(text: str, *, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for piece in text.lower().split(","):
        span, _, step = piece.partition("/")
        start, dash, end = span.partition("-")
        if span in ("*", "?"):
            first, last = low, high
        else:
            first = _read_number(start, low=low, names=names)
            last = _read_number(end, low=low, names=names) if dash else high if step else first
        stride = int(step) if step else 1
        if stride < 1 or not low <= first <= last <= (7 if high == 6 else high):
            raise ValueError(f"{piece!r} is outside {low}-{high}")
        found.update(number % 7 if high == 6 else number for number in range(first, last + 1, stride))
    return frozenset(found)


def _read_number(text: str, *, low: int, names: tuple[str, ...]) -> int:
    return names.index(text) + low if text in names else int(text)
