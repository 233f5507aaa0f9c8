"""What the portal's tests share: a signed-in administrator, and somebody who sees nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.identity.models import User
from tests.factories import make_user


@pytest.fixture
def admin(db: None) -> User:
    return make_user("admin", superuser=True)


@pytest.fixture
def client(admin: User) -> Client:
    found = Client()
    found.force_login(admin)
    return found


@pytest.fixture
def stranger(db: None) -> Client:
    """Signed in, with no role anywhere."""
    found = Client()
    found.force_login(make_user("stranger"))
    return found
