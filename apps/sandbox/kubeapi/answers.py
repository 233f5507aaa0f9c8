"""What a handler gives back: a whole body, or a stream of lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from apps.sandbox.kubeapi import codec
from apps.sandbox.kubeapi.errors import ApiError, PageNotFound
from apps.sandbox.kubeapi.request import Form


@dataclass(slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    """An answer that goes on until the iterator ends: one watch event a line."""

    lines: AsyncIterator[bytes]
    content_type: str = "application/json"


def json_answer(value: Any, *, status: int = 200, form: Form | None = None) -> Answer:
    """The value as JSON, or as YAML when the client asked for it."""
    if form is not None and form.yaml:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        return Answer(status=status, body=text.encode(), content_type="application/yaml")
    return Answer(status=status, body=codec.encode(value))


def text_answer(text: str, *, status: int = 200) -> Answer:
    """Plain text."""
    return Answer(status=status, body=text.encode(), content_type="text/plain; charset=utf-8")


def error_answer(error: ApiError) -> Answer:
    """The error's Status, or plain text for a path that names nothing."""
    if isinstance(error, PageNotFound):
        return text_answer("404 page not found\n", status=404)
    answer = json_answer(error.status(), status=error.code)
    if error.code == 429:
        retry = (error.details or {}).get("retryAfterSeconds")
        if retry:
            answer.headers["retry-after"] = str(retry)
    return answer
