"""What is announced stands on the Overview, for those who may see it, until something else is decided."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from apps.fleet.models import Cluster
from apps.identity.models import User
from apps.kernel.ids import uuid7
from apps.policies.models import Notice


@pytest.fixture
def notice(db: None) -> Notice:
    cluster = Cluster.objects.create(name="c1", server="x", sealed_credentials="x")
    return Notice.objects.create(
        cluster=cluster,
        namespace="dev",
        kind="Deployment",
        name="web",
        policy="ResourcePolicy/dev/nights",
        reason_code="GracePeriod",
        operands={"until": "2026-03-11T12:10:00+00:00", "policy": "ResourcePolicy/dev/nights"},
        decision_id=uuid7(),
        created_at=datetime(2026, 3, 11, 12, 0, tzinfo=UTC),
    )


def panel(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("ui:overview-panel", args=["notices"])).content.decode()


def test_a_notice_is_shown_until_it_is_over(notice: Notice) -> None:
    anna = User.objects.create_superuser("anna", password="long enough for all")
    assert "Deployment/web" in panel(anna)
    Notice.objects.update(over=True)
    assert "Deployment/web" not in panel(anna)


def test_who_may_not_see_the_cluster_sees_no_notice(notice: Notice) -> None:
    assert "Deployment/web" not in panel(User.objects.create_user("guest"))
