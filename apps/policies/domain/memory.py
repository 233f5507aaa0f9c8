"""What is remembered of one incarnation of a workload between two ticks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

MANUAL = "Manual"
"""What a mark's `policy` says when a person put the workload to sleep."""


@dataclass(frozen=True, slots=True)
class Memory:
    """`woken_at` is the last wake, by anybody. `asleep_action` is the mark's action while it was last seen asleep, ""
    once its waking has been noticed. `restores` counts how often somebody else woke it under the policy revision
    `restores_under`. `announced_at` and `announced_by`: the coming sleep has been announced, by which policy revision.
    `asleep_until`: a person's sleep ends then. `waiting_since`: it has wanted to wake since then, and waits for others.
    `counted`: its request counters by target when its sleep was decided; None when it sleeps by no traffic rule.
    """

    schema_version: ClassVar[int] = 1

    woken_at: datetime | None = None
    asleep_action: str = ""
    restores: int = 0
    restores_under: str = ""
    announced_at: datetime | None = None
    announced_by: str = ""
    asleep_until: datetime | None = None
    waiting_since: datetime | None = None
    counted: Mapping[str, float] | None = None

    def seen_asleep(self, action: str) -> Memory:
        """It sleeps: announcements are over, and its waking will be noticed."""
        return replace(self, asleep_action=action, announced_at=None, announced_by="")

    def woken(self, now: datetime, *, outside: bool, under: str) -> Memory:
        """It runs again. `outside`: neither Plimsoll nor a person through it did that."""
        restores = (self.restores if self.restores_under == under else 0) + 1 if outside else self.restores
        return replace(
            self,
            woken_at=now,
            asleep_action="",
            asleep_until=None,
            waiting_since=None,
            counted=None,
            restores=restores,
            restores_under=under if outside else self.restores_under,
        )

    def announced(self, now: datetime | None, by: str = "") -> Memory:
        """A sleep has been announced; None takes that back."""
        return replace(self, announced_at=now, announced_by=by if now else "")

    def counting(self, counted: Mapping[str, float] | None) -> Memory:
        return self if counted == self.counted else replace(self, counted=counted)

    def waiting(self, since: datetime | None) -> Memory:
        return replace(self, waiting_since=since)
