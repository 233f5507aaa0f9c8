"""Due work: put, claim, done, retry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """Work in this worker's hands until `lease_until`. `epoch` fences whoever held it before."""

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


def put(key: str, *, kind: str, at: datetime) -> None:
    """Ask for work. A key that is asked for already stays one row, due at the earlier of the two times."""
    raise NotImplementedError


def claim(*, holder: str, limit: int, lease_seconds: float, now: datetime) -> list[Claimed]:
    """Take up to `limit` pieces of work that are due and in nobody's hands, oldest first."""
    raise NotImplementedError


def done(item: Claimed) -> bool:
    """The work is finished. False, and nothing changes, when the claim was lost meanwhile."""
    raise NotImplementedError


def retry(item: Claimed, *, error: str, at: datetime) -> bool:
    """The work failed and is due again at `at`. False when the claim was lost meanwhile."""
    raise NotImplementedError


def depth(*, now: datetime) -> Mapping[str, Depth]:
    """What is due at `now`, by kind; for /metrics."""
    raise NotImplementedError
