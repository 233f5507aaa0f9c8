"""Tokens are shown once, kept as digests, and end by expiry, revocation, or their user's end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.identity import services
from apps.identity.models import ApiToken, User
from apps.kernel.clock import ManualClock
from apps.kernel.errors import Forbidden, InvalidInput
from apps.ledger.models import Record

pytestmark = pytest.mark.django_db


def issue(user: User, **more: Any) -> tuple[ApiToken, str]:
    terms = {"name": "laptop", "scopes": ["operate"], "expires_in": timedelta(days=1), "actor": user} | more
    return services.issue_token(user=user, **terms)


def test_a_token_lets_its_user_in_and_is_kept_nowhere(user: User) -> None:
    token, plain = issue(user)
    assert plain.startswith("plm_")
    assert services.authenticate_token(plain) == (user, token)
    row = ApiToken.objects.get()
    assert plain not in str(vars(row))
    assert plain.startswith(row.prefix)
    record = Record.objects.get(kind="Token")
    assert (record.actor, record.body["event"], record.body["scopes"]) == ("olga", "Issued", ["operate"])
    assert plain not in record.content


@pytest.mark.parametrize("wrong", ["", "plm_", "plm_nonsense", "Bearer x", "plm_ünicode", "\x00"])
def test_what_is_no_token_lets_nobody_in(user: User, wrong: str) -> None:
    issue(user)
    assert services.authenticate_token(wrong) is None


def test_an_expired_token_lets_nobody_in(user: User, clock: ManualClock) -> None:
    _, plain = issue(user)
    clock.advance(timedelta(days=1))
    assert services.authenticate_token(plain) is None


def test_a_revoked_token_lets_nobody_in_and_is_on_record_once(user: User) -> None:
    token, plain = issue(user)
    services.revoke_token(token=token, actor=user)
    services.revoke_token(token=token, actor=user)
    assert services.authenticate_token(plain) is None
    assert [r.body["event"] for r in Record.objects.order_by("seq")] == ["Issued", "Revoked"]


def test_the_token_of_a_user_who_was_deactivated_lets_nobody_in(user: User) -> None:
    _, plain = issue(user, expires_in=None)
    User.objects.update(is_active=False)
    assert services.authenticate_token(plain) is None


def test_its_use_is_written_once_a_minute(user: User, clock: ManualClock) -> None:
    _, plain = issue(user)
    services.authenticate_token(plain)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            clock.advance(timedelta(seconds=10))
            services.authenticate_token(plain)
    assert len(queries) == 5
    clock.advance(timedelta(seconds=10))
    services.authenticate_token(plain)
    assert ApiToken.objects.get().last_used_at == clock.now()


@pytest.mark.parametrize(
    ("field", "value"),
    [("scopes", ["fly"]), ("scopes", []), ("name", " "), ("name", "x" * 101), ("expires_in", timedelta(0))],
)
def test_bad_input_names_its_field(user: User, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        issue(user, **{field: value})
    assert caught.value.field == field
    assert caught.value.mend


def test_tokens_of_others_are_a_superusers_business(user: User) -> None:
    other = User.objects.create_user("otto")
    token, _ = issue(user)
    with pytest.raises(Forbidden):
        issue(user, actor=other)
    with pytest.raises(Forbidden):
        services.revoke_token(token=token, actor=other)
    services.revoke_token(token=token, actor=User.objects.create_superuser("root"))


def test_a_service_user_has_no_password_and_acts_by_tokens(user: User) -> None:
    with pytest.raises(Forbidden):
        services.create_service_user(name="ci", actor=user)
    service = services.create_service_user(name="ci", actor="command line")
    assert service.is_service
    assert not service.has_usable_password()
    _, plain = issue(service, actor="command line")
    found = services.authenticate_token(plain)
    assert found is not None
    assert found[0] == service
