"""/healthz, /readyz and /metrics tell the truth about all processes, read from the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from apps.fleet.models import Cluster
from apps.kernel.ids import uuid7
from apps.ledger.models import DecisionRow, DueWork
from portal import web
from portal.supervisor import plan

pytestmark = pytest.mark.django_db


def make_cluster(name: str, *, seen: timedelta) -> Cluster:
    at = datetime.now(UTC) - seen
    ages = {"pods": {"synced": True, "alive_at": at.isoformat(), "error": "", "absent": False}}
    return Cluster.objects.create(name=name, server="https://dev.invalid", last_seen_at=at, ages=ages)


def make_decision(reason: str) -> DecisionRow:
    now = datetime.now(UTC)
    return DecisionRow.objects.create(
        kind="ScaleToZero",
        cluster_name="dev",
        subject_kind="Deployment",
        subject_name="web",
        verdict="Refuse",
        reason_code=reason,
        decided_at=now,
        last_seen=now,
        stream=str(uuid7()),
        fingerprint="f",
    )


def test_health_needs_nothing_but_this_process() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}


def test_ready_names_each_check() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ready"
    assert set(body["checks"]) == {"database", "migrations", "broker", "watcher"}


def test_a_broker_that_does_not_answer_makes_it_unready_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr(type(cache._connections[cache._alias]), "set", refuse)  # type: ignore[attr-defined]
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == {
        "ok": False,
        "detail": "ConnectionRefusedError: no broker",
        "age_seconds": None,
    }


def test_a_silent_watcher_degrades_and_does_not_take_the_pages_away() -> None:
    make_cluster("dev", seen=timedelta(minutes=10))
    make_cluster("prod", seen=timedelta(seconds=5))
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["checks"]["watcher"]["detail"] == "nothing heard of dev"
    assert 590 < body["checks"]["watcher"]["age_seconds"] < 700


def test_metrics_count_decisions_by_kind_and_reason() -> None:
    for reason in ("NoRoute", "NoRoute", "TrafficSeen"):
        make_decision(reason)
    text = Client().get("/metrics").content.decode()
    assert 'plimsoll_decisions_total{kind="ScaleToZero",reason="NoRoute",verdict="Refuse"} 2.0' in text
    assert 'plimsoll_decisions_total{kind="ScaleToZero",reason="TrafficSeen",verdict="Refuse"} 1.0' in text


def test_metrics_tell_depth_and_age_of_due_work_and_of_watches() -> None:
    now = datetime.now(UTC)
    DueWork.objects.create(key="action/1", kind="action", at=now - timedelta(seconds=90))
    DueWork.objects.create(key="action/2", kind="action", at=now + timedelta(hours=1))
    make_cluster("dev", seen=timedelta(seconds=30))
    lines = Client().get("/metrics").content.decode().splitlines()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    assert values['plimsoll_due_work{kind="action"}'] == 1
    assert 89 < values["plimsoll_due_work_oldest_seconds"] < 120
    assert 29 < values['plimsoll_watch_age_seconds{cluster="dev",source="pods"}'] < 60


def test_requests_are_counted_by_route_and_not_by_path() -> None:
    Client().get("/api/v1/clusters/01a20e1f-655e-7c3c-bf14-1cc4cb9b46ca/")
    text = Client().get("/metrics").content.decode()
    assert "01a20e1f" not in text
    assert 'status="401"' in text


def test_metrics_are_for_this_machine_or_for_who_has_the_token(settings: Settings) -> None:
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics").status_code == 403
    settings.PLIMSOLL_METRICS_TOKEN = "secret"
    assert Client().get("/metrics").status_code == 403
    allowed = Client(REMOTE_ADDR="192.0.2.7", headers={"Authorization": "Bearer secret"})
    assert allowed.get("/metrics").status_code == 200


def test_a_proxy_on_this_machine_opens_the_metrics_to_nobody() -> None:
    assert Client().get("/metrics").status_code == 200
    for header in ("X-Forwarded-For", "Forwarded"):
        assert Client().get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


def test_any_text_may_be_sent_in_place_of_the_metrics_token(settings: Settings) -> None:
    settings.PLIMSOLL_METRICS_TOKEN = "a-secret"
    assert Client().get("/metrics", headers={"Authorization": "Bearer é"}).status_code == 403
    assert Client().get("/metrics", headers={"Authorization": "Bearer a-secret"}).status_code == 200


@pytest.mark.parametrize(
    ("environment", "believed"),
    [
        ({}, []),
        ({"PLIMSOLL_HTTPS": "1"}, ["127.0.0.1", "::1"]),
        ({"PLIMSOLL_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16"}, ["10.0.0.1", "10.1.0.0/16"]),
    ],
)
def test_forwarded_addresses_are_believed_of_proxies_only(
    environment: dict[str, str], believed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PLIMSOLL_HTTPS", "PLIMSOLL_TRUSTED_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    given: dict[str, Any] = {}

    def config(*args: Any, **kwargs: Any) -> None:
        given.update(kwargs)
        raise SystemExit

    monkeypatch.setattr("uvicorn.Config", config)
    monkeypatch.setattr("sys.argv", ["web"])
    with pytest.raises(SystemExit):
        web.main()
    assert (given["proxy_headers"], given["forwarded_allow_ips"]) == (bool(believed), believed)


def test_strangers_are_told_whether_it_is_ready_and_no_names() -> None:
    make_cluster("dev", seen=timedelta(minutes=5))
    told = Client().get("/readyz").json()["checks"]["watcher"]
    assert told["detail"] == "nothing heard of dev"
    answer = Client().get("/readyz", REMOTE_ADDR="192.0.2.1")
    assert answer.json()["checks"]["watcher"] == {**told, "detail": "", "age_seconds": pytest.approx(300, abs=30)}
    assert "dev" not in answer.content.decode()


def test_what_is_no_part_of_the_portal_gets_none_of_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLIMSOLL_CREDENTIAL_KEY", "hidden")
    monkeypatch.setenv("PLIMSOLL_DATABASE_URL_FILE", "/run/hidden")
    monkeypatch.setenv("PLIMSOLL_PORT", "8000")
    options = plan.Options(home=tmp_path, port=0)
    specs = [plan.broker_spec(options), *plan.demo_specs(options), plan.web_spec(options, fd=3)]
    told = {spec.name: spec.environment() for spec in specs if spec is not None}
    assert all(environment["PLIMSOLL_PORT"] == "8000" for environment in told.values())
    holders = {name for name, environment in told.items() if "PLIMSOLL_CREDENTIAL_KEY" in environment}
    assert holders == {"bootstrap", "web"}
    assert {name for name, environment in told.items() if "PLIMSOLL_DATABASE_URL_FILE" in environment} == holders
