"""The command line's client of our own API: pages, keys, and errors that name the field and the mend."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.adapters.plimsoll_api import PlimsollApi
from apps.kernel import errors
from apps.kernel.clock import ManualClock
from apps.kernel.errors import InvalidInput, PlimsollError, Unauthenticated, Unavailable
from tests.adapters.servers import Responder, answer, serve


def api(url: str, *, token: str | None = None) -> PlimsollApi:
    return PlimsollApi(
        url, token="t0ken" if token is None else token, clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    )


def problem(status: int, code: str, *parts: dict[str, str]) -> Responder:
    body = {"type": "about:blank", "status": status, "code": code, "detail": "whole sentence", "errors": list(parts)}
    return answer(status, body, content_type="application/problem+json")


def page(*items: Any, more: bool) -> Responder:
    return answer(200, {"items": list(items), "count": 3, "page": 1, "next": "x" if more else None})


def test_a_list_is_followed_to_its_last_page() -> None:
    with serve(page({"n": 1}, {"n": 2}, more=True), page({"n": 3}, more=False)) as server:
        found = list(api(server.url).items("decisions", params={"cluster": "demo", "since": None, "open": True}))
        paths = [request.path for request in server.received]
    assert [item["n"] for item in found] == [1, 2, 3]
    assert paths[0].startswith("/api/v1/decisions?cluster=demo&open=true&page=1")
    assert "page=2" in paths[1]
    assert server.received[0].headers["authorization"] == "Bearer t0ken"


def test_a_page_is_fetched_only_when_it_is_needed() -> None:
    with serve(page({"n": 1}, more=True)) as server:
        assert next(api(server.url).items("decisions")) == {"n": 1}
        assert len(server.received) == 1


def test_a_write_carries_one_key_over_all_its_tries() -> None:
    with serve(answer(503, "busy"), answer(201, {"id": "1"})) as server:
        assert api(server.url).post("workloads/sleep", body={"name": "web"}) == {"id": "1"}
        keys = [request.headers["idempotency-key"] for request in server.received]
        assert json.loads(server.received[0].body) == {"name": "web"}
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_two_writes_carry_two_keys() -> None:
    with serve(answer(204)) as server:
        client = api(server.url)
        assert client.delete("clusters/1") == {}
        client.delete("clusters/1")
        assert len({request.headers["idempotency-key"] for request in server.received}) == 2


def test_a_read_carries_no_key() -> None:
    with serve(answer(200, {})) as server:
        api(server.url).get("clusters/1")
        assert "idempotency-key" not in server.received[0].headers


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidInput", errors.InvalidInput),
        (401, "Unauthenticated", errors.Unauthenticated),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "PreconditionFailed", errors.PreconditionFailed),
        (409, "SomethingNew", errors.Conflict),
        (422, "IdempotencyKeyReused", errors.InvalidInput),
        (503, "NotSynced", errors.NotSynced),
        (500, "InternalError", errors.Unavailable),
    ],
)
def test_an_error_comes_back_as_the_one_it_was(status: int, code: str, kind: type[PlimsollError]) -> None:
    part = {"field": "spec.idleAfter", "message": "is too short", "mend": "write 5m or more"}
    with serve(problem(status, code, part)) as server, pytest.raises(PlimsollError) as caught:
        api(server.url).get("x")
    assert type(caught.value) is kind
    assert str(caught.value) == "spec.idleAfter: is too short (write 5m or more)"


def test_several_fields_are_all_causes() -> None:
    parts = [{"field": "a", "message": "one"}, {"field": "b", "message": "two"}]
    with serve(problem(400, "InvalidInput", *parts)) as server, pytest.raises(InvalidInput) as caught:
        api(server.url).post("x")
    assert caught.value.causes == (("a", "one"), ("b", "two"))


def test_no_login_says_how_to_log_in() -> None:
    with serve(problem(401, "Unauthenticated")) as server, pytest.raises(Unauthenticated, match="plimsoll login"):
        api(server.url).get("x")


def test_a_page_in_its_place_is_unavailable() -> None:
    with (
        serve(answer(200, "<html>", content_type="text/html")) as server,
        pytest.raises(Unavailable, match="text/html"),
    ):
        api(server.url).get("x")


def test_nothing_listening_names_the_server() -> None:
    with serve(answer(200)) as server:
        url = server.url
    with pytest.raises(Unavailable, match="Plimsoll at 127"):
        api(url).get("x")


@pytest.mark.parametrize("url", ["", "plimsoll:8000", "http://plimsoll.example", "ftp://x"])
def test_a_broken_address_names_its_variable(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        api(url)
    assert caught.value.field == "PLIMSOLL_URL"


def test_a_broken_token_names_its_variable() -> None:
    with pytest.raises(InvalidInput) as caught:
        api("http://127.0.0.1:1", token="a\nb")
    assert caught.value.field == "PLIMSOLL_TOKEN"
