"""Waiting until an action has come to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from apps.kernel.errors import Unavailable

if TYPE_CHECKING:
    from apps.adapters.plimsoll_api import PlimsollApi

OPEN = ("Due", "Running")
LOOK_EVERY_SECONDS = 0.2


def waited(api: PlimsollApi, item: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """The item with the state that its `action` came to, or at once when it has none or waits for people; Unavailable
    when it is not done in time."""
    if not item.get("action"):
        return item
    deadline = time.monotonic() + seconds
    while True:
        found = api.get(f"actions/{item['action']}/")
        if found["state"] not in OPEN:
            return {**item, "state": found["state"], "outcome": found["outcome"]}
        if time.monotonic() > deadline:
            raise Unavailable(
                f"action {item['action']} is still {found['state']}",
                mend=f"see `plimsoll describe action {item['action']}`; is a worker running?",
            )
        time.sleep(LOOK_EVERY_SECONDS)
