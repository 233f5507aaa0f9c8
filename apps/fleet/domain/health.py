"""How much of a cluster can be seen, from the states of its sources.

Worst first: credentials refused, rights missing, nothing answers, still reading, something is old. A source that fails
and was read a moment ago changes nothing yet: a restarting API server is no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.fleet.reasons import (
    CERTIFICATE_NOT_TRUSTED,
    CONNECTION_REFUSED,
    CREDENTIALS_REFUSED,
    READING_SOURCES,
    RIGHTS_MISSING,
    SERVER_UNREACHABLE,
    SOURCES_OLD,
    WATCHING,
)
from apps.kernel.decisions import Operand, Reason
from apps.kernel.errors import Forbidden, InvalidInput, PlimsollError, Unauthenticated
from apps.kernel.vocab import SourceAge

CONNECTED, SYNCING, STALE = "Connected", "Syncing", "Stale"
UNREACHABLE, UNAUTHORIZED = "Unreachable", "Unauthorized"

OLD_AFTER = timedelta(minutes=3)
"""A healthy watch proves itself every minute by a bookmark, and is opened anew within ten."""

MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Health:
    """`state` is a ClusterState. `deciding` tells whether what is known is whole and fresh enough to decide on."""

    state: str
    reason: Reason = field(default_factory=lambda: Reason(WATCHING))

    @property
    def deciding(self) -> bool:
        return self.state == CONNECTED


def judge(ages: Iterable[SourceAge], errors: Mapping[str, PlimsollError]) -> Health:
    """The health of a cluster whose sources have these ages, and failed with these errors where they failed last."""
    known = list(ages)
    for kind, state, code in (
        (Unauthenticated, UNAUTHORIZED, CREDENTIALS_REFUSED),
        (Forbidden, UNAUTHORIZED, RIGHTS_MISSING),
    ):
        refused = {name: error for name, error in errors.items() if isinstance(error, kind)}
        if refused:
            return Health(state, _because(code, refused))
    if known and len(errors) >= len(known):
        return Health(UNREACHABLE, _because(_unreachable_code(errors), errors))
    unread = [age.source for age in known if not age.synced]
    if unread or not known:
        failed = {name: error for name, error in errors.items() if name in unread}
        operands: dict[str, Operand] = {
            "sources": _names(unread),
            "count": len(unread),
            "error": str(next(iter(failed.values()), "")),
        }
        return Health(SYNCING, Reason(READING_SOURCES, operands))
    old = [age for age in known if age.age > OLD_AFTER]
    if old:
        oldest = max(old, key=lambda age: age.age)
        operands = {
            "sources": _names([age.source for age in old]),
            "seconds": int(oldest.age.total_seconds()),
            "error": oldest.error,
        }
        return Health(STALE, Reason(SOURCES_OLD, operands))
    return Health(CONNECTED)


def judge_failure(error: PlimsollError) -> Health:
    """The health of a cluster that could not be connected to at all."""
    if isinstance(error, (Unauthenticated, Forbidden)):
        return judge((), {"connection": error})
    return Health(UNREACHABLE, _because(_unreachable_code({"connection": error}), {"connection": error}))


def _unreachable_code(errors: Mapping[str, PlimsollError]) -> str:
    first = next(iter(errors.values()))
    if isinstance(first, InvalidInput):
        return CERTIFICATE_NOT_TRUSTED if first.field == "ca_pem" else CONNECTION_REFUSED
    return SERVER_UNREACHABLE


def _because(code: str, errors: Mapping[str, PlimsollError]) -> Reason:
    first = next(iter(errors.values()))
    return Reason(code, {"sources": _names(list(errors)), "error": first.message, "mend": first.mend or ""})


def _names(names: list[str]) -> str:
    """The first few names; how many more there are stands beside them."""
    shown = ", ".join(sorted(names)[:MOST_NAMES])
    return f"{shown} +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else shown


def source_ages(ages: Iterable[SourceAge], absent: Iterable[str], *, now: datetime) -> dict[str, dict[str, object]]:
    """The ages as a cluster's row keeps them: the moment and not the age, so that they go on growing while nobody
    writes them."""
    gone = set(absent)
    return {
        age.source: {
            "synced": age.synced,
            "absent": age.source in gone,
            "alive_at": (now - age.age).isoformat(timespec="seconds") if age.age < NEVER_SEEN else None,
            "error": age.error,
        }
        for age in ages
    }


NEVER_SEEN = timedelta(days=3_650)
