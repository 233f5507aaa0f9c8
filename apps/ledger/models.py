"""The record and what is due.

`Record` is the truth: append-only, hash-chained, guarded by triggers in the database. `DecisionRow`, `ActionRow`,
`ApprovalRequest` and `Vote` are the same facts in a shape that can be listed and moved on; `DueWork` and `Lease` say
who does what next.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
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
    group = models.CharField(max_length=64, unique=True, editable=False)
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


class DueWork(models.Model):
    """Something to do at or after `at`. One row a `key`: asking twice is asking once.

    `epoch` grows with each claim, and fences whoever held it before; `asked` grows with each request, so that work
    asked for again while it runs is done again.
    """

    key = models.CharField(max_length=200, primary_key=True)
    kind = models.CharField(max_length=32)
    at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    holder = models.CharField(max_length=100, blank=True)
    epoch = models.BigIntegerField(default=0)
    asked = models.BigIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("due work")
        verbose_name_plural = _("due work")
        indexes = [models.Index(fields=["at"], name="due_by_time")]

    def __str__(self) -> str:
        return self.key


class Lease(models.Model):
    """Who leads `name`, until when. `epoch` grows with each new holder."""

    name = models.CharField(max_length=200, primary_key=True)
    holder = models.CharField(max_length=100, blank=True)
    epoch = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
