"""What the Kubernetes adapter makes of servers that fail, lie, stall or hang up.

Aspects: retries, bodies, watches, TLS and proxies.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from apps.adapters.kubernetes.cluster import KubernetesCluster
from apps.kernel import kinds
from apps.kernel.clock import ManualClock
from apps.kernel.errors import Forbidden, Gone, InvalidInput, Unauthenticated, Unavailable
from apps.kernel.ports import KubeConnection, WatchEvent
from apps.kernel.vocab import ObjectRef
from tests.adapters.certificates import make_pair
from tests.adapters.servers import Received, Server, answer, connect_proxy, raw, serve, status

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = ObjectRef("demo", "apps", "Deployment", "shop", "web")
OK = {"kind": "Deployment", "metadata": {"name": "web"}, "gitVersion": "v1.0.0"}
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"


class CountingClock(ManualClock):
    """Remembers what it was asked to wait for."""

    def __init__(self) -> None:
        super().__init__(NOON)
        self.waits: list[float] = []

    def wait(self, seconds: float, *, until: threading.Event | None = None) -> bool:
        self.waits.append(seconds)
        return super().wait(seconds, until=until)


def cluster_at(
    server: Server | str, *, clock: ManualClock | None = None, silence_seconds: float = 5
) -> KubernetesCluster:
    url = server if isinstance(server, str) else server.url
    connection = KubeConnection(server=url, token="t0ken")
    return KubernetesCluster(
        connection, cluster="demo", clock=clock or ManualClock(NOON), silence_seconds=silence_seconds
    )


def watch_all(cluster: KubernetesCluster, *, stop: threading.Event | None = None) -> list[WatchEvent]:
    return list(cluster.watch(kinds.POD, resource_version="5", stop=stop or threading.Event()))


def event(kind: str, version: str) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"resourceVersion": version}}}).encode() + b"\n"


# Retries


def test_a_read_is_sent_again_after_a_500() -> None:
    clock = CountingClock()
    with serve(answer(500, status(500)), answer(200, OK)) as server:
        assert cluster_at(server, clock=clock).get(WEB)["metadata"]["name"] == "web"
        assert len(server.received) == 2
    assert len(clock.waits) == 1
    assert 0 <= clock.waits[0] <= 0.25


def test_a_read_is_given_up_after_three_tries() -> None:
    with serve(answer(503, status(503))) as server:
        with pytest.raises(Unavailable):
            cluster_at(server).get(WEB)
        assert len(server.received) == 3


def test_a_write_is_not_sent_again_after_a_500() -> None:
    """The server may have written before it failed."""
    with serve(answer(500, status(500))) as server:
        with pytest.raises(Unavailable):
            cluster_at(server).patch(WEB, body={})
        assert len(server.received) == 1


def test_a_write_is_sent_again_after_a_429_and_waits_as_asked() -> None:
    clock = CountingClock()
    with serve(answer(429, status(429), retry_after="2"), answer(200, OK)) as server:
        cluster_at(server, clock=clock).patch(WEB, body={})
    assert clock.waits == [2.0]


def test_a_long_retry_after_is_handed_to_the_caller() -> None:
    with serve(answer(429, status(429), retry_after="60")) as server:
        with pytest.raises(Unavailable) as caught:
            cluster_at(server).patch(WEB, body={})
        assert len(server.received) == 1
    assert caught.value.retry_after_seconds == 60


def test_a_write_that_never_left_is_tried_again() -> None:
    clock = CountingClock()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        cluster_at(f"http://127.0.0.1:{port}", clock=clock).patch(WEB, body={})
    assert len(clock.waits) == 2


def test_a_connection_lost_midway_is_unavailable() -> None:
    with serve(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")) as server:
        with pytest.raises(Unavailable, match="broke"):
            cluster_at(server).patch(WEB, body={})


# Bodies


def test_a_login_page_is_no_answer() -> None:
    with serve(answer(200, "<html>Please log in</html>", content_type="text/html")) as server:
        with pytest.raises(Unavailable, match="text/html where JSON was due: <html>Please log in"):
            cluster_at(server).patch(WEB, body={})


def test_json_that_is_no_object_is_no_answer() -> None:
    with serve(answer(200, "[]")) as server:
        with pytest.raises(Unavailable, match="no object"):
            cluster_at(server).version()


def test_a_redirect_is_not_followed() -> None:
    with serve(answer(302, "", location="http://127.0.0.1:1/")) as server:
        with pytest.raises(InvalidInput) as caught:
            cluster_at(server).version()
    assert caught.value.field == "server"


def test_an_error_without_a_status_is_told_by_its_code() -> None:
    with serve(answer(403, "<h1>denied by the gateway</h1>")) as server:
        with pytest.raises(Forbidden, match="denied by the gateway"):
            cluster_at(server).version()


def test_causes_are_handed_on() -> None:
    cause = {"field": "spec.replicas", "message": "must be positive"}
    with serve(answer(422, status(422, "Invalid", "bad", details={"causes": [cause]}))) as server:
        with pytest.raises(InvalidInput) as caught:
            cluster_at(server).patch(WEB, body={})
    assert caught.value.field == "spec.replicas"
    assert caught.value.causes == (("spec.replicas", "must be positive"),)


def test_a_cause_that_names_nothing_to_correct_is_left_out() -> None:
    causes = [{"field": "spec.targets", "message": "Required value"}, {"field": "<nil>", "message": "not checked"}]
    with serve(answer(422, status(422, "Invalid", "bad", details={"causes": causes}))) as server:
        with pytest.raises(InvalidInput) as caught:
            cluster_at(server).patch(WEB, body={})
    assert caught.value.causes == (("spec.targets", "Required value"),)
    assert caught.value.mend


def test_a_list_starts_again_when_its_token_expires() -> None:
    page = {"metadata": {"resourceVersion": "7", "continue": "x"}, "items": [{"metadata": {"name": "a"}}]}
    whole = {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}
    with serve(answer(200, page), answer(410, status(410, "Expired")), answer(200, whole)) as server:
        listing = cluster_at(server).list(kinds.POD)
        assert "limit" not in server.received[2].path
    assert ([item["metadata"]["name"] for item in listing.items], listing.resource_version) == (["a", "b"], "9")


def test_every_try_is_measured() -> None:
    labels = {"cluster": "demo", "verb": "get", "resource": "deployments.apps", "code": "Unavailable"}

    def count() -> float:
        return REGISTRY.get_sample_value("plimsoll_kube_call_seconds_count", labels) or 0

    before = count()
    with serve(answer(500, status(500))) as server, pytest.raises(Unavailable):
        cluster_at(server).get(WEB)
    assert count() - before == 3


# Watches


def test_events_and_bookmarks_come_through_and_the_end_is_quiet() -> None:
    with serve(raw(STREAM + event("ADDED", "6") + event("BOOKMARK", "9"))) as server:
        seen = watch_all(cluster_at(server))
        path = server.received[0].path
    assert [(e.type, e.object["metadata"]["resourceVersion"]) for e in seen] == [("ADDED", "6"), ("BOOKMARK", "9")]
    assert "allowWatchBookmarks=true" in path
    assert "resourceVersion=5" in path
    assert server.received[0].headers["authorization"] == "Bearer t0ken"


def test_an_event_may_come_in_pieces() -> None:
    def dribble(_: Received, connection: socket.socket) -> None:
        connection.sendall(STREAM)
        for byte in event("ADDED", "6"):
            connection.sendall(bytes([byte]))

    with serve(dribble) as server:
        assert len(watch_all(cluster_at(server))) == 1


def test_an_expired_version_is_gone() -> None:
    line = json.dumps({"type": "ERROR", "object": status(410, "Expired", "too old resource version")}).encode() + b"\n"
    with serve(raw(STREAM + line)) as server, pytest.raises(Gone):
        watch_all(cluster_at(server))


def test_a_watch_refused_at_once_says_why() -> None:
    with serve(answer(401, status(401, "Unauthorized"))) as server, pytest.raises(Unauthenticated):
        watch_all(cluster_at(server))


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b"{}\n", b'{"type":"ADDED"}\n'])
def test_a_line_that_is_no_event_is_unavailable(line: bytes) -> None:
    with serve(raw(STREAM + line)) as server, pytest.raises(Unavailable, match="is not a watch event"):
        watch_all(cluster_at(server))


def test_a_watch_cut_in_the_middle_of_a_chunk_is_unavailable() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    with serve(raw(head + b"fff\r\n" + event("ADDED", "6"))) as server:
        events = cluster_at(server).watch(kinds.POD, resource_version="5", stop=threading.Event())
        assert next(events).type == "ADDED"
        with pytest.raises(Unavailable, match="broke"):
            next(events)


def silent(release: threading.Event) -> Callable[[Received, socket.socket], None]:
    def respond(_: Received, connection: socket.socket) -> None:
        connection.sendall(STREAM)
        release.wait(10)

    return respond


def test_a_watch_that_falls_silent_is_given_up() -> None:
    release = threading.Event()
    with serve(silent(release)) as server:
        with pytest.raises(Unavailable, match="fell silent"):
            watch_all(cluster_at(server, silence_seconds=0.2))
        release.set()


def test_stop_ends_a_silent_watch_quietly() -> None:
    release, stop = threading.Event(), threading.Event()
    with serve(silent(release)) as server:
        threading.Timer(0.1, stop.set).start()
        started = time.monotonic()
        assert watch_all(cluster_at(server), stop=stop) == []
        assert time.monotonic() - started < 2
        release.set()


def test_a_watch_that_cannot_connect_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        watch_all(cluster_at(f"http://127.0.0.1:{port}"))


# TLS and proxies

AUTHORITY = make_pair("authority")
SERVER = make_pair("server", issuer=AUTHORITY)
CLIENT = make_pair("client", issuer=AUTHORITY)


@pytest.fixture
def tls(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    def make(*, expired: bool = False, ask_client: bool = False) -> ssl.SSLContext:
        pair = make_pair("server", issuer=AUTHORITY, expired=True) if expired else SERVER
        path = tmp_path / "server.pem"
        path.write_text(pair.certificate + pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=AUTHORITY.certificate)
        return context

    return make


def over_tls(server: Server, **more: str) -> KubernetesCluster:
    connection = KubeConnection(server=server.url, token="t", ca_pem=AUTHORITY.certificate, **more)  # type: ignore[arg-type]
    return KubernetesCluster(connection, cluster="demo", clock=ManualClock(NOON))


def test_a_client_certificate_is_shown(tls: Callable[..., ssl.SSLContext]) -> None:
    with serve(answer(200, OK), raw(STREAM + event("ADDED", "6")), tls=tls(ask_client=True)) as server:
        known = over_tls(server, client_certificate_pem=CLIENT.certificate, client_key_pem=CLIENT.key)
        assert known.version() == "v1.0.0"
        assert len(watch_all(known)) == 1


def test_a_missing_client_certificate_is_unauthenticated(tls: Callable[..., ssl.SSLContext]) -> None:
    with serve(answer(200, OK), tls=tls(ask_client=True)) as server:
        with pytest.raises(Unauthenticated) as caught:
            over_tls(server).version()
    assert caught.value.field == "client_certificate_pem"


def test_an_expired_server_certificate_is_invalid_input(tls: Callable[..., ssl.SSLContext]) -> None:
    with serve(answer(200, OK), tls=tls(expired=True)) as server:
        with pytest.raises(InvalidInput, match="expired"):
            over_tls(server).version()
        with pytest.raises(InvalidInput, match="expired"):
            watch_all(over_tls(server))


def test_the_certificate_is_checked_against_the_given_name(tls: Callable[..., ssl.SSLContext]) -> None:
    with serve(answer(200, OK), raw(STREAM + event("ADDED", "6")), tls=tls()) as server:
        inside = over_tls(server, tls_server_name="inside.example")
        assert inside.version() == "v1.0.0"
        assert len(watch_all(inside)) == 1
        with pytest.raises(InvalidInput, match="not trusted"):
            over_tls(server, tls_server_name="outside.example").version()


def test_calls_and_watches_go_through_the_proxy(tls: Callable[..., ssl.SSLContext]) -> None:
    with (
        serve(answer(200, OK), raw(STREAM + event("ADDED", "6")), tls=tls()) as server,
        serve(connect_proxy) as proxy,
    ):
        behind = over_tls(server, proxy_url=proxy.url)
        assert behind.version() == "v1.0.0"
        assert len(watch_all(behind)) == 1
        assert [request.method for request in proxy.received] == ["CONNECT", "CONNECT"]
        assert all("authorization" not in request.headers for request in proxy.received)
        behind.close()


@pytest.mark.parametrize("field", ["ca_pem", "client_certificate_pem"])
def test_pem_text_that_is_none_is_refused_by_its_field(field: str) -> None:
    broken = {
        "ca_pem": {"ca_pem": "junk"},
        "client_certificate_pem": {"client_certificate_pem": "a", "client_key_pem": "b"},
    }
    with pytest.raises(InvalidInput) as caught:
        KubernetesCluster(KubeConnection(server="https://127.0.0.1:1", **broken[field]), cluster="demo")  # type: ignore[arg-type]
    assert caught.value.field == field
