"""Three hours of what an ingress controller would have told Prometheus, and two more to come, as OpenMetrics lines.

The samples reach beyond now, so that a test that takes minutes still sees its targets alive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

STEP_SECONDS = 30
PAST_SECONDS = 3 * 3600
FUTURE_SECONDS = 2 * 3600

TARGET = {"job": "ingress-nginx", "instance": "10.1.0.1:10254", "controller_class": "k8s.io/ingress-nginx"}


def ingress_nginx(requests_a_step: Mapping[tuple[str, str], int], *, now: datetime | None = None) -> Iterator[str]:
    """One controller that was up all the while. `requests_a_step` maps (namespace, ingress) to requests in 30 s; the
    Ingress and the Service behind it have one name."""
    base = int((now or datetime.now(UTC)).timestamp()) // STEP_SECONDS * STEP_SECONDS
    moments = range(base - PAST_SECONDS, base + FUTURE_SECONDS, STEP_SECONDS)
    for name, value in (
        ("up", 1),
        ("process_start_time_seconds", base - 30 * 24 * 3600),
        ("nginx_ingress_controller_config_last_reload_successful", 1),
    ):
        yield f"# TYPE {name} unknown\n"
        yield from (f"{name}{_braces(TARGET)} {value} {moment}.000\n" for moment in moments)
    yield "# TYPE nginx_ingress_controller_requests unknown\n"
    for (namespace, ingress), each in requests_a_step.items():
        labels = {"exported_namespace": namespace, "ingress": ingress, "exported_service": ingress, "status": "200"}
        for step, moment in enumerate(moments):
            yield f"nginx_ingress_controller_requests{_braces(TARGET | labels)} {1000 + step * each} {moment}.000\n"
    yield "# EOF\n"


def _braces(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
