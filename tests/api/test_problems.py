"""Every error of the API is problem+json that names the field and the mend."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from django.utils import timezone

from apps.fleet.models import Cluster, Workload
from apps.identity.rest.problems import problem_of
from apps.kernel import errors
from portal.limits import BodyLimit
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert set(body) == {"type", "title", "status", "code", "detail", "request_id", "errors"}
    return body


def test_an_address_that_is_none_is_a_404_problem() -> None:
    assert problem(Client().get("/api/v1/nonsense"), 404)["code"] == "NotFound"


def test_a_write_to_an_address_that_is_none_is_told_of_the_address_and_of_no_form() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api/v1/actions/web/undo/", {}, content_type="application/json")
    assert "is no address of this API" in problem(answer, 404)["detail"]


def test_an_object_that_is_not_there_is_a_404_problem(api: Api) -> None:
    problem(api.get("clusters/01a20e1f-655e-7c3c-bf14-1cc4cb9b46ca/"), 404)


def test_nobody_is_a_401_that_asks_for_a_bearer_token() -> None:
    response = Client().get("/api/v1/clusters/")
    problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_token_is_a_401_that_names_the_header() -> None:
    body = problem(Api("plm_wrong").get("clusters/"), 401)
    assert body["errors"][0]["field"] == "Authorization"
    assert "plimsoll token create" in body["errors"][0]["mend"]


def test_a_body_that_is_no_json_is_a_400_problem(api: Api) -> None:
    assert problem(api.post("tokens/", "{nonsense"), 400)["code"] == "InvalidInput"


def test_every_bad_field_of_a_body_is_named(api: Api) -> None:
    body = problem(api.post("tokens/", {"scopes": ["all"]}), 400)
    assert {error["field"] for error in body["errors"]} == {"name", "scopes[0]"}


def test_a_method_that_a_list_has_not_is_a_405_problem(api: Api) -> None:
    assert problem(api.post("nodes/"), 405)["code"] == "MethodNotAllowed"


def test_a_misspelt_filter_is_an_error_and_not_the_whole_list(api: Api) -> None:
    error = problem(api.get("workloads/?cluser=dev"), 400)["errors"][0]
    assert error["field"] == "cluser"
    assert "cluster" in error["mend"]


def test_a_filter_that_cannot_be_read_names_itself(api: Api) -> None:
    assert problem(api.get("decisions/?since=yesterday"), 400)["errors"][0]["field"] == "since"


@pytest.mark.parametrize("page", ["0", "2", "x", "-1"])
def test_a_page_that_is_none_names_the_field(api: Api, page: str) -> None:
    assert problem(api.get(f"clusters/?page={page}"), 400)["errors"][0]["field"] == "page"


def test_an_order_that_is_none_lists_those_there_are(api: Api) -> None:
    error = problem(api.get("clusters/?sort=colour"), 400)["errors"][0]
    assert error["field"] == "sort"
    assert "name" in error["mend"]


def test_a_harmless_request_id_is_kept_and_any_other_is_replaced(api: Api) -> None:
    assert api.get("me/", **{"X-Request-ID": "deploy-42"}).headers["X-Request-ID"] == "deploy-42"
    assert "<" not in api.get("me/", **{"X-Request-ID": "<script>"}).headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (errors.InvalidInput("x", field="f", mend="m"), 400),
        (errors.Unauthenticated("x"), 401),
        (errors.Forbidden("x"), 403),
        (errors.NotFound("x"), 404),
        (errors.AlreadyExists("x"), 409),
        (errors.Conflict("x"), 409),
        (errors.PreconditionFailed("x"), 409),
        (errors.Gone("x"), 410),
        (errors.Unavailable("x"), 503),
        (errors.NotSynced("x"), 503),
    ],
)
def test_each_kernel_error_has_its_status(error: errors.PlimsollError, want: int) -> None:
    found = problem_of(error)
    assert found is not None
    assert (found.status, found.code) == (want, error.code)
    assert found.errors[0].field == (error.field or "")
    assert found.errors[0].mend == (error.mend or "")


def test_a_fault_of_ours_is_no_problem_of_the_caller() -> None:
    assert problem_of(ZeroDivisionError()) is None


async def _too_large(headers: list[tuple[bytes, bytes]], pieces: list[bytes]) -> list[dict[str, Any]]:
    """What BodyLimit answers when the application would read everything."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    scope = {"type": "http", "method": "POST", "path": "/api/v1/policies/", "headers": headers}
    talk = ApplicationCommunicator(BodyLimit(application, limit_bytes=1000), scope)
    for index, piece in enumerate(pieces):
        await talk.send_input({"type": "http.request", "body": piece, "more_body": index < len(pieces) - 1})
    messages = [await talk.receive_output(5), await talk.receive_output(5)]
    await talk.wait(5)
    return messages


@pytest.mark.parametrize(
    "headers", [[(b"content-length", b"50000")], []], ids=["that says its length", "that does not say its length"]
)
def test_an_upload_that_is_too_large_is_a_413_problem(headers: list[tuple[bytes, bytes]]) -> None:
    start, body = async_to_sync(_too_large)(headers, [b"x" * 500] * 100)
    assert start["status"] == 413
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert json.loads(body["body"])["errors"][0]["field"] == "body"


def test_an_upload_within_the_limit_passes() -> None:
    start, _ = async_to_sync(_too_large)([], [b"x" * 500] * 2)
    assert start["status"] == 200


@pytest.mark.parametrize("depth", [100, 900, 100_000])
def test_a_body_nested_too_deeply_is_the_senders_mistake(depth: int, api: Api) -> None:
    text = '{"cluster": "c", "manifest": ' + '{"a":' * depth + "1" + "}" * depth + "}"
    body = problem(api.post("policies/preview/", text), 400)
    assert "nested too deeply" in body["detail"]


KUBECONFIG = """
current-context: dev
contexts: [{name: dev, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


def test_a_proxy_that_is_none_is_named_and_its_password_is_not_shown(api: Api) -> None:
    answer = api.post("clusters/", {"name": "c1", "kubeconfig": KUBECONFIG, "proxy_url": "socks5://me:hidden@proxy:1"})
    assert problem(answer, 400)["errors"][0]["field"] == "proxy_url"
    assert "hidden" not in answer.content.decode()


@pytest.mark.parametrize("since", ["99999999999999999999d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_outside_of_all_calendars_is_named(since: str, api: Api) -> None:
    answer = api.get(f"decisions/?since={since.replace('+', '%2B')}")
    assert problem(answer, 400)["errors"][0]["field"] == "since"


@pytest.mark.parametrize("span", ["99999999999999999999d", "3000000d", "40000d"])
def test_a_lifetime_longer_than_a_hundred_years_is_named(span: str, api: Api) -> None:
    answer = api.post("tokens/", {"name": "ci", "scopes": ["read"], "expires_in": span})
    assert problem(answer, 400)["errors"][0]["field"] == "expires_in"


@pytest.mark.parametrize("until", ["3000000d", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_sleep_for_longer_than_a_hundred_years_is_named(until: str, api: Api) -> None:
    cluster = Cluster.objects.create(name="dev", server="https://dev.invalid")
    row = Workload.objects.create(
        cluster=cluster, namespace="shop", kind="Deployment", name="web", uid="u", updated_at=timezone.now()
    )
    answer = api.post("workloads/sleep", {"items": [{"id": str(row.pk)}], "reason": "test", "until": until})
    assert problem(answer, 400)["errors"][0]["field"] == "until"
