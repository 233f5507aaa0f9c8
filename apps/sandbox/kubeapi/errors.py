"""Errors that the API answers with, as one tree; each knows its `Status` body.

    ApiError
      BadRequest (400)   Unauthorized (401)   Forbidden (403)   NotFound (404)
      MethodNotAllowed (405)   NotAcceptable (406)   AlreadyExists (409)   Conflict (409)
      ApplyConflict (409)   Expired (410)   UnsupportedMediaType (415)   Invalid (422)
      TooManyRequests (429)   InternalError (500)   PlainError (500)   TooLargeVersion (504)

The sentences are those of k8s.io/apimachinery `pkg/api/errors`, since clients and people match on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One bad field: `reason` as FieldValueInvalid, `field` as a dotted path, `message` with value and rule."""

    reason: str
    message: str
    field: str = ""

    def as_json(self) -> Obj:
        """The cause as it stands in `status.details.causes`."""
        body: Obj = {"reason": self.reason, "message": self.message}
        if self.field:
            body["field"] = self.field
        return body


class ApiError(Exception):
    """An answer that is not 2xx. `details` is the Status's details, or None to leave them out."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str, *, details: Obj | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> Obj:
        """The metav1.Status body of this error."""
        body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    code, reason = 401, "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    code, reason = 404, "NotFound"


class ResourceNotFound(ApiError):
    """The group is served, and the resource in it is not."""

    code, reason = 404, "NotFound"

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource", details={})


class PageNotFound(ApiError):
    """The path names no API; a real server says so in plain text."""

    code, reason = 404, "NotFound"

    def __init__(self) -> None:
        super().__init__("404 page not found")


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource", details={})


class NotAcceptable(ApiError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    code, reason = 409, "Conflict"


class Expired(ApiError):
    """The version or page asked for is gone (410); the client lists again."""

    code, reason = 410, "Expired"


class UnsupportedMediaType(ApiError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    code, reason = 429, "TooManyRequests"


class InternalError(ApiError):
    code, reason = 500, "InternalError"


class PlainError(ApiError):
    """A 500 to which the real server gives no reason."""

    code, reason = 500, ""


class TooLargeVersion(ApiError):
    code, reason = 504, "Timeout"


def qualified(plural: str, *, group: str) -> str:
    """`deployments.apps`, or `pods` for the core group."""
    return f"{plural}.{group}" if group else plural


def details_of(*, group: str, plural: str, name: str = "") -> Obj:
    """The details that name an object by its resource, in the real server's order of keys."""
    body: Obj = {}
    if name:
        body["name"] = name
    if group:
        body["group"] = group
    body["kind"] = plural
    return body


def not_found(group: str, *, plural: str, name: str) -> NotFound:
    """The 404 of one object."""
    details = details_of(group=group, plural=plural, name=name)
    return NotFound(f'{qualified(plural, group=group)} "{name}" not found', details=details)


def already_exists(group: str, *, plural: str, name: str) -> AlreadyExists:
    """The 409 of a create whose name is taken."""
    details = details_of(group=group, plural=plural, name=name)
    return AlreadyExists(f'{qualified(plural, group=group)} "{name}" already exists', details=details)


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(group: str, *, plural: str, name: str, why: str = STALE) -> Conflict:
    """The 409 of a write against a stale resourceVersion or a wrong uid."""
    return Conflict(
        f'Operation cannot be fulfilled on {qualified(plural, group=group)} "{name}": {why}',
        details=details_of(group=group, plural=plural, name=name),
    )


def forbidden(group: str, *, plural: str, name: str, why: str, causes: list[Cause] | None = None) -> Forbidden:
    """The 403 of admission or authorization."""
    what = qualified(plural, group=group)
    message = f'{what} "{name}" is forbidden: {why}' if name else f"{what} is forbidden: {why}"
    details = details_of(group=group, plural=plural, name=name)
    if causes:
        details["causes"] = [cause.as_json() for cause in causes]
    return Forbidden(message, details=details)


def invalid(group: str, *, kind: str, name: str, causes: list[Cause]) -> Invalid:
    """The 422 that lists every bad field; the same message is said once, as the real aggregate does."""
    seen: dict[str, None] = {}
    for cause in causes:
        text = f"{cause.field}: {cause.message}" if cause.field else cause.message
        seen.setdefault(text)
    lines = list(seen)
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    details: Obj = {"name": name} if name else {}
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    details["causes"] = [cause.as_json() for cause in causes]
    return Invalid(f'{qualified(kind, group=group)} "{name}" is invalid: {text}', details=details)
