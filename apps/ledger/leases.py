"""Leadership: one holder a name, and an epoch that grows with each new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Leadership:
    """`holder` leads `name` until `until`. `epoch` is the fencing token of everything it does."""

    name: str
    holder: str
    epoch: int
    until: datetime


class Leases(Protocol):
    def acquire(self, name: str, *, holder: str, span: timedelta, now: datetime) -> Leadership | None:
        """Take or renew the lead; None while somebody else has it. The epoch grows only when the holder changes."""

    def release(self, held: Leadership) -> None:
        """Give the lead back; nothing happens when it was lost already."""

    def check(self, name: str, *, epoch: int) -> None:
        """PreconditionFailed when a newer epoch leads `name`. Call it inside the transaction that writes."""


class DatabaseLeases:
    """Leases kept as rows, taken by compare-and-swap."""

    def acquire(self, name: str, *, holder: str, span: timedelta, now: datetime) -> Leadership | None:
        raise NotImplementedError

    def release(self, held: Leadership) -> None:
        raise NotImplementedError

    def check(self, name: str, *, epoch: int) -> None:
        raise NotImplementedError
