"""What the Prometheus adapter makes of good and bad answers. No answer that may lack a part passes for a whole one."""

from __future__ import annotations

import base64
import json
import math
import socket
import ssl
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from apps.adapters.prometheus import answers
from apps.adapters.prometheus.source import PrometheusSource
from apps.kernel.clock import ManualClock
from apps.kernel.errors import Forbidden, InvalidInput, PlimsollError, Unauthenticated, Unavailable
from apps.kernel.ports import MetricsConnection
from apps.kernel.vocab import Sample
from tests.adapters.certificates import make_pair
from tests.adapters.servers import Received, Responder, Server, answer, raw, serve

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = NOON.timestamp()


def source_at(url: str, **connection: str) -> PrometheusSource:
    return PrometheusSource(MetricsConnection(url=url, **connection), clock=ManualClock(NOON), read_seconds=5)


def vector(*values: Any, **more: Any) -> Responder:
    result = [{"metric": {"n": str(i)}, "value": value} for i, value in enumerate(values)]
    return answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}, **more})


def failing(*responders: Responder) -> tuple[PlimsollError, Server]:
    """The error of a query, and the server that saw its requests."""
    with serve(*responders) as server, pytest.raises(PlimsollError) as caught:
        source_at(server.url).query("up", at=NOON)
    return caught.value, server


def test_an_instant_query_is_posted_with_its_moment() -> None:
    with serve(vector([AT, "1.5"])) as server:
        assert source_at(server.url).query("up{}", at=NOON) == [Sample({"n": "0"}, 1.5, AT)]
        request = server.received[0]
    assert (request.method, request.path) == ("POST", "/api/v1/query")
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert (form["query"], form["time"]) == ("up{}", f"{AT:.3f}")


def test_a_path_before_the_api_is_kept() -> None:
    with serve(vector()) as server:
        source_at(f"{server.url}/prometheus/").query("up", at=NOON)
        assert server.received[0].path == "/prometheus/api/v1/query"


def test_nan_and_infinities_are_kept() -> None:
    with serve(vector([AT, "NaN"], [AT, "+Inf"], [AT, "-Inf"])) as server:
        values = [sample.value for sample in source_at(server.url).query("up", at=NOON)]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_a_scalar_is_one_sample_without_labels() -> None:
    with serve(answer(200, {"status": "success", "data": {"resultType": "scalar", "result": [AT, "2"]}})) as server:
        assert source_at(server.url).query("2", at=NOON) == [Sample({}, 2.0, AT)]


def test_nothing_is_no_sample_and_no_error() -> None:
    with serve(vector()) as server:
        assert source_at(server.url).query("absent_thing", at=NOON) == []


def test_a_range_gives_points_oldest_first() -> None:
    result = [{"metric": {"a": "b"}, "values": [[1, "1"], [2, "NaN"]]}]
    body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    with serve(answer(200, body)) as server:
        (found,) = source_at(server.url).query_range(
            "up", start=NOON, end=NOON + timedelta(hours=1), step=timedelta(seconds=30)
        )
        form = parse_qs(server.received[0].body.decode())
    assert found.labels == {"a": "b"}
    assert found.points[0] == (1.0, 1.0)
    assert math.isnan(found.points[1][1])
    assert form["step"] == ["30.000"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_is_tried_three_times(status: int) -> None:
    error, server = failing(answer(status, "oops"))
    assert isinstance(error, Unavailable)
    assert len(server.received) == 3


def test_a_server_that_recovers_is_believed() -> None:
    with serve(answer(500, "oops"), vector([AT, "1"])) as server:
        assert len(source_at(server.url).query("up", at=NOON)) == 1


@pytest.mark.parametrize(("status", "kind"), [(400, "bad_data"), (422, "execution")])
def test_a_wrong_query_is_the_askers_fault_and_is_asked_once(status: int, kind: str) -> None:
    error, server = failing(answer(status, {"status": "error", "errorType": kind, "error": "parse error at char 3"}))
    assert isinstance(error, InvalidInput)
    assert error.field == "query"
    assert "parse error at char 3" in str(error)
    assert len(server.received) == 1


def test_a_timeout_of_the_query_may_be_tried_later() -> None:
    error, _ = failing(answer(503, {"status": "error", "errorType": "timeout", "error": "query timed out"}))
    assert isinstance(error, Unavailable)
    assert "query timed out" in str(error)


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthenticated), (403, Forbidden)])
def test_refused_credentials_name_their_field(status: int, kind: type[PlimsollError]) -> None:
    error, server = failing(answer(status, "no"))
    assert isinstance(error, kind)
    assert error.field == "token"
    assert len(server.received) == 1


@pytest.mark.parametrize("responder", [answer(404, "not here"), answer(302, "", location="/login"), answer(405, "")])
def test_an_address_that_is_no_prometheus_names_the_url(responder: Responder) -> None:
    error, _ = failing(responder)
    assert isinstance(error, InvalidInput)
    assert error.field == "url"


@pytest.mark.parametrize(
    "responder",
    [
        answer(200, ""),
        answer(200, "<html>login</html>", content_type="text/html"),
        answer(200, {"hello": "world"}),
        answer(200, {"status": "success"}),
        answer(200, {"status": "success", "data": {"resultType": "vector"}}),
        answer(200, "[1, 2]"),
        vector([AT, "one"]),
        vector([AT]),
        vector("x"),
        answer(200, {"status": "success", "data": {"resultType": "vector", "result": [{"value": [AT, "1"]}]}}),
    ],
)
def test_what_is_no_prometheus_answer_is_unavailable(responder: Responder) -> None:
    error, _ = failing(responder)
    assert isinstance(error, Unavailable)


def test_a_body_cut_short_is_unavailable() -> None:
    error, _ = failing(raw(b'HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{"status":"success","data":{'))
    assert isinstance(error, Unavailable)


def test_an_answer_in_part_is_unavailable() -> None:
    error, _ = failing(vector([AT, "1"], warnings=["store 10.0.0.7 did not answer"]))
    assert isinstance(error, Unavailable)
    assert "store 10.0.0.7 did not answer" in str(error)


def test_a_remark_about_the_query_is_no_error() -> None:
    remark = "PromQL info: metric might not be a counter, name does not end in _total"
    with serve(vector([AT, "1"], warnings=[remark], infos=["x"])) as server:
        assert len(source_at(server.url).query("up", at=NOON)) == 1


def test_a_matrix_is_no_instant_vector() -> None:
    error, _ = failing(answer(200, {"status": "success", "data": {"resultType": "matrix", "result": []}}))
    assert isinstance(error, InvalidInput)
    assert error.field == "query"


def test_native_histograms_are_refused_with_the_mend() -> None:
    result = [{"metric": {}, "histogram": [AT, {"count": "1"}]}]
    error, _ = failing(answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}}))
    assert isinstance(error, InvalidInput)
    assert "histogram_count" in str(error)


def test_a_silent_server_is_given_up() -> None:
    def silent(_: Received, connection: socket.socket) -> None:
        connection.recv(1)

    with serve(silent) as server:
        source = PrometheusSource(MetricsConnection(url=server.url), clock=ManualClock(NOON), read_seconds=0.1)
        with pytest.raises(Unavailable, match="fell silent"):
            source.query("up", at=NOON)
        source.close()


def test_too_many_series_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_SERIES", 3)
    error, server = failing(vector(*[[AT, "1"]] * 4))
    assert isinstance(error, InvalidInput)
    assert (error.field, len(server.received)) == ("query", 1)
    assert "sum by" in (error.mend or "")
    assert "limit=4" in server.received[0].body.decode()


def test_a_million_series_do_not_fill_the_memory() -> None:
    """The server would send about 400 MB; reading stops at 64 MiB."""

    def flood(_: Received, connection: socket.socket) -> None:
        one = json.dumps({"metric": {"pod": "x" * 330}, "value": [AT, "1"]}).encode() + b","
        connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"status":"success","data":{"resultType":"vector","result":[')
        for _thousand in range(1000):
            connection.sendall(one * 1000)

    tracemalloc.start()
    error, server = failing(flood)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(error, InvalidInput)
    assert (error.field, len(server.received)) == ("query", 1)
    assert peak < 100 * 1024 * 1024


def test_basic_and_bearer_credentials_are_sent() -> None:
    with serve(vector()) as server:
        source_at(server.url, username="me", password="pä:ss").query("up", at=NOON)
        source_at(server.url, token="abc").query("up", at=NOON)
        sent = [request.headers["authorization"] for request in server.received]
    assert base64.b64decode(sent[0].removeprefix("Basic ")).decode() == "me:pä:ss"
    assert sent[1] == "Bearer abc"


@pytest.mark.parametrize(
    ("connection", "field"),
    [
        ({"username": "me", "token": "abc"}, "token"),
        ({"token": "a\r\nX: y"}, "token"),
        ({"username": "me:you"}, "username"),
        ({"ca_pem": "junk"}, "ca_pem"),
        ({"client_certificate_pem": "x"}, "client_key_pem"),
    ],
)
def test_a_broken_connection_names_its_field(connection: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        source_at("http://127.0.0.1:9", **connection)
    assert caught.value.field == field


@pytest.mark.parametrize("url", ["", "prometheus:9090", "http://", "http://me:pw@host", "http://host?x=1"])
def test_a_broken_address_names_the_url(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        source_at(url)
    assert caught.value.field == "url"


def test_mtls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    authority = make_pair("authority")
    server_pair, client_pair = make_pair("server", issuer=authority), make_pair("client", issuer=authority)
    (tmp_path / "server.pem").write_text(server_pair.certificate + server_pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.certificate)
    with serve(vector([AT, "1"]), tls=context) as server:
        known = source_at(
            server.url,
            ca_pem=authority.certificate,
            client_certificate_pem=client_pair.certificate,
            client_key_pem=client_pair.key,
        )
        assert len(known.query("up", at=NOON)) == 1
        with pytest.raises(Unauthenticated):
            source_at(server.url, ca_pem=authority.certificate).query("up", at=NOON)
        with pytest.raises(InvalidInput, match="not trusted"):
            source_at(server.url).query("up", at=NOON)
