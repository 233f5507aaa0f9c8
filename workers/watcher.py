"""Run as `python -m workers.watcher`: looks after every cluster of the database until SIGTERM."""

from __future__ import annotations

from workers.startup import calm_garbage_collector, set_up_django, stop_on_signals


def main() -> None:
    stop = stop_on_signals()
    set_up_django()
    from django.conf import settings

    from apps.kernel.ports import load
    from workers.cluster_watch import Means
    from workers.fleet_watcher import Watcher

    calm_garbage_collector()
    means = Means(
        clock=load(settings.PLIMSOLL_PORTS["clock"])(),
        evaluate=load("apps.policies.services.evaluate"),
        tick_seconds=settings.PLIMSOLL_TICK_SECONDS,
    )
    Watcher(means=means).run(stop)


if __name__ == "__main__":
    main()
