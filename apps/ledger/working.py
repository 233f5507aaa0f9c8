"""What a worker does: take what is due, one piece at a time, and do it.

Another app brings its own kinds of work: `register("kind", "apps.that.module.function")`, a function that takes the
Claimed item and returns when it is done, raises Retryable to be asked again, or anything else when it is broken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import OperationalError

from apps.identity.clock import now as clock_now
from apps.kernel.errors import Retryable
from apps.kernel.ports import load
from apps.ledger import due, holders
from apps.ledger.approvals import expire
from apps.ledger.carrying import carry_out, fail
from apps.ledger.moves import ClaimLost

log = structlog.get_logger(__name__)

BROKEN_WAIT = timedelta(hours=1)
TRIES_BEFORE_FAILURE = 5

_handlers: dict[str, str] = {
    "action": "apps.ledger.working.do_action",
    "approval": "apps.ledger.working.do_approval",
}


def register(kind: str, path: str) -> None:
    """Name the function that does a kind of work."""
    _handlers[kind] = path


def run_due(*, holder: str = "", limit: int = 20, lease_seconds: float = 60, now: datetime | None = None) -> int:
    """Claim what is due and do it: the body of the worker's task. Returns how many pieces were taken.

    A piece that fails is put off, whatever it raised, and never stops the others. Pieces are claimed one by one, so
    that none waits in the hands of a busy worker.
    """
    due.release_dead(alive=holders.may_be_alive)
    holder = holder or holders.this_process()
    for taken in range(limit):
        items = due.claim(
            holder=holder, limit=1, lease_seconds=lease_seconds, now=now or clock_now(), kinds=tuple(_handlers)
        )
        if not items:
            return taken
        try:
            _do(items[0])
        except OperationalError as e:
            # Not even that it failed could be written: the lease runs out, and the work is taken up again.
            log.warning("Database refused", key=items[0].key, error=str(e))
    return limit


def _do(item: due.Claimed) -> None:
    try:
        load(_handlers[item.kind])(item)
    except ClaimLost:
        log.info("Claim lost", key=item.key, epoch=item.epoch)
    except Retryable as e:
        wait = due.backoff(item.attempts, wish_seconds=e.retry_after_seconds)
        due.retry(item, error=str(e), at=clock_now() + wait)
    except OperationalError as e:
        log.warning("Database refused", key=item.key, error=str(e))
        due.retry(item, error=str(e), at=clock_now() + due.backoff(item.attempts))
    except Exception as e:
        log.exception("Due work broke", key=item.key, attempts=item.attempts)
        _put_broken_off(item, error=f"{type(e).__name__}: {e}")
    else:
        due.done(item)


def _put_broken_off(item: due.Claimed, *, error: str) -> None:
    """A bug, or a row nobody can read: an hour later once more, and after some tries never again."""
    if item.attempts < TRIES_BEFORE_FAILURE:
        due.retry(item, error=error, at=clock_now() + BROKEN_WAIT)
        return
    if item.kind == "action":
        fail(action_id=_id(item), epoch=item.epoch, error=error, attempts=item.attempts)
    due.done(item)


def do_action(item: due.Claimed) -> None:
    carry_out(action_id=_id(item), epoch=item.epoch)


def do_approval(item: due.Claimed) -> None:
    expire(approval_id=_id(item), at=clock_now())


def _id(item: due.Claimed) -> UUID:
    return UUID(item.key.partition(":")[2])
