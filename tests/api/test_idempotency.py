"""A write that is sent twice with one Idempotency-Key is done once.

Aspects: the kept answer; another body; a first that still runs; users apart; secrets; failures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from apps.identity.models import User
from apps.identity.rest import idempotency
from apps.identity.rest.idempotency import claim
from apps.identity.rest.views import ApiView
from apps.kernel.errors import Unavailable
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


class Counting(ApiView):
    """Counts its writes; fails while `broken`."""

    done: ClassVar[int] = 0
    broken: ClassVar[bool] = False

    def create(self, request: Request) -> Response:
        if Counting.broken:
            raise Unavailable("the cluster does not answer")
        Counting.done += 1
        return Response({"done": Counting.done}, status=201)


@pytest.fixture
def send(admin: User) -> Callable[..., Any]:
    Counting.done, Counting.broken = 0, False
    view = Counting.as_view({"post": "create"})

    def post(body: dict[str, Any], *, key: str | None = None, user: User = admin) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        request = APIRequestFactory().post("/count/", body, format="json", headers=headers)
        force_authenticate(request, user)
        return view(request)

    return post


def test_without_a_key_each_request_is_done(send: Callable[..., Any]) -> None:
    assert [send({"n": 1}).data["done"], send({"n": 1}).data["done"]] == [1, 2]


def test_the_same_request_again_gets_the_kept_answer(send: Callable[..., Any]) -> None:
    first, again = send({"n": 1}, key="a"), send({"n": 1}, key="a")
    assert (again.status_code, again.data) == (201, {"done": 1}) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Counting.done == 1


def test_the_same_key_with_another_body_is_422_and_does_nothing(send: Callable[..., Any]) -> None:
    send({"n": 1}, key="a")
    assert send({"n": 2}, key="a").status_code == 422
    assert Counting.done == 1


def test_a_key_whose_first_request_still_runs_is_409(admin: User) -> None:
    request = APIRequestFactory().post("/count/", {"n": 1}, format="json", headers={"Idempotency-Key": "a"})
    force_authenticate(request, admin)
    running = Request(request)
    running.user = admin
    assert claim(running) is not None
    assert Counting.as_view({"post": "create"})(request).status_code == 409


def test_two_users_have_keys_of_their_own(send: Callable[..., Any]) -> None:
    other = User.objects.create_superuser("grace", password="correct horse battery")
    assert send({"n": 1}, key="a").data == {"done": 1}
    assert send({"n": 1}, key="a", user=other).data == {"done": 2}


def test_a_failure_of_the_server_frees_the_key(send: Callable[..., Any]) -> None:
    Counting.broken = True
    assert send({"n": 1}, key="a").status_code == 503
    Counting.broken = False
    assert send({"n": 1}, key="a").status_code == 201


def test_a_token_is_kept_nowhere_not_even_under_its_key(api: Api) -> None:
    body = {"name": "ci", "scopes": ["read"]}
    first = api.post("tokens/", body, **{"Idempotency-Key": "k"})
    assert first.status_code == 201
    again = api.post("tokens/", body, **{"Idempotency-Key": "k"})
    assert again.status_code == 409
    kept = everything_cached()
    assert kept
    assert first.json()["token"] not in str(kept)


def everything_cached() -> list[bytes]:
    """What the cache holds, as it keeps it: pickles, in which a text stands as it is."""
    inner: Any = cache._cache  # type: ignore[attr-defined]  # a dict of LocMemCache's, or a client of RedisCache's
    if isinstance(inner, dict):
        return list(inner.values())
    client = inner.get_client()
    return [client.get(key) for key in client.keys("*")]


def test_a_key_that_is_too_long_names_the_header(send: Callable[..., Any]) -> None:
    answer = send({"n": 1}, key="k" * 201)
    assert answer.status_code == 400
    assert answer.data["errors"][0]["field"] == "Idempotency-Key"


def test_a_broker_that_does_not_answer_is_503_and_nothing_is_done(
    send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> bool:
        raise RedisError("MISCONF No space left on device")

    monkeypatch.setattr(idempotency.cache, "add", refuse, raising=False)
    answer = send({"n": 1}, key="a")
    assert answer.status_code == 503
    assert "disk" in answer.data["errors"][0]["mend"]
    assert Counting.done == 0
