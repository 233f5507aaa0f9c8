"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.planes"]


@pytest.fixture(autouse=True)
def _records_may_be_flushed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test with real transactions Django empties every table; the ledger's triggers refuse that for records
    that are not archived, so they are called archived first."""
    marker = request.node.get_closest_marker("django_db")
    names = {"transactional_db", "live_server"} & set(request.fixturenames)
    if not names and not (marker is not None and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    from apps.ledger.models import ChainHead, Record

    ChainHead.objects.update(archived_through=2**62)
    Record.objects.all().delete()  # Django may empty the table that says so first


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords(django_test_environment: None) -> None:
    """Hashing a password as in production takes 0.2 s, hundreds of times."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
