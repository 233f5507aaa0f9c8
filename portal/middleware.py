"""What surrounds each request: its id, its log line, its metrics, and errors that say what is wrong.

`request.request_id` is the id the caller sent in X-Request-ID when it is harmless, else a new UUIDv7. It comes back in
the answer's X-Request-ID, stands on every log line and in every record of the ledger that the request makes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.identity.rest.problems import disk_full
from apps.kernel.ids import uuid7
from portal.metrics import HTTP_REQUESTS, HTTP_SECONDS

log = structlog.get_logger("portal.request")

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_HARMLESS = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SILENT = ("/static/", "/healthz", "/readyz", "/metrics")
API = "/api/"


def request_id_of(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if _HARMLESS.fullmatch(given) else str(uuid7())


def _actor(request: HttpRequest) -> str | None:
    user = getattr(request, "user", None)
    return str(user) if user is not None and user.is_authenticated else None


def _route(request: HttpRequest) -> str:
    """The pattern, not the path: a label must not have as many values as there are objects."""
    match = request.resolver_match
    return f"/{match.route}" if match is not None else "(none)"


class RequestContext:
    """Binds the request's id, and logs and counts the request when it is answered."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_of(request)
        setattr(request, "request_id", request_id)  # noqa: B010  HttpRequest declares no such attribute
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        try:
            response = self._get_response(request)
            self._observe(request, response.status_code, time.perf_counter() - started)
        finally:
            structlog.contextvars.clear_contextvars()
        response.headers["X-Request-ID"] = request_id
        return response

    def _observe(self, request: HttpRequest, status: int, seconds: float) -> None:
        route = _route(request)
        method = request.method or ""
        HTTP_REQUESTS.labels(method, route, str(status)).inc()
        HTTP_SECONDS.labels(method, route).observe(seconds)
        if not request.path.startswith(_SILENT):
            log.info(
                "Request answered",
                method=method,
                path=request.path,
                status=status,
                actor=_actor(request),
                duration_ms=round(seconds * 1000, 1),
            )


class DiskFull:
    """Says so, on a page, when a write met a full disk; the API's own handler does the same for the API."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not (isinstance(error, OperationalError) and "full" in str(error)):
            return None
        problem = disk_full()
        log.error("The disk is full", path=request.path)
        return HttpResponse(problem.detail, status=problem.status, content_type="text/plain; charset=utf-8")


def security_headers(get_response: GetResponse) -> Callable[[HttpRequest], Any]:
    """What Django's own middleware leaves out."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path.startswith(API):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware
