"""The Celery app. A message only says "look at what is due": it may be lost, doubled or late, and nothing is lost."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

DUE, UPKEEP = "due", "upkeep"
"""Queues. What people wait for never stands behind what nobody waits for."""

app = Celery("plimsoll")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    include=["workers.tasks"],
    task_default_queue=DUE,
    task_routes={"workers.tasks.run_due": {"queue": DUE}, "workers.tasks.*": {"queue": UPKEEP}},
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # A worker that is killed has not acknowledged: the message comes again. Tasks look at the table, so that is safe.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    # redis-py 8 gives up on a silent socket after 5 s; a worker waits for messages for longer than that.
    broker_transport_options={"socket_timeout": None, "socket_keepalive": True, "visibility_timeout": 3600},
    timezone="UTC",
)


SAYS_EVERY_SWEEP = ("celery.app.trace", "celery.beat", "celery.worker.strategy")
"""Loggers that report each message, every five seconds; what a task did that matters, it logs itself."""


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Being connected is all it takes for Celery to leave the logging alone that settings made."""
    for name in SAYS_EVERY_SWEEP:
        logging.getLogger(name).setLevel(logging.WARNING)
