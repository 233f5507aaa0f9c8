"""Local login: recorded, stopped after five failures, on the page and at the console alike."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.identity import services
from apps.identity.models import LoginThrottle, User
from apps.kernel.clock import ManualClock
from apps.ledger.models import Record
from tests.identity.conftest import PASSWORD

pytestmark = pytest.mark.django_db

PAGES = ["/login/", "/admin/login/"]


def attempt(password: str, *, url: str = "/login/", name: str = "olga", address: str = "192.0.2.1") -> HttpResponse:
    body = {"username": name, "password": password}
    answer: HttpResponse = Client().post(url, body, REMOTE_ADDR=address)  # type: ignore[assignment]
    return answer


def events() -> list[tuple[str, str]]:
    return [(r.body["event"], r.actor) for r in Record.objects.filter(kind="Login").order_by("seq")]


def test_success_failure_and_logout_are_on_record(user: User) -> None:
    client = Client()
    client.post("/login/", {"username": "olga", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")
    client.post("/login/", {"username": "olga", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    client.post("/logout/")
    assert events() == [("Failed", "olga"), ("LoggedIn", "olga"), ("LoggedOut", "olga")]
    first = Record.objects.filter(kind="Login").order_by("seq")[0]
    assert first.body["address"] == "192.0.2.7"
    assert first.request_id
    assert not any(PASSWORD in r.content or "wrong" in r.content for r in Record.objects.all())


@pytest.mark.parametrize("url", PAGES)
def test_five_failures_stop_even_the_right_password_for_five_minutes(url: str, user: User, clock: ManualClock) -> None:
    User.objects.update(is_staff=True)
    for _ in range(5):
        assert attempt("wrong", url=url).status_code == 200
    answer = attempt(PASSWORD, url=url)
    assert answer.status_code == 200
    assert "Too many failed logins. Try again in 5 minutes." in answer.content.decode()
    clock.advance(timedelta(minutes=5))
    assert attempt(PASSWORD, url=url).status_code == 302


def test_the_back_end_stops_them_too(user: User) -> None:
    for _ in range(5):
        attempt("wrong")
    assert not Client(REMOTE_ADDR="192.0.2.1").login(username="olga", password="wrong")
    from django.contrib.auth import authenticate
    from django.test import RequestFactory

    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.1")
    assert authenticate(request, username="Olga", password=PASSWORD) is None


def test_what_is_tried_while_stopped_does_not_fill_the_ledger(user: User) -> None:
    for _ in range(30):
        attempt("wrong")
    assert events() == [("Failed", "olga")] * 5


def test_others_and_other_addresses_are_not_stopped(user: User) -> None:
    User.objects.create_user("otto", password=PASSWORD)
    for _ in range(5):
        attempt("wrong")
    assert attempt(PASSWORD, address="192.0.2.2").status_code == 302
    assert attempt(PASSWORD, name="otto").status_code == 302


def test_a_success_clears_the_count(user: User) -> None:
    for _ in range(4):
        attempt("wrong")
    assert attempt(PASSWORD).status_code == 302
    assert LoginThrottle.objects.count() == 0


def test_failures_spread_over_time_do_not_stop(user: User, clock: ManualClock) -> None:
    for _ in range(8):
        attempt("wrong")
        clock.advance(timedelta(minutes=2))
    assert attempt(PASSWORD).status_code == 302


def test_old_counts_are_swept_away(user: User, clock: ManualClock) -> None:
    attempt("wrong", name="nobody")
    clock.advance(timedelta(hours=2))
    attempt("wrong")
    assert LoginThrottle.objects.count() == 1


def test_the_first_start_makes_an_administrator_and_keeps_the_password_private(tmp_path: Path) -> None:
    file = services.create_first_admin(home=tmp_path)
    assert file == tmp_path / "admin-password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert attempt(file.read_text().strip(), name="admin").status_code == 302
    assert User.objects.get().is_superuser
    assert Record.objects.filter(kind="Setting").get().body["event"] == "UserCreated"


def test_later_starts_make_nobody(tmp_path: Path, user: User) -> None:
    assert services.create_first_admin(home=tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_password_file_left_open_to_others_is_closed(tmp_path: Path) -> None:
    old = tmp_path / "admin-password"
    old.write_text("of a database that is gone")
    old.chmod(0o644)
    services.create_first_admin(home=tmp_path)
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert "gone" not in old.read_text()


def test_changing_ones_password_is_on_record_without_it(user: User) -> None:
    client = Client()
    client.force_login(user)
    phrase = "another long pass phrase"
    body = {"old_password": PASSWORD, "new_password1": phrase, "new_password2": phrase}
    assert client.post("/profile/password/", body).status_code == 302
    record = Record.objects.get(kind="Setting")
    assert (record.actor, record.body["event"]) == ("olga", "PasswordChanged")
    assert phrase not in record.content
