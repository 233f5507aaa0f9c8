"""A user, a token and a client that sends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from apps.identity.models import User
from apps.identity.services import issue_token


class Api:
    """Asks /api/v1/ with a token; `body` is what the last answer held."""

    def __init__(self, token: str) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {token}"} if token else {})

    def get(self, path: str, **headers: str) -> Any:
        return self._client.get(f"/api/v1/{path}", headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        text = body if isinstance(body, (str, bytes)) else json.dumps({} if body is None else body)
        return self._client.post(f"/api/v1/{path}", text, content_type="application/json", headers=headers)

    def delete(self, path: str) -> HttpResponse:
        return self._client.delete(f"/api/v1/{path}")


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("ada", password="correct horse battery")


@pytest.fixture
def token_of() -> Callable[..., str]:
    """`token_of(user, "read")` is the text of a new token."""

    def make(user: User, *scopes: str) -> str:
        return issue_token(user=user, name="test " + " ".join(scopes), scopes=scopes, expires_in=None, actor="test")[1]

    return make


@pytest.fixture
def api(admin: User, token_of: Callable[..., str]) -> Api:
    return Api(token_of(admin, "admin"))
