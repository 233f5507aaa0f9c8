"""What every background process does first, and how it ends."""

from __future__ import annotations

import gc
import os
import signal
import threading
from types import FrameType


def set_up_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()


def calm_garbage_collector() -> None:
    """Lets the collector look less often: what is kept makes no cycles, and reading 50,000 pods makes millions of
    short-lived objects. At Python's own thresholds two thirds of reading a large list is spent on looking for cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. A second signal ends the process at once, as it would without us."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop
