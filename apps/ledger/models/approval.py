"""Questions to people, and their answers."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster
from apps.identity.models import Team
from apps.identity.visibility import VisibleQuerySet
from apps.kernel.ids import uuid7


class ApprovalState(models.TextChoices):
    PENDING = "Pending", _("Pending")
    APPROVED = "Approved", _("Approved")
    REJECTED = "Rejected", _("Rejected")
    EXPIRED = "Expired", _("Expired")
    CANCELLED = "Cancelled", _("Cancelled")


class ApprovalRequest(models.Model):
    """One question to people about one action or one bulk of them (`actions`).

    `rule` is the PascalCase code of the sensitivity rule that asks. It lapses at `expires_at`; once approved, its
    actions may start until `execute_before`. `team` and `cluster` are the first action's.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    group = models.CharField(max_length=64, db_index=True, editable=False)
    rule = models.CharField(_("rule"), max_length=63)
    operands = models.JSONField(_("operands"), default=dict)
    reason = models.TextField(_("reason"), blank=True)
    needed = models.PositiveSmallIntegerField(_("approvers needed"), default=1)
    state = models.CharField(_("state"), max_length=16, choices=ApprovalState, default=ApprovalState.PENDING)
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="+", verbose_name=_("team"))
    cluster = models.ForeignKey(
        Cluster, models.SET_NULL, null=True, related_name="approvals", verbose_name=_("cluster")
    )
    cluster_name = models.CharField(_("cluster"), max_length=63, blank=True)
    requested_by = models.CharField(_("requested by"), max_length=200)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("requester")
    )
    request_id = models.CharField(_("request"), max_length=64, blank=True, db_index=True)
    created_at = models.DateTimeField(_("asked"))
    expires_at = models.DateTimeField(_("expires"))
    execute_seconds = models.PositiveIntegerField(_("time to start once approved, seconds"))
    execute_before = models.DateTimeField(_("start before"), null=True)
    decided_at = models.DateTimeField(_("answered"), null=True)

    objects: ClassVar[models.Manager[ApprovalRequest]] = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["state", "-created_at"], name="approval_by_state")]

    def __str__(self) -> str:
        return f"{self.rule} ({self.state})"


class Vote(models.Model):
    """One person's answer to one ApprovalRequest; it cannot be changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    approval = models.ForeignKey(ApprovalRequest, models.CASCADE, related_name="votes", verbose_name=_("approval"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="votes", verbose_name=_("approver"))
    approve = models.BooleanField(_("approved"))
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["approval", "user"], name="one_vote_a_user")]

    def __str__(self) -> str:
        return f"{self.user}: {self.approve}"
