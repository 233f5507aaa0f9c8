"""Errors as `application/problem+json` (RFC 9457).

    {"type": "about:blank", "title": ..., "status": 400, "code": "InvalidInput", "detail": ..., "request_id": ...,
     "errors": [{"field": "spec.idleAfter", "message": ..., "mend": ...}]}

`code` is the PascalCase name of the error in `kernel.errors`; `errors` is there in every answer, and may be empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response

from apps.kernel import errors

log = structlog.get_logger("plimsoll.api")

MEDIA_TYPE = "application/problem+json"


class KeyReused(errors.PlimsollError):
    """An Idempotency-Key came again with another request."""

    code = "IdempotencyKeyReused"


STATUS: dict[type[errors.PlimsollError], int] = {
    errors.InvalidInput: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Conflict: 409,
    errors.PreconditionFailed: 409,
    errors.Gone: 410,
    KeyReused: 422,
    errors.Unavailable: 503,
    errors.NotSynced: 503,
    errors.Retryable: 503,
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """`field` is a path as the caller wrote it, "" when the error is of no single field; `mend` may be ""."""

    field: str
    message: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    code: str
    detail: str
    title: str = ""
    errors: tuple[FieldError, ...] = ()
    retry_after_seconds: float | None = None

    def body(self, *, request_id: str) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.title or HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
            "errors": [asdict(error) for error in self.errors],
        }

    def headers(self) -> dict[str, str]:
        if self.retry_after_seconds is None:
            return {}
        return {"Retry-After": str(max(1, round(self.retry_after_seconds)))}


def problem_of(error: Exception) -> Problem | None:
    """The problem that `error` is to the caller; None when it is a fault of ours, to be logged and answered by 500."""
    if isinstance(error, errors.PlimsollError):
        return _of_plimsoll(error)
    if isinstance(error, Http404):
        return Problem(404, "NotFound", _("There is no such object, or you may not see it."))
    if isinstance(error, PermissionDenied):
        return Problem(403, "Forbidden", str(error) or _("You may not do this."))
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "RequestTooLarge", _("The request is too large."))
    if isinstance(error, OperationalError) and "full" in str(error):
        return disk_full()
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return None


def disk_full() -> Problem:
    return Problem(
        507,
        "DiskFull",
        _("The disk that holds Plimsoll's state is full; nothing was changed. Free some space and try again."),
    )


def _of_plimsoll(error: errors.PlimsollError) -> Problem:
    status = next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), 500)
    found = [FieldError(error.field or "", error.message, error.mend or "")]
    if isinstance(error, errors.InvalidInput) and error.causes:
        found = [FieldError(field, message, error.mend or "") for field, message in error.causes]
    retry = getattr(error, "retry_after_seconds", None)
    if status == 503 and retry is None:
        retry = 5
    return Problem(status, error.code, str(error), errors=tuple(found), retry_after_seconds=retry)


_CODES = {
    400: "InvalidInput",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
}


def _of_framework(error: exceptions.APIException) -> Problem:
    found = tuple(_flatten(error.detail)) if isinstance(error, exceptions.ValidationError) else ()
    if found:
        detail = "; ".join(f"{each.field}: {each.message}" if each.field else each.message for each in found)
    else:
        detail = str(error.detail)
    return Problem(
        error.status_code,
        _CODES.get(error.status_code, "Error"),
        detail,
        errors=found or (FieldError("", detail, str(_MENDS.get(_code_of(error), ""))),),
        retry_after_seconds=getattr(error, "wait", None),
    )


def _code_of(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else ""


_MENDS = {
    "required": gettext_lazy("give it"),
    "null": gettext_lazy("give it a value"),
    "blank": gettext_lazy("give it a value"),
    "empty": gettext_lazy("give at least one"),
    "max_length": gettext_lazy("shorten it"),
    "invalid_choice": gettext_lazy("choose one of those that the API's schema lists"),
    "invalid": gettext_lazy("write it as the API's schema says"),
    "not_a_list": gettext_lazy("write a list"),
    "not_a_dict": gettext_lazy("write an object"),
    "parse_error": gettext_lazy("send JSON"),
}
"""What to do, by the framework's code of the error."""


def _flatten(detail: Any, path: str = "") -> list[FieldError]:
    """The framework's nested details as a flat list: {"items": [{}, {"name": ["required"]}]} -> items[1].name."""
    if isinstance(detail, Mapping):
        found = []
        for key, value in detail.items():
            found += _flatten(value, _below(path, key))
        return found
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        found = []
        for index, value in enumerate(detail):
            nested = isinstance(value, (Mapping, list))
            found += _flatten(value, f"{path}[{index}]" if nested else path)
        return found
    return [FieldError(path, str(detail), str(_MENDS.get(getattr(detail, "code", ""), "")))]


def _below(path: str, key: Any) -> str:
    if key == "non_field_errors":
        return path
    return f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".strip(".")


def request_id_of(request: Any) -> str:
    return str(getattr(request, "request_id", ""))


def _fault(error: Exception) -> Problem:
    """A fault of ours: logged whole, and told to the caller by the request's id alone."""
    log.error("Request failed", exc_info=error)
    return Problem(
        500, "InternalError", _("Plimsoll failed to answer. The log has the reason, under this answer's request_id.")
    )


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """The REST framework's EXCEPTION_HANDLER. It answers everything, so that a failed write frees its key."""
    from apps.identity.rest.idempotency import Replay

    if isinstance(error, Replay):
        replayed = {"Idempotent-Replayed": "true"}
        return Response(error.data, status=error.status, headers=replayed, content_type=error.content_type)
    problem = problem_of(error) or _fault(error)
    headers = problem.headers()
    challenge = getattr(error, "auth_header", None)
    if problem.status == 401:
        headers["WWW-Authenticate"] = challenge or "Bearer"
    request = context.get("request")
    return Response(
        problem.body(request_id=request_id_of(request)),
        status=problem.status,
        headers=headers,
        content_type=MEDIA_TYPE,
    )


def problem_response(problem: Problem, *, request: HttpRequest) -> JsonResponse:
    """The same answer for code outside the REST framework."""
    return JsonResponse(
        problem.body(request_id=request_id_of(request)),
        status=problem.status,
        headers=problem.headers(),
        content_type=MEDIA_TYPE,
    )
