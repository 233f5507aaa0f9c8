"""Run as `python -m workers.beat`: every schedule there is. One process; a second one does no harm.

A message that nobody took within its interval expires, so that a stopped worker does not find a thousand of them.
"""

from __future__ import annotations

from celery.beat import Scheduler
from celery.schedules import crontab

from workers.celery import app

SWEEP_SECONDS = 5
UNWATCHED_SECONDS = 60

app.conf.beat_schedule = {
    # Whoever makes work due also sends a message; this finds what that message did not reach, and what is due by now.
    "run what is due": {
        "task": "workers.tasks.run_due",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "watch the watchers": {
        "task": "workers.tasks.watch_watchers",
        "schedule": UNWATCHED_SECONDS,
        "options": {"expires": UNWATCHED_SECONDS},
    },
    "check the ledger": {
        "task": "workers.tasks.check_chain",
        "schedule": crontab(hour=3, minute=17),
        "options": {"expires": 3_600},
    },
}


class MemoryScheduler(Scheduler):
    """Keeps when what was sent last in memory only: every task looks at the table, so a restart may send one early."""


def main() -> None:
    app.Beat(scheduler_cls="workers.beat:MemoryScheduler", loglevel="INFO", max_interval=SWEEP_SECONDS).run()


if __name__ == "__main__":
    main()
