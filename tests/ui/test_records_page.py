"""The audit list tells what each kind of record says, and hands the chain out to be checked elsewhere."""

from __future__ import annotations

import json

from django.test import Client

from apps.identity.models import User
from apps.ledger import services
from apps.ledger.models import RecordKind
from tests.factories import make_cluster

BODIES = [
    (RecordKind.LOGIN, {"event": "LoggedIn", "user": "admin"}, "Signed in"),
    (
        RecordKind.DECISION,
        {"decision": {"reason": {"code": "NoRoute", "operands": {"kind": "Deployment"}}}},
        "No route leads",
    ),
    (
        RecordKind.ACTION,
        {"event": "Proposed", "kind": "Sleep", "decision": "01a", "reason": "why not"},
        "Sleep: Proposed",
    ),
    (RecordKind.OUTCOME, {"event": "Done", "kind": "Wake", "decision": "01a"}, "Wake: Done"),
    (RecordKind.SETTING, {"event": "SomethingNew"}, "Something new"),
    (RecordKind.SNAPSHOT, {"ages": []}, ""),
]


def fill(admin: User) -> None:
    cluster = make_cluster("berlin")
    for kind, body, _words in BODIES:
        services.record(kind=kind, body=body, actor=admin, about=services.About(cluster=cluster, subject=f"s-{kind}"))


def test_each_record_is_told_in_words(client: Client, admin: User) -> None:
    fill(admin)
    page = client.get("/records/").content.decode()
    for _kind, _body, words in BODIES:
        assert words in page


def test_a_record_shows_its_content_and_both_hashes(client: Client, admin: User) -> None:
    fill(admin)
    row = services.record(kind=RecordKind.TOKEN, body={"event": "Issued", "name": "<ci>"}, actor=admin)
    page = client.get(f"/records/{row.pk}/").content.decode()
    assert row.hash in page
    assert row.prev_hash in page
    assert "&lt;ci&gt;" in page


def test_the_verifiable_export_follows_the_filter(client: Client, admin: User) -> None:
    fill(admin)
    answer = client.get("/records/chain/?kind=Login")
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert {line["kind"] for line in lines} == {"Login"}
    assert set(lines[0]) >= {"hash", "prev_hash", "seq"}


def test_somebody_without_a_role_reads_no_record(stranger: Client, admin: User) -> None:
    fill(admin)
    assert '<tr id="row-' not in stranger.get("/records/").content.decode()
    assert b"".join(stranger.get("/records/chain/").streaming_content) == b""  # type: ignore[attr-defined]
