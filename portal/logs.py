"""Structured logs: one JSON object a line, or, at a terminal, a line for people.

Whatever is bound with `structlog.contextvars` (request_id, actor, decision_id, action_id, cluster) stands on every line
that is logged until it is unbound, also on the lines of libraries that use `logging`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


def _without(entry: MutableMapping[str, Any], key: str) -> MutableMapping[str, Any]:
    entry.pop(key, None)
    return entry


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    lambda logger, method, entry: _without(entry, "color_message"),  # uvicorn's second copy of the event
]

QUIET = {"httpx": "WARNING", "httpcore": "WARNING", "uvicorn": "INFO", "celery": "INFO", "django.request": "ERROR"}
"""Loggers that speak about each request; the portal logs its own requests once, with their ids."""


def _renderers() -> list[Any]:
    if sys.stderr.isatty():
        return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.dev.ConsoleRenderer()]
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    ]


def configure(*, level: str) -> None:
    """Sends every log of this process to standard error. Calling it again replaces what it did before."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_SHARED, processors=_renderers()))
    handler.set_name("plimsoll")
    root = logging.getLogger()
    root.handlers[:] = [kept for kept in root.handlers if kept.get_name() != "plimsoll"]
    root.addHandler(handler)
    root.setLevel(level)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    logging.captureWarnings(capture=True)
