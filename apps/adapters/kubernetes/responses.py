"""A Kubernetes Status (k8s.io/apimachinery, pkg/apis/meta/v1/types.go) as a kernel error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from apps.adapters.retry import NotHandled
from apps.adapters.transport import Answer, excerpt
from apps.kernel.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    NotFound,
    PlimsollError,
    Unauthenticated,
    Unavailable,
)
from apps.kernel.ports import JsonObject

_UNDECLARED = re.compile(r"failed to create typed patch object .*: \.?(\S+): field not declared in schema")
"""What server-side apply answers to an unknown field, with status 500, although the object is at fault (v1.36)."""


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, in RBAC's words, for messages and metrics. `resource` is `deployments.apps/scale`."""

    cluster: str
    verb: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{where} on cluster {self.cluster}"


def answer_error(answer: Answer, call: Call) -> PlimsollError:
    """The error of an answer whose status is not 2xx. A body that is no Status still gives one, by the code alone."""
    try:
        status = answer.json(source="")
    except Unavailable:
        status = {}
    if not isinstance(status, dict) or status.get("kind") != "Status":
        status = {"message": f"HTTP {answer.status}: {excerpt(answer.body)}"}
    retry_after = answer.headers.get("retry-after", "")
    return status_error(
        {**status, "code": answer.status}, call, retry_after=float(retry_after) if retry_after.isdigit() else None
    )


def status_error(status: JsonObject, call: Call, *, retry_after: float | None = None) -> PlimsollError:
    """The error a Status tells of; `retry_after` is in seconds, from the header."""
    code = status.get("code") or 500
    reason = status.get("reason") or ""
    details = status.get("details") or {}
    message = f"cannot {call}: {status.get('message') or reason or code}"
    if code == 409 and reason == "AlreadyExists":
        return AlreadyExists(message)
    if code == 409:
        return _conflict(message, details)
    if code == 403:
        return _forbidden(message, call)
    if code == 429:
        return NotHandled(message, retry_after_seconds=retry_after or details.get("retryAfterSeconds"))
    if 300 <= code < 400:
        return InvalidInput(message, field="server", mend="give the API server's own address: it answers no redirects")
    if code in _SIMPLE:
        return _SIMPLE[code](message)
    undeclared = _UNDECLARED.search(message)
    if undeclared:
        causes = ((undeclared[1], "the schema has no such field"),)
        mend = "take it out, or write it as the schema does"
        return InvalidInput(message, field=undeclared[1], mend=mend, causes=causes)
    if code < 500:
        return _invalid(message, details)
    return Unavailable(message, retry_after_seconds=retry_after or details.get("retryAfterSeconds"))


def _unauthenticated(message: str) -> PlimsollError:
    return Unauthenticated(
        message,
        field="token",
        mend="the credentials are wrong or have expired: give the cluster a new kubeconfig or token",
    )


_SIMPLE = {401: _unauthenticated, 404: NotFound, 410: Gone}


def _conflict(message: str, details: dict[str, Any]) -> Conflict:
    """A stale resourceVersion, or the fields that another manager owns, which the causes then name."""
    causes = _causes(details)
    if causes:
        return Conflict(message, field=causes[0][0], mend="leave the field to its manager, or force the apply")
    return Conflict(message)


def _forbidden(message: str, call: Call) -> Forbidden:
    """RBAC's refusal says what to grant; an admission plugin's or a quota's says it in the message itself."""
    if " cannot " in message.partition(": ")[2]:
        return Forbidden(message, field="rbac", mend=f"grant the account `{call.verb}` on `{call.resource}`")
    return Forbidden(message)


def _invalid(message: str, details: dict[str, Any]) -> InvalidInput:
    """A real server adds a cause at `<nil>`, that not every rule could be checked yet: it names nothing to correct."""
    causes = tuple(cause for cause in _causes(details) if cause[0] != "<nil>")
    field = next((name for name, _ in causes if name), None)
    return InvalidInput(message, field=field, mend="correct it as the schema says" if field else None, causes=causes)


def _causes(details: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    causes = details.get("causes") or []
    return tuple((str(cause.get("field", "")), str(cause.get("message", ""))) for cause in causes)
