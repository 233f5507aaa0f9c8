"""When a Decision says what the last one said.

A rule judges every workload at every tick. Most ticks repeat the last one's conclusion with slightly other
measurements; those are counted and not written. So two texts are taken of each Decision: its `stream` (who says
something about whom) and its `fingerprint` (what is said, measurements and times left out).
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from apps.kernel.decisions import Decision, Operand, Verdict
from apps.kernel.errors import InvalidInput
from apps.kernel.units import parse_duration
from apps.ledger.domain.chain import canonical

_TIME_NAME = re.compile(r"(^|_)(at|since|until|age|for|in|seconds|minutes|hours|time|last|next)$")


def stream(decision: Decision) -> str:
    """A digest of the rule, the subject's cluster and key, and the policy (none for a person)."""
    policy = decision.policy.key if decision.policy else ""
    return _digest([decision.kind, decision.subject.cluster, decision.subject.key, policy])


def fingerprint(decision: Decision, *, mode: str) -> str:
    """A digest of what stays the same while the same thing is concluded for the same cause.

    The subject's uid and the policy's generation are part of it: another incarnation or revision is news.
    """
    operands = {name: value for name, value in decision.reason.operands.items() if _lasting(name, value, decision)}
    policy = [decision.policy.uid, decision.policy.generation] if decision.policy else []
    action = decision.action.kind if decision.action else ""
    return _digest(
        [decision.subject.uid, str(decision.verdict), decision.reason.code, operands, policy, action, mode],
    )


def _lasting(name: str, value: Operand, decision: Decision) -> bool:
    """Whether an operand is part of the conclusion: not a measurement, not a time.

    Any float is a measurement; a whole number is one where nothing is to be done (a busy workload's requests).
    """
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, float) or (isinstance(value, int) and decision.verdict is Verdict.HOLD):
        return False
    return not (_TIME_NAME.search(name) or (isinstance(value, str) and _is_time(value)))


def _is_time(text: str) -> bool:
    """An ISO 8601 date or date and time, or a duration as policies spell them."""
    try:
        if "-" in text:
            datetime.fromisoformat(text)
        else:
            parse_duration(text)
    except (ValueError, InvalidInput):
        return False
    return True


def _digest(parts: list[object]) -> str:
    return hashlib.sha256(canonical(parts).encode("ascii")).hexdigest()
