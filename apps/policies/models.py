"""Policies as rows to read, and what must be remembered about a workload between two ticks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.fleet.models import Cluster
from apps.identity.models import Team
from apps.identity.visibility import VisibleQuerySet
from apps.kernel.ids import uuid7


class Origin(models.TextChoices):
    """CLUSTER: kubectl or the portal write it. EXTERNAL: Argo CD or Flux own it, and it is read-only here."""

    CLUSTER = "cluster", _("Cluster")
    GIT = "git", _("Git")
    EXTERNAL = "external", _("Argo CD or Flux")


class Policy(models.Model):
    """What one ResourcePolicy or ClusterResourcePolicy says and how it does: written from the object, never back.

    `namespace` is "" for a ClusterResourcePolicy. `saved_today` is in `currency`, since midnight UTC.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="policies", verbose_name=_("cluster"))
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("team"))
    kind = models.CharField(_("kind"), max_length=63)
    namespace = models.CharField(_("namespace"), max_length=63, blank=True)
    name = models.CharField(_("name"), max_length=253)
    uid = models.CharField(_("uid"), max_length=64)
    generation = models.BigIntegerField(_("generation"), default=0)
    manifest = models.JSONField(_("manifest"), default=dict)
    spec = models.JSONField(_("spec"), default=dict)
    origin = models.CharField(_("origin"), max_length=16, choices=Origin, default=Origin.CLUSTER)
    origin_detail = models.CharField(_("origin object"), max_length=300, blank=True)
    mode = models.CharField(_("mode"), max_length=16)
    suspended = models.BooleanField(_("suspended"), default=False)
    priority = models.IntegerField(_("priority"), default=100)
    conditions = models.JSONField(_("conditions"), default=list, blank=True)
    ready = models.BooleanField(_("ready"), default=False)
    matched = models.IntegerField(_("matched"), default=0)
    asleep = models.IntegerField(_("asleep"), default=0)
    refused = models.IntegerField(_("refused"), default=0)
    conflicts = models.IntegerField(_("conflicts"), default=0)
    saved_today = models.DecimalField(_("saved today"), max_digits=14, decimal_places=4, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    updated_at = models.DateTimeField(_("updated"))

    objects: ClassVar[models.Manager[Policy]] = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["cluster__name", "kind", "namespace", "name"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "kind", "namespace", "name"], name="policy_of_cluster")
        ]
        permissions = [
            ("view_in_policy", "Viewer: see this policy"),
            ("operate_in_policy", "Operator: change this policy"),
            ("approve_in_policy", "Approver: approve what this policy asks approval for"),
            ("admin_policy", "Admin: grant roles on this policy"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """`kernel.decisions.PolicyRef.key` of the policy."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


class Notice(models.Model):
    """Something people should know before it happens: a sleep that is announced, or one that mode Warn would make.

    `decision_id` names the Decision behind it. It is `over` once something else is decided about the workload.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="notices", verbose_name=_("cluster"))
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("team"))
    namespace = models.CharField(_("namespace"), max_length=63)
    kind = models.CharField(_("kind"), max_length=63)
    name = models.CharField(_("name"), max_length=253)
    policy = models.CharField(_("policy"), max_length=600)
    reason_code = models.CharField(_("reason"), max_length=63)
    operands = models.JSONField(_("operands"), default=dict)
    decision_id = models.UUIDField(_("decision"), unique=True)
    created_at = models.DateTimeField(_("time"))
    over = models.BooleanField(_("over"), default=False)

    objects: ClassVar[models.Manager[Notice]] = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["over", "-created_at"], name="notice_by_time")]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}: {self.reason_code}"


class WorkloadMemory(models.Model):
    """What `domain.decide` must know of one incarnation of a workload that its object does not tell.

    Written only when it changes, so at most a few times for each sleep. `memory` is `domain.memory.Memory` as JSON.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="+", verbose_name=_("cluster"))
    uid = models.CharField(_("uid"), max_length=64)
    key = models.CharField(_("object"), max_length=400)
    memory = models.JSONField(_("memory"))
    updated_at = models.DateTimeField(_("updated"))

    class Meta:
        verbose_name = _("workload memory")
        verbose_name_plural = _("workload memories")
        constraints = [models.UniqueConstraint(fields=["cluster", "uid"], name="memory_of_workload")]

    def __str__(self) -> str:
        return self.key
