"""problem+json (RFC 9457) back into the kernel error it was made from."""

from __future__ import annotations

from typing import Any

from apps.adapters.retry import NotHandled
from apps.adapters.transport import Answer, excerpt
from apps.kernel import errors
from apps.kernel.errors import InvalidInput, PlimsollError, Unavailable

_BY_CODE: dict[str, type[PlimsollError]] = {
    cls.code: cls
    for cls in (
        errors.InvalidInput,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.PreconditionFailed,
        errors.Gone,
        errors.Conflict,
        errors.Unavailable,
        errors.NotSynced,
    )
}
_BY_STATUS: dict[int, type[PlimsollError]] = {
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.Gone,
}

LOG_IN = "log in again: plimsoll login, or set PLIMSOLL_TOKEN"


def problem_error(answer: Answer, *, source: str) -> PlimsollError:
    """The error of an answer that is not 2xx: by its `code`, by its status where there is none that is known."""
    problem = _problem(answer, source=source)
    parts = [part for part in problem.get("errors") or [] if isinstance(part, dict)]
    first = parts[0] if parts else {}
    message = str(first.get("message") or problem.get("detail") or f"HTTP {answer.status}: {excerpt(answer.body)}")
    field, mend = first.get("field") or None, first.get("mend") or None
    kind = _BY_CODE.get(str(problem.get("code"))) or _BY_STATUS.get(answer.status)
    if answer.status == 429:
        return NotHandled(message, field=field, mend=mend, retry_after_seconds=_retry_after(answer))
    if kind is errors.Unauthenticated:
        return kind(message, field=field, mend=mend or LOG_IN)
    if kind is None:
        kind = Unavailable if answer.status >= 500 else InvalidInput
    if kind is InvalidInput:
        causes = tuple((str(part.get("field", "")), str(part.get("message", ""))) for part in parts)
        return InvalidInput(message, field=field, mend=mend, causes=causes if len(causes) > 1 else ())
    if issubclass(kind, errors.Retryable):
        return kind(message, field=field, mend=mend, retry_after_seconds=_retry_after(answer))
    return kind(message, field=field, mend=mend)


def _problem(answer: Answer, *, source: str) -> dict[str, Any]:
    try:
        found = answer.json(source=source)
    except Unavailable:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(answer: Answer) -> float | None:
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() else None
