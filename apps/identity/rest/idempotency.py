"""`Idempotency-Key`: a write that is sent twice is done once.

    1. The first request with a key takes it in the cache, for as long as a request may run.
    2. Its answer is kept for a day under the key, with a digest of method, path and body.
    3. A second request with the key gets that answer again; 409 while the first still runs; 422 when it asks for
       something else. An answer of 500 or more gives the key free, for nothing is known to have been done.

Keys are those of one user. The draft it follows: draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.cache import cache
from django.utils.translation import gettext as _
from redis.exceptions import RedisError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.identity.rest.problems import KeyReused
from apps.kernel.errors import Conflict, InvalidInput, Unavailable

log = structlog.get_logger("plimsoll.api")

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
RUNNING_SECONDS = 300
KEPT_SECONDS = 24 * 3600


class Replay(Exception):
    """Not an error: the kept answer, on its way to the exception handler."""

    def __init__(self, *, status: int, data: Any, content_type: str | None) -> None:
        super().__init__(status)
        self.status = status
        self.data = data
        self.content_type = content_type


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this request holds until `keep` or `release`."""

    cache_key: str
    digest: str

    def keep(self, response: Response, *, secret: bool) -> None:
        """Ends the claim. Of a `secret` answer that succeeded only the fact is kept, for the cache lies on a disk."""
        if response.status_code >= 500:
            with suppress(RedisError):
                cache.delete(self.cache_key)
            return
        withheld = secret and response.status_code < 300
        data = None if response.data is None or withheld else json.loads(JSONRenderer().render(response.data))
        answer = {
            "digest": self.digest,
            "status": response.status_code,
            "data": data,
            "content_type": response.content_type,
            "withheld": withheld,
        }
        try:
            cache.set(self.cache_key, answer, KEPT_SECONDS)
        except RedisError as e:
            # The write is done, and its answer is on its way; only a second request would not be recognised.
            log.warning("Answer not kept", error=str(e))


def claim(request: Request) -> Claim | None:
    """Takes the request's key. None without one; raises Replay, Conflict, KeyReused or InvalidInput."""
    key = request.headers.get(HEADER)
    if not key:
        return None
    if len(key) > LONGEST_KEY:
        raise InvalidInput(
            _("the key is longer than %(most)s characters") % {"most": LONGEST_KEY},
            field=HEADER,
            mend=_("send a random UUID"),
        )
    digest = _digest(request)
    owner = hashlib.sha256(f"{request.user.pk}:{key}".encode()).hexdigest()
    cache_key = f"idempotency:{owner}"
    try:
        if cache.add(cache_key, {"digest": digest, "status": None}, RUNNING_SECONDS):
            return Claim(cache_key, digest)
        kept = cache.get(cache_key) or {}
    except RedisError as e:
        raise Unavailable(
            _("the broker, which keeps the keys, does not answer: %(error)s") % {"error": e},
            field=HEADER,
            mend=_("free some disk space or start the broker, or send the request without a key"),
        ) from e
    if kept.get("digest") != digest:
        raise KeyReused(
            _("this key was used for another request"), field=HEADER, mend=_("send a new key for a new request")
        )
    if kept.get("status") is None:
        raise Conflict(_("a request with this key is still running"), field=HEADER, mend=_("wait, then send it again"))
    if kept.get("withheld"):
        raise Conflict(
            _("this was done already, and its answer held a secret that is kept nowhere"),
            field=HEADER,
            mend=_("end what was made, then ask again with a new key"),
        )
    raise Replay(status=kept["status"], data=kept["data"], content_type=kept["content_type"])


def _digest(request: Request) -> str:
    body: bytes = request._request.body
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(head + body).hexdigest()
