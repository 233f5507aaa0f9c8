"""When a call is sent again, and after how long.

Reads are sent again after anything retryable; writes only when the server cannot have acted on them. The waits grow
exponentially with full jitter (Brooker, "Exponential Backoff and Jitter", 2015), so that clients that fell together
do not come back together.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from apps.kernel.clock import Clock
from apps.kernel.errors import Retryable, Unavailable

T = TypeVar("T")


class NotHandled(Unavailable):
    """The server did not act on the call: it was not reached, or answered 429. Even a write may be sent again."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """`attempts` counts the first one. Waits are drawn from 0 to `base_seconds` * 2^n, at most `cap_seconds`."""

    attempts: int = 3
    base_seconds: float = 0.25
    cap_seconds: float = 4.0

    def wait_seconds(self, failures: int, *, asked_seconds: float | None = None) -> float:
        """How long to wait after the `failures`th failure (1 is the first); never less than the server asked for."""
        ceiling = min(self.cap_seconds, self.base_seconds * 2 ** (failures - 1))
        drawn = random.uniform(0, ceiling)  # noqa: S311  jitter needs no secrecy
        return max(drawn, asked_seconds or 0.0)


def call(send: Callable[[], T], *, rule: RetryRule, clock: Clock, safe: bool) -> T:
    """What `send` returns, tried up to `rule.attempts` times. `safe` is True for a call that changes nothing.

    Gives up at once when the server asks for a longer wait than `rule.cap_seconds`: the caller has better things to do.
    """
    failures = 0
    while True:
        try:
            return send()
        except Retryable as e:
            failures += 1
            again = isinstance(e, NotHandled) or (safe and isinstance(e, Unavailable))
            asked = e.retry_after_seconds
            if not again or failures >= rule.attempts or (asked or 0) > rule.cap_seconds:
                raise
            clock.wait(rule.wait_seconds(failures, asked_seconds=asked))
