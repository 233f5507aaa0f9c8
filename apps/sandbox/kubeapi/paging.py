"""Pages of a list that stay consistent: what is left of a first page is kept until it is fetched or pushed out."""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from dataclasses import dataclass

from apps.sandbox.kubeapi.errors import BadRequest, Expired, Obj

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects, the version they were read at, and how to go on ("" and None on the last page)."""

    items: list[Obj]
    resource_version: str
    continue_: str = ""
    remaining: int | None = None


class Pages:
    """The rests of unfinished lists; the oldest is forgotten beyond `keep` (the reader then gets 410)."""

    def __init__(self, *, keep: int = 256) -> None:
        self._keep = keep
        self._number = 0
        self._rests: OrderedDict[int, tuple[list[Obj], str]] = OrderedDict()

    def first(self, found: list[Obj], *, version: str, limit: int | None) -> Page:
        """The first `limit` objects; no limit or 0 means all."""
        if not limit or len(found) <= limit:
            return Page(items=found, resource_version=version)
        self._number += 1
        self._rests[self._number] = (found, version)
        if len(self._rests) > self._keep:
            self._rests.popitem(last=False)
        return self._cut(self._number, start=0, limit=limit)

    def resume(self, token: str, *, limit: int | None) -> Page:
        """The page after the one that gave this token. Raises Expired, or BadRequest for a token we never made."""
        try:
            body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            number, start = int(body["rest"]), int(body["start"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"invalid continue token: continue key is not valid: {error}") from error
        if number not in self._rests:
            raise Expired(_TOO_OLD)
        return self._cut(number, start=start, limit=limit)

    def _cut(self, number: int, *, start: int, limit: int | None) -> Page:
        found, version = self._rests[number]
        end = start + limit if limit else len(found)
        if end >= len(found):
            return Page(items=found[start:], resource_version=version)
        text = json.dumps({"v": "meta.k8s.io/v1", "rv": int(version), "rest": number, "start": end})
        token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return Page(items=found[start:end], resource_version=version, continue_=token, remaining=len(found) - end)

    def clear(self) -> None:
        """Forget every unfinished list."""
        self._rests.clear()
