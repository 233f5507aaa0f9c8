"""Leadership: one holder a name, and an epoch that grows with each new one.

A leader may be paused longer than its lease and not know it. So whatever it writes is fenced: rows are written in a
transaction that calls `check` with its epoch, and objects in a cluster under the resourceVersion that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from apps.kernel.errors import PreconditionFailed
from apps.ledger.models import Lease


def cluster_lead(cluster_id: object) -> str:
    """The name of the lead over one cluster: whoever has it watches, decides and proposes there."""
    return f"cluster:{cluster_id}"


@dataclass(frozen=True, slots=True)
class Leadership:
    """`holder` leads `name` until `until`. `epoch` is the fencing token of everything it does."""

    name: str
    holder: str
    epoch: int
    until: datetime


class Leases(Protocol):
    """`holder` must name one process for its lifetime only: host, pid and something random."""

    def acquire(self, name: str, *, holder: str, span: timedelta, now: datetime) -> Leadership | None:
        """Take or renew the lead; None while somebody else has it. The epoch grows only when the holder changes."""

    def release(self, held: Leadership) -> None:
        """Give the lead back; nothing happens when it was lost already."""

    def check(self, name: str, *, epoch: int) -> None:
        """PreconditionFailed when a newer epoch leads `name`. Call it inside the transaction that writes."""


class DatabaseLeases:
    """Leases kept as rows, taken by compare-and-swap. `on_new_lead` is called when a name gets another holder."""

    def __init__(self, *, on_new_lead: Callable[[str], None] | None = None) -> None:
        self._on_new_lead = on_new_lead

    def acquire(self, name: str, *, holder: str, span: timedelta, now: datetime) -> Leadership | None:
        row, _ = Lease.objects.get_or_create(name=name)
        mine = row.holder == holder
        if not mine and row.until is not None and row.until >= now:
            return None
        epoch = row.epoch if mine else row.epoch + 1
        until = now + span
        changed = Lease.objects.filter(name=name, epoch=row.epoch, holder=row.holder).update(
            holder=holder, epoch=epoch, until=until
        )
        if changed != 1:
            return None
        if not mine and self._on_new_lead is not None:
            self._on_new_lead(name)
        return Leadership(name, holder, epoch, until)

    def release(self, held: Leadership) -> None:
        # The holder goes too, so that the next one gets a new epoch even if it is the same process.
        Lease.objects.filter(name=held.name, epoch=held.epoch, holder=held.holder).update(until=None, holder="")

    def check(self, name: str, *, epoch: int) -> None:
        row = Lease.objects.select_for_update().filter(name=name).first()
        if row is not None and row.epoch > epoch:
            raise PreconditionFailed(
                f"the lead of {name} has passed to another process (epoch {row.epoch}, not {epoch})"
            )
