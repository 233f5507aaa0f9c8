"""Due work: a table of unique keys, claimed by compare-and-swap with a lease.

Level-triggered: a key says that something is to be looked at, never what happened. A worker that dies loses nothing:
its lease runs out and the next one takes the work. A message to a worker only says "look at the table".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Least

from apps.identity.clock import now as clock_now
from apps.kernel.ports import load
from apps.ledger.models import DueWork

ERROR_LENGTH = 2_000
MOST_DOUBLINGS = 6
BACKOFF_FIRST_SECONDS = 2.0
BACKOFF_MOST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """Work in this worker's hands until `lease_until`, for the `attempts`-th time. `epoch` fences earlier holders."""

    key: str
    kind: str
    at: datetime
    holder: str
    epoch: int
    asked: int
    attempts: int
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of one kind is due now, and for how long the oldest has been."""

    count: int
    oldest_age_seconds: float


def action_key(action_id: UUID) -> str:
    """The key of carrying an action out."""
    return f"action:{action_id}"


def put(key: str, *, kind: str, at: datetime) -> None:
    """Ask for work. A key that is asked for already stays one row, due at the earlier of the two times.

    Work that is due now wakes a worker when the transaction commits; if that message is lost, the next sweep finds it.
    """
    if not _ask_again(key, at=at):
        try:
            with transaction.atomic():
                DueWork.objects.create(key=key, kind=kind, at=at)
        except IntegrityError:
            # Somebody else asked between the two statements.
            _ask_again(key, at=at)
    if at <= clock_now():
        # After the write: without a transaction the message leaves at once.
        _wake_on_commit()


def _wake_on_commit() -> None:
    """Once a transaction, however much is asked for in it."""
    if not any(hook is _wake for _, hook, _ in transaction.get_connection().run_on_commit):
        transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    """The port `wake_worker` names what sends the message; nothing, where there is no broker."""
    path = settings.PLIMSOLL_PORTS["wake_worker"]
    if path:
        load(path)()


def _ask_again(key: str, *, at: datetime) -> bool:
    return DueWork.objects.filter(key=key).update(asked=F("asked") + 1, at=Least(F("at"), at)) == 1


def claim(
    *, holder: str, limit: int, lease_seconds: float, now: datetime, kinds: tuple[str, ...] = ()
) -> list[Claimed]:
    """Take up to `limit` pieces of work that are due and in nobody's hands, oldest first. No `kinds`: any kind."""
    free = DueWork.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), at__lte=now)
    if kinds:
        free = free.filter(kind__in=kinds)
    taken: list[Claimed] = []
    # More than the limit are looked at: others may be taking the same ones.
    for row in free.order_by("at", "key")[: limit * 2 + 10]:
        if len(taken) == limit:
            break
        if item := _take(row, holder=holder, lease_seconds=lease_seconds, now=now):
            taken.append(item)
    return taken


def _take(row: DueWork, *, holder: str, lease_seconds: float, now: datetime) -> Claimed | None:
    """The claim, or None when another worker changed the row first.

    A holder that is still there has died with the work in its hands. If it was the work that killed it, the next must
    not die of it every minute: each such death doubles the lease.
    """
    deaths = row.deaths + 1 if row.holder else 0
    lease_until = now + timedelta(seconds=lease_seconds * 2.0 ** min(deaths, MOST_DOUBLINGS))
    changed = DueWork.objects.filter(key=row.key, epoch=row.epoch, asked=row.asked, at=row.at).update(
        holder=holder, lease_until=lease_until, epoch=row.epoch + 1, attempts=row.attempts + 1, deaths=deaths
    )
    if changed != 1:
        return None
    return Claimed(row.key, row.kind, row.at, holder, row.epoch + 1, row.asked, row.attempts + 1, lease_until)


def release_dead(*, alive: Callable[[str], bool]) -> int:
    """Free what processes of this machine held when they died, without waiting for their leases; returns how much."""
    held = DueWork.objects.exclude(holder="").exclude(lease_until=None)
    freed = 0
    for row in held.only("key", "epoch", "holder"):
        if not alive(row.holder):
            freed += DueWork.objects.filter(key=row.key, epoch=row.epoch).update(lease_until=None)
    return freed


def done(item: Claimed) -> bool:
    """The work is finished. False, and nothing changes, when the claim was lost meanwhile.

    Work that was asked for again since it was claimed stays due.
    """
    mine = DueWork.objects.filter(key=item.key, epoch=item.epoch)
    deleted, _ = mine.filter(asked=item.asked).delete()
    if deleted:
        return True
    return mine.update(lease_until=None, holder="", attempts=0, last_error="") == 1


def retry(item: Claimed, *, error: str, at: datetime) -> bool:
    """The work failed and is due again at `at`. False when the claim was lost meanwhile."""
    return (
        DueWork.objects.filter(key=item.key, epoch=item.epoch).update(
            lease_until=None, holder="", at=at, last_error=error[:ERROR_LENGTH]
        )
        == 1
    )


def backoff(attempts: int, *, wish_seconds: float | None = None) -> timedelta:
    """How long to wait after the `attempts`-th failure: 2 s doubled each time, 5 min at most, or what was wished for.

    No jitter: the work of one cluster is claimed one by one, so it does not come back in step.
    """
    doubled = BACKOFF_FIRST_SECONDS * 2.0 ** min(max(attempts - 1, 0), 20)
    wait = min(doubled, BACKOFF_MOST_SECONDS)
    if wish_seconds is not None:
        wait = min(max(wait, wish_seconds), 3_600.0)
    return timedelta(seconds=wait)


def depth(*, now: datetime) -> Mapping[str, Depth]:
    """What is due at `now`, by kind; for /metrics."""
    rows = DueWork.objects.filter(at__lte=now).values("kind").annotate(count=Count("key"), oldest=Min("at"))
    return {row["kind"]: Depth(row["count"], (now - row["oldest"]).total_seconds()) for row in rows.order_by("kind")}
