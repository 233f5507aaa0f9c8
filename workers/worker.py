"""Run as `python -m workers.worker`: carries out what is due.

Threads, not processes: a piece of work waits for an API server most of the time, and a process costs 90 MB. Each call
to the outside has its own timeout, so that no thread is ever lost to one.
"""

from __future__ import annotations

from workers.celery import DUE, UPKEEP, app

THREADS = 4


def main() -> None:
    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={THREADS}",
            f"--queues={DUE},{UPKEEP}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=INFO",
        ]
    )


if __name__ == "__main__":
    main()
