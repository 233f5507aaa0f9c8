"""Sends the message that wakes a worker. It may be lost: then the next sweep finds what is due."""

from __future__ import annotations

import structlog
from kombu.exceptions import OperationalError

from workers.celery import DUE, app

log = structlog.get_logger(__name__)

EXPIRES_SECONDS = 60


def wake_worker() -> None:
    """Says that something is due. Never raises for a broker that does not answer, and does not wait for it long."""
    try:
        app.send_task("workers.tasks.run_due", queue=DUE, expires=EXPIRES_SECONDS, retry=False)
    except OperationalError as e:
        log.warning("Worker not woken", error=str(e))
