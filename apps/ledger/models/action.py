"""Actions on their way."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster
from apps.identity.models import Team
from apps.identity.visibility import VisibleQuerySet
from apps.kernel.ids import uuid7
from apps.ledger.models.approval import ApprovalRequest
from apps.ledger.models.decision import DecisionRow


class ActionState(models.TextChoices):
    """REFUSED: the world had moved on when it was looked at again. CANCELLED: a later wish took its place."""

    WAITING_APPROVAL = "WaitingApproval", _("Waiting for approval")
    DUE = "Due", _("Due")
    RUNNING = "Running", _("Running")
    DONE = "Done", _("Done")
    FAILED = "Failed", _("Failed")
    REFUSED = "Refused", _("Refused")
    REJECTED = "Rejected", _("Rejected")
    EXPIRED = "Expired", _("Expired")
    CANCELLED = "Cancelled", _("Cancelled")


OPEN_ACTION_STATES = (ActionState.WAITING_APPROVAL, ActionState.DUE, ActionState.RUNNING)


class ActionRow(models.Model):
    """An Action on its way. `action` is its JSON (kernel.serialise); `state` moves only in services.

    `epoch` is the claim it runs under: a worker whose claim is older has lost it. `undoing` is set once a half-made
    action is being taken back. `target_key` is `ObjectRef.key`; one action of a kind is open on a target at a time.
    It does not start after `execute_before`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.ForeignKey(DecisionRow, models.PROTECT, related_name="actions", verbose_name=_("decision"))
    kind = models.CharField(_("action"), max_length=16)
    action = models.JSONField(_("details"))
    cluster = models.ForeignKey(Cluster, models.SET_NULL, null=True, related_name="actions", verbose_name=_("cluster"))
    cluster_name = models.CharField(_("cluster"), max_length=63)
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="+", verbose_name=_("team"))
    namespace = models.CharField(_("namespace"), max_length=63, blank=True)
    target_kind = models.CharField(_("kind"), max_length=63)
    target_name = models.CharField(_("name"), max_length=253)
    target_key = models.CharField(max_length=400, editable=False)
    state = models.CharField(_("state"), max_length=16, choices=ActionState)
    approval = models.ForeignKey(
        ApprovalRequest, models.PROTECT, null=True, related_name="actions", verbose_name=_("approval")
    )
    requested_by = models.CharField(_("requested by"), max_length=200)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("requester")
    )
    request_id = models.CharField(_("request"), max_length=64, blank=True, db_index=True)
    reason = models.TextField(_("reason"), blank=True)
    inverse_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="inverses", verbose_name=_("undoes"))
    epoch = models.BigIntegerField(_("epoch"), default=0)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    undoing = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(_("proposed"))
    due_at = models.DateTimeField(_("due"))
    execute_before = models.DateTimeField(_("start before"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    outcome = models.JSONField(_("outcome"), null=True)

    objects: ClassVar[models.Manager[ActionRow]] = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="action_by_time"),
            models.Index(fields=["state", "due_at"], name="action_by_state"),
            models.Index(fields=["cluster_name", "target_key", "-created_at"], name="action_by_target"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster_name", "target_key", "kind"],
                condition=Q(state__in=["WaitingApproval", "Due", "Running"]),
                name="one_open_action_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.cluster_name}/{self.target_key}"
