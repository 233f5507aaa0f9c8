"""The chain of records, its head, and what was archived of it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster
from apps.identity.models import Team
from apps.identity.visibility import VisibleQuerySet
from apps.kernel.ids import uuid7


class RecordKind(models.TextChoices):
    SNAPSHOT = "Snapshot", _("Snapshot")
    DECISION = "Decision", _("Decision")
    APPROVAL = "Approval", _("Approval")
    ACTION = "Action", _("Action")
    OUTCOME = "Outcome", _("Outcome")
    LOGIN = "Login", _("Login")
    GRANT = "Grant", _("Grant")
    TOKEN = "Token", _("Token")
    SETTING = "Setting", _("Setting")


class Record(models.Model):
    """One fact, never changed. `content` is the canonical JSON text that `hash` covers; see domain/chain.py.

    `cluster` and `team` are kept when their rows are gone: read `cluster_name` rather than `cluster.name`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    seq = models.BigIntegerField(_("number"), unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=16, choices=RecordKind, editable=False)
    at = models.DateTimeField(_("time"), db_index=True, editable=False)
    actor = models.CharField(_("actor"), max_length=200, blank=True, editable=False)
    request_id = models.CharField(_("request"), max_length=64, blank=True, db_index=True, editable=False)
    team = models.ForeignKey(
        Team,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("team"),
        editable=False,
    )
    cluster = models.ForeignKey(
        Cluster,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("cluster"),
        editable=False,
    )
    cluster_name = models.CharField(_("cluster"), max_length=63, blank=True, editable=False)
    namespace = models.CharField(_("namespace"), max_length=63, blank=True, editable=False)
    subject = models.CharField(_("subject"), max_length=400, blank=True, db_index=True, editable=False)
    content = models.TextField(_("content"), editable=False)
    prev_hash = models.CharField(_("previous hash"), max_length=64, editable=False)
    hash = models.CharField(_("hash"), max_length=64, editable=False)

    objects: ClassVar[models.Manager[Record]] = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        ordering = ["-seq"]
        indexes = [
            models.Index(fields=["kind", "-seq"], name="record_by_kind"),
            models.Index(fields=["cluster", "-seq"], name="record_by_cluster"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.subject}"

    @property
    def body(self) -> dict[str, Any]:
        """What the fact says, beside the columns."""
        body: dict[str, Any] = json.loads(self.content)["body"]
        return body


class ChainHead(models.Model):
    """The chain's last record. Its one row is locked by each append, so that numbers have no gap.

    Records up to `archived_through` stand in a Segment's file and may be deleted from the table.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)
    archived_through = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("chain head")
        verbose_name_plural = _("chain head")

    def __str__(self) -> str:
        return f"{self.seq}"


class Segment(models.Model):
    """A whole run of records moved to a file: `prev_hash` is the hash before the first, `last_hash` the last one's."""

    number = models.PositiveIntegerField(primary_key=True)
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    prev_hash = models.CharField(max_length=64)
    last_hash = models.CharField(max_length=64)
    file = models.CharField(max_length=400)
    file_sha256 = models.CharField(max_length=64)
    archived_at = models.DateTimeField()

    class Meta:
        verbose_name = _("archived segment")
        verbose_name_plural = _("archived segments")
        ordering = ["number"]

    def __str__(self) -> str:
        return self.file
