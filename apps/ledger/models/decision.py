"""Decisions as rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster
from apps.identity.models import Team
from apps.identity.visibility import VisibleQuerySet
from apps.kernel.ids import uuid7


class DecisionState(models.TextChoices):
    """RECORDED: nothing follows from it. The others follow its action."""

    RECORDED = "Recorded", _("Recorded")
    WAITING_APPROVAL = "WaitingApproval", _("Waiting for approval")
    DUE = "Due", _("Due")
    RUNNING = "Running", _("Running")
    DONE = "Done", _("Done")
    FAILED = "Failed", _("Failed")
    REFUSED = "Refused", _("Refused")
    REJECTED = "Rejected", _("Rejected")
    EXPIRED = "Expired", _("Expired")
    CANCELLED = "Cancelled", _("Cancelled")


class DecisionRow(models.Model):
    """A Decision, and how often it was reached again unchanged.

    `kind` is the rule (`ScaleToZero`, `Manual`, `Undo`). `stream` joins what one policy says about one subject; the
    newest row of a stream is `current`. `fingerprint` covers subject, verdict, reason and operands without
    measurements: while it stays the same no row is added, and `count`, `last_seen` and the measurements are refreshed
    once in a while. `mode` is the policy's mode at that time, empty for people.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("rule"), max_length=63)
    cluster = models.ForeignKey(
        Cluster, models.SET_NULL, null=True, related_name="decisions", verbose_name=_("cluster")
    )
    cluster_name = models.CharField(_("cluster"), max_length=63)
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="+", verbose_name=_("team"))
    namespace = models.CharField(_("namespace"), max_length=63, blank=True)
    subject_group = models.CharField(_("group"), max_length=253, blank=True)
    subject_kind = models.CharField(_("kind"), max_length=63)
    subject_name = models.CharField(_("name"), max_length=253)
    subject_uid = models.CharField(_("uid"), max_length=64, blank=True)
    verdict = models.CharField(_("verdict"), max_length=8)
    reason_code = models.CharField(_("reason"), max_length=63)
    operands = models.JSONField(_("operands"), default=dict)
    evidence = models.JSONField(_("evidence"), default=list)
    alternatives = models.JSONField(_("alternatives"), default=list)
    policy_kind = models.CharField(_("policy kind"), max_length=63, blank=True)
    policy_namespace = models.CharField(_("policy namespace"), max_length=63, blank=True)
    policy_name = models.CharField(_("policy"), max_length=253, blank=True)
    policy_uid = models.CharField(_("policy uid"), max_length=64, blank=True)
    policy_generation = models.BigIntegerField(_("policy generation"), default=0)
    mode = models.CharField(_("mode"), max_length=16, blank=True)
    snapshot_id = models.UUIDField(_("snapshot"), null=True)
    action = models.ForeignKey(
        "ledger.ActionRow", models.SET_NULL, null=True, related_name="+", verbose_name=_("action")
    )
    saving_per_hour = models.DecimalField(_("saving per hour"), max_digits=14, decimal_places=6, null=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    disruption_pods = models.IntegerField(_("pods ended"), default=0)
    decided_at = models.DateTimeField(_("time"))
    state = models.CharField(_("state"), max_length=16, choices=DecisionState, default=DecisionState.RECORDED)
    actor = models.CharField(_("actor"), max_length=200, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True, db_index=True)
    stream = models.CharField(max_length=64, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False)
    current = models.BooleanField(default=True, editable=False)
    last_seen = models.DateTimeField(_("last reached"))
    count = models.PositiveBigIntegerField(_("times reached"), default=1)

    objects: ClassVar[models.Manager[DecisionRow]] = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-decided_at", "-id"]
        indexes = [
            models.Index(fields=["-decided_at", "-id"], name="decision_by_time"),
            models.Index(fields=["reason_code", "-decided_at"], name="decision_by_reason"),
            models.Index(fields=["cluster", "namespace", "subject_name"], name="decision_by_subject"),
            models.Index(fields=["policy_uid", "-decided_at"], name="decision_by_policy"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["stream"], condition=Q(current=True), name="one_current_decision"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.subject_kind}/{self.subject_name}: {self.reason_code}"
