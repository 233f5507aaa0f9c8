"""Every page answers, holds no inline script or style, and tells what it should."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.identity.models import ApiToken, User
from apps.ui.models import Preferences, Visited
from tests.factories import (
    PASSWORD,
    make_action,
    make_approval,
    make_cluster,
    make_decision,
    make_namespace,
    make_node,
    make_policy,
    make_user,
    make_workload,
)

FORBIDDEN = re.compile(
    r"<[^>]+\sstyle\s*=|<style|<[^>]+\son[a-z]+\s*=|<script(?![^>]*(src=|application/json))", re.IGNORECASE
)


@pytest.fixture
def paths(admin: User) -> list[str]:
    cluster = make_cluster(
        "berlin",
        state="Unreachable",
        state_reason="ServerUnreachable",
        state_operands={"error": "refused", "mend": "Start it"},
    )
    make_node(cluster=cluster)
    make_namespace(cluster=cluster)
    policy = make_policy("night", cluster=cluster)
    workload = make_workload("web", cluster=cluster, asleep=True)
    decision = make_decision(workload=workload, policy_uid=policy.uid)
    make_action(decision=decision)
    approval = make_approval(decisions=[make_decision(workload=workload, current=False)], requester=make_user("mara"))
    return [
        "/", "/workloads/", f"/workloads/{workload.pk}/", "/clusters/", f"/clusters/{cluster.pk}/",
        "/clusters/connect/",
        "/policies/", f"/policies/{policy.pk}/", "/policies/new/", f"/policies/{policy.pk}/edit/", "/decisions/",
        f"/decisions/{decision.pk}/", "/approvals/", f"/approvals/{approval.pk}/", "/records/", "/profile/",
        "/search/?q=web", "/menu/?path=/", "/overview/needs/",
    ]  # fmt: skip


def test_no_page_holds_inline_script_or_style(paths: list[str], client: Client) -> None:
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        found = FORBIDDEN.search(answer.content.decode())
        assert found is None, f"{path}: {found and found[0]}"


def test_the_policy_allows_nothing_inline(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_answer_in_both_languages(language: str, paths: list[str], client: Client, admin: User) -> None:
    Preferences.objects.create(user=admin, language=language)
    for path in paths[:-3]:
        assert f'<html lang="{language}"' in client.get(path).content.decode(), path


def test_an_object_page_in_the_drawer_is_a_fragment(paths: list[str], client: Client) -> None:
    for path in (paths[2], paths[4], paths[7], paths[11], paths[13]):
        page = client.get(path, headers={"HX-Request": "true", "HX-Target": "drawer-body"}).content.decode()
        assert "<html" not in page
        assert "Open page" in page


def test_a_decision_tells_why_with_units_thresholds_and_alternatives(paths: list[str], client: Client) -> None:
    page = client.get(paths[11]).content.decode()
    assert "No traffic for 2 h: IngressNginx counted 0 requests." in page
    assert "0 requests" in page
    assert "1 request<" in page
    assert "sum(increase(x[2h]))" in page
    assert "Keep it awake" in page
    assert "Undo" in page


def test_an_unreachable_cluster_says_why_and_what_to_do(paths: list[str], client: Client) -> None:
    page = client.get(paths[4]).content.decode()
    assert "The API server does not answer: refused. Start it" in page


def test_what_is_not_there_or_not_ones_own_is_404_with_the_next_step(stranger: Client) -> None:
    row = make_workload()
    for path in ("/nope/", f"/workloads/{row.pk}/"):
        answer = stranger.get(path)
        assert answer.status_code == 404
        assert "Go to the Overview" in answer.content.decode()


def test_a_form_without_its_token_is_refused_in_words(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    answer = client.post("/profile/tokens/", {"name": "x"})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()


def test_an_api_path_that_is_not_there_answers_in_json(client: Client) -> None:
    answer = client.get("/api/v1/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("application/problem+json")


def test_a_wrong_password_is_told_and_a_right_one_opens_what_was_asked_for(db: None) -> None:
    make_user("mara")
    client = Client()
    page = client.post("/login/", {"username": "mara", "password": "wrong"})
    assert 'role="alert"' in page.content.decode()
    answer = client.post("/login/?next=/workloads/", {"username": "mara", "password": PASSWORD, "next": "/workloads/"})
    assert answer["Location"] == "/workloads/"


def test_a_token_is_shown_once_and_can_be_revoked(client: Client) -> None:
    page = client.post("/profile/tokens/", {"name": "ci", "scope": "operate", "days": "30"})
    token = ApiToken.objects.get()
    assert page["Cache-Control"] == "no-store"
    assert f"PLIMSOLL_TOKEN={token.prefix}" in page.content.decode()
    assert token.scopes == ["operate"]
    assert f"PLIMSOLL_TOKEN={token.prefix}" not in client.get("/profile/").content.decode()
    client.post(f"/profile/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_another_persons_token_cannot_be_revoked(client: Client, stranger: Client) -> None:
    client.post("/profile/tokens/", {"name": "ci", "scope": "read", "days": ""})
    assert stranger.post(f"/profile/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 404


def test_preferences_are_kept_and_nonsense_is_left_out(client: Client, admin: User) -> None:
    client.post("/preferences/", {"theme": "dark", "language": "zh-hans", "density": "roomy", "next": "//evil.example"})
    kept = Preferences.objects.get(user=admin)
    assert (kept.theme, kept.language, kept.density) == ("dark", "zh-hans", "comfortable")
    assert 'data-theme="dark"' in client.get("/").content.decode()


def test_a_redirect_never_leaves_the_server(client: Client) -> None:
    answer = client.post("/preferences/", {"theme": "dark", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_the_palette_finds_objects_pages_actions_and_what_was_opened(client: Client, admin: User) -> None:
    row = make_workload("checkout")
    client.get(f"/workloads/{row.pk}/")
    page = client.get("/search/?q=checkout", headers={"HX-Request": "true"}).content.decode()
    assert page.count(f'href="/workloads/{row.pk}/"') == 2  # as a workload, and as recent
    client.post("/star/", {"url": f"/workloads/{row.pk}/"})
    assert Visited.objects.get(user=admin).starred
    page = client.get("/search/", headers={"HX-Request": "true"}).content.decode()
    assert "Starred" in page
    assert "Write a policy" in page
    assert "Workloads" in page
    assert "Nothing matches" in client.get("/search/?q=zzzzz").content.decode()


def test_the_palette_shows_nobody_what_they_may_not_see_or_do(stranger: Client) -> None:
    make_workload("checkout")
    page = stranger.get("/search/?q=checkout", headers={"HX-Request": "true"}).content.decode()
    assert "Nothing matches" in page
    assert "Put to sleep" not in stranger.get("/search/", headers={"HX-Request": "true"}).content.decode()


def test_a_sleeping_workload_shows_what_led_to_its_sleep(client: Client, admin: User) -> None:
    row = make_workload("web", asleep=True)
    acted = make_decision(workload=row, current=False)
    make_action(decision=acted)
    standing = make_decision(
        workload=row, verdict="Hold", reason_code="Asleep", operands=row.reason_operands, evidence=[], alternatives=[]
    )
    for path in (f"/workloads/{row.pk}/", f"/decisions/{standing.pk}/"):
        page = client.get(path).content.decode()
        assert "Asleep by ResourcePolicy/shop/night" in page
        assert "What led to it" in page
        assert "No traffic for 2 h: IngressNginx counted 0 requests." in page
        assert f"/actions/{acted.actions.get().pk}/undo/" in page


def test_what_is_to_be_pasted_stands_apart_from_its_sentence(client: Client) -> None:
    operands = {"tool": "Argo CD", "owner": "Application shop", "mend": "spec:\n  ignoreDifferences: []"}
    row = make_decision(workload=make_workload(), verdict="Refuse", reason_code="GitOpsOwnsReplicas", operands=operands)
    page = client.get(f"/decisions/{row.pk}/").content.decode()
    assert '<pre class="command" id="paste-' in page
    assert "spec:\n  ignoreDifferences: []</pre>" in page
    assert "ignoreDifferences" not in client.get("/decisions/").content.decode()
