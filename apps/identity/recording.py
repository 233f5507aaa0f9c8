"""How the apps below the ledger put facts on it: through the port `recorder`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.db import models

from apps.identity.actors import Actor
from apps.identity.models import Team
from apps.kernel.ports import load


class Recorder(Protocol):
    def __call__(
        self,
        *,
        kind: str,
        body: Mapping[str, Any],
        actor: Actor,
        request_id: str,
        subject: str,
        team: Team | None,
        cluster: models.Model | None,
    ) -> object:
        """Append one fact in the caller's transaction. `kind` is Login, Grant, Token or Setting; `cluster` a Cluster
        row. Raises when it cannot be kept: then what it is about must not happen either."""


def note(
    kind: str,
    *,
    body: Mapping[str, Any],
    actor: Actor,
    request_id: str = "",
    subject: str = "",
    team: Team | None = None,
    cluster: models.Model | None = None,
) -> None:
    """Put one fact on the ledger. Call it inside the transaction that makes it true; never put a secret in `body`."""
    recorder: Recorder = load(settings.PLIMSOLL_PORTS["recorder"])
    recorder(kind=kind, body=body, actor=actor, request_id=request_id, subject=subject, team=team, cluster=cluster)
