"""How long calls to API servers take, and how they end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

from apps.adapters.kubernetes.responses import Call
from apps.kernel.errors import PlimsollError

CALL_SECONDS = Histogram(
    "plimsoll_kube_call_seconds",
    "Seconds from a call to a Kubernetes API server to the end of its answer, each try apart.",
    ["cluster", "verb", "resource", "code"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


@contextmanager
def timed(call: Call) -> Iterator[None]:
    """Observes one try. `code` is "OK" or the name of the kernel error, so that it stays a short list."""
    started = time.perf_counter()
    code = "OK"
    try:
        yield
    except PlimsollError as e:
        code = e.code
        raise
    finally:
        CALL_SECONDS.labels(call.cluster, call.verb, call.resource, code).observe(time.perf_counter() - started)
