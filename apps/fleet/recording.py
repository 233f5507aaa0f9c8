"""Puts changes of the fleet's settings on the record. The ledger lies above this app, so it is reached by its port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apps.fleet.models import Cluster
from apps.identity.actors import Actor
from apps.kernel.ports import load


def record_setting(event: str, body: Mapping[str, Any], *, cluster: Cluster, actor: Actor, request_id: str) -> None:
    """Records in the caller's transaction: a change that cannot be recorded is not made."""
    load(settings.PLIMSOLL_PORTS["recorder"])(
        kind="Setting",
        body={"event": event, **body},
        actor=actor,
        request_id=request_id,
        cluster=cluster,
        subject=f"Cluster/{cluster.name}",
    )
