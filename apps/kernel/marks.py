"""The mark on a workload that sleeps: written and read by Plimsoll, by people, and by the docs' kubectl wake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from apps.kernel.errors import InvalidInput
from apps.kernel.vocab import Json, SleptMark

T = TypeVar("T")

SLEPT = "plimsoll.dev/slept"
WAKE = "plimsoll.dev/wake"


def mark_text(mark: SleptMark) -> str:
    """The JSON of the slept annotation. Keys are fixed: people and the kubectl wake of the docs read them."""
    body: dict[str, Json] = {"replicas": mark.replicas, "policy": mark.policy, "action": mark.action}
    if mark.slept_at is not None:
        body["sleptAt"] = mark.slept_at.isoformat(timespec="seconds")
    if mark.scaled_object is not None:
        body["scaledObject"] = mark.scaled_object
        body["pausedReplicas"] = mark.paused_replicas
    if mark.suspended is not None:
        body["suspended"] = mark.suspended
    return json.dumps(body, separators=(",", ":"), sort_keys=True)


def read_mark(text: str) -> SleptMark:
    """The mark that `mark_text` wrote, or a person did by hand; InvalidInput names the key that is wrong."""
    try:
        body = json.loads(text)
    except ValueError as e:
        raise InvalidInput(f"it is not JSON: {e}", field=SLEPT, mend=_MEND_MARK) from e
    if not isinstance(body, dict):
        raise InvalidInput("it is not a JSON object", field=SLEPT, mend=_MEND_MARK)
    replicas = body.get("replicas")
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        raise InvalidInput(f"{replicas!r} is no number of replicas", field=f"{SLEPT} replicas", mend=_MEND_MARK)
    return SleptMark(
        replicas=replicas,
        policy=_optional(body, "policy", str) or "",
        action=_optional(body, "action", str) or "",
        slept_at=_moment(_optional(body, "sleptAt", str)),
        scaled_object=_optional(body, "scaledObject", str),
        paused_replicas=_optional(body, "pausedReplicas", str),
        suspended=_optional(body, "suspended", bool),
    )


_MEND_MARK = 'write it like {"replicas":3}, or remove the annotation'


def _optional(body: Mapping[str, Json], key: str, kind: type[T]) -> T | None:
    value = body.get(key)
    if value is not None and not isinstance(value, kind):
        raise InvalidInput(f"{value!r} is not a {kind.__name__}", field=f"{SLEPT} {key}", mend=_MEND_MARK)
    return value


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as e:
        raise InvalidInput(f"{text!r} is not a time", field=f"{SLEPT} sleptAt", mend=_MEND_MARK) from e
