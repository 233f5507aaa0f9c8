"""Tasks: nothing goes in, one service is called. What there is to do stands in the database."""

from __future__ import annotations

import structlog
from celery import shared_task

from apps.fleet.services import mark_unwatched
from apps.identity.clock import now
from apps.ledger import services as ledger

log = structlog.get_logger(__name__)

PIECES = 20


@shared_task(name="workers.tasks.run_due")
def run_due() -> int:
    """Carries out what is due, and asks for another turn when there is more."""
    taken = ledger.run_due(limit=PIECES)
    if taken >= PIECES:
        run_due.delay()
    return taken


@shared_task(name="workers.tasks.watch_watchers")
def watch_watchers() -> int:
    """Says of each cluster that nobody watches any more that what is shown is old."""
    return mark_unwatched(now=now())


@shared_task(name="workers.tasks.check_chain")
def check_chain() -> bool:
    """Reads the whole ledger and says what is wrong with it."""
    report = ledger.verify_chain()
    for flaw in report.flaws:
        log.error("Ledger flaw", seq=flaw.seq, what=flaw.what)
    log.info("Ledger checked", records=report.checked, flaws=len(report.flaws))
    return report.ok
