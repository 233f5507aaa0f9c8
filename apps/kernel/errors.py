"""Every error Plimsoll raises on purpose.

PlimsollError
├── InvalidInput        a person can mend it: `field` names what, `mend` says how
├── NotFound
├── AlreadyExists
├── Unauthenticated     credentials are wrong or have expired
├── Forbidden           credentials are right and do not allow it
├── PreconditionFailed  the world moved on since the decision; decide again
├── Gone                a resourceVersion is too old to resume from; list again
└── Retryable           the same call may succeed later
    ├── Conflict        a stale resourceVersion was refused; read again, then retry
    ├── Unavailable     nothing answered, or it answered 5xx or 429
    └── NotSynced       a source has not been read whole yet

One bit decides the retry: `retryable`. Everything else ends the work and is recorded.
"""

from __future__ import annotations

from typing import ClassVar


class PlimsollError(Exception):
    """The root. `field` is a path as the user wrote it; `mend` is an instruction a person can follow."""

    retryable: ClassVar[bool] = False
    code: ClassVar[str] = "Error"

    def __init__(self, message: str, *, field: str | None = None, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.mend = mend

    def __str__(self) -> str:
        head = f"{self.field}: {self.message}" if self.field else self.message
        return f"{head} ({self.mend})" if self.mend else head


class InvalidInput(PlimsollError):
    """What was given cannot be used. `causes`, where it holds any, names every (field, message)."""

    code = "InvalidInput"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        mend: str | None = None,
        causes: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, field=field, mend=mend)
        self.causes = causes


class NotFound(PlimsollError):
    code = "NotFound"


class AlreadyExists(PlimsollError):
    code = "AlreadyExists"


class Unauthenticated(PlimsollError):
    code = "Unauthenticated"


class Forbidden(PlimsollError):
    code = "Forbidden"


class PreconditionFailed(PlimsollError):
    code = "PreconditionFailed"


class Gone(PlimsollError):
    code = "Gone"


class Retryable(PlimsollError):
    """May succeed later. `retry_after_seconds` is the other side's own wish, or None."""

    retryable = True
    code = "Retryable"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        mend: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, field=field, mend=mend)
        self.retry_after_seconds = retry_after_seconds


class Conflict(Retryable):
    code = "Conflict"


class Unavailable(Retryable):
    code = "Unavailable"


class NotSynced(Retryable):
    code = "NotSynced"
