"""The fleet as rows. The watcher writes them, and only when they change; pods stay in its memory."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.identity.models import Team
from apps.identity.visibility import VisibleQuerySet
from apps.kernel.ids import uuid7


class ClusterState(models.TextChoices):
    """How much of a cluster Plimsoll can see; `Cluster.state_reason` says why it is not all of it."""

    CONNECTED = "Connected", _("Connected")
    SYNCING = "Syncing", _("Syncing")
    STALE = "Stale", _("Stale")
    UNREACHABLE = "Unreachable", _("Unreachable")
    UNAUTHORIZED = "Unauthorized", _("Unauthorized")


class WorkloadState(models.TextChoices):
    """FALLING: marked to sleep and still running; WAKING: not marked any more and not all ready yet."""

    AWAKE = "Awake", _("Awake")
    ASLEEP = "Asleep", _("Asleep")
    WAKING = "Waking", _("Waking")
    FALLING = "Falling", _("Falling asleep")
    UNKNOWN = "Unknown", _("Unknown")


class Cluster(models.Model):
    """One Kubernetes API server and how to reach it.

    `account` names who Plimsoll is there: "kubeconfig" while it acts with the credentials it was given, else the
    ServiceAccount it made for itself. `state_operands` fill the sentence of `state_reason`. `ages` maps each source to
    `{"synced": bool, "alive_at": ISO 8601 or null, "error": text, "absent": bool}`; a watcher rewrites it every half
    minute, and with it `watched_at`. `last_seen_at` is when all sources were last fresh.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.SlugField(_("name"), max_length=63, unique=True)
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="clusters", verbose_name=_("team")
    )
    environment = models.CharField(_("environment"), max_length=63, blank=True)
    region = models.CharField(_("region"), max_length=63, blank=True)
    server = models.CharField(_("API server"), max_length=500)
    account = models.CharField(_("account"), max_length=300, default="kubeconfig")
    sealed_credentials = models.TextField(_("sealed credentials"), editable=False)
    sealed_metrics = models.TextField(_("sealed metrics credentials"), blank=True, editable=False)
    metrics_url = models.CharField(_("metrics address"), max_length=500, blank=True)
    metrics_kind = models.CharField(_("metrics source"), max_length=32, blank=True)
    read_only = models.BooleanField(_("read only"), default=False)
    is_demo = models.BooleanField(_("demo"), default=False)
    state = models.CharField(_("state"), max_length=16, choices=ClusterState, default=ClusterState.SYNCING)
    state_reason = models.CharField(_("reason"), max_length=63, blank=True)
    state_operands = models.JSONField(_("operands"), default=dict, blank=True)
    state_since = models.DateTimeField(_("state since"), null=True, blank=True)
    kube_version = models.CharField(_("Kubernetes version"), max_length=63, blank=True)
    ages = models.JSONField(_("source ages"), default=dict, blank=True)
    watched_at = models.DateTimeField(_("watched"), null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)
    created_at = models.DateTimeField(_("connected"), auto_now_add=True)

    objects = VisibleQuerySet["Cluster"].as_manager()

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ["name"]
        permissions = [
            ("view_in_cluster", "Viewer: see what runs on the cluster"),
            ("operate_in_cluster", "Operator: sleep, wake and change policies on the cluster"),
            ("approve_in_cluster", "Approver: approve sensitive actions on the cluster"),
            ("admin_cluster", "Admin: change the cluster's connection, grant roles on it"),
        ]

    def __str__(self) -> str:
        return self.name


class Namespace(models.Model):
    """`team` is the one its label `plimsoll.dev/team` names, else the cluster's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="namespaces", verbose_name=_("cluster"))
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=63)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    annotations = models.JSONField(_("annotations"), default=dict, blank=True)
    updated_at = models.DateTimeField(_("updated"))

    objects = VisibleQuerySet["Namespace"].as_manager()

    class Meta:
        verbose_name = _("namespace")
        verbose_name_plural = _("namespaces")
        ordering = ["cluster__name", "name"]
        constraints = [models.UniqueConstraint(fields=["cluster", "name"], name="namespace_of_cluster")]

    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """`price_per_hour` is null when no price is known for it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="nodes", verbose_name=_("cluster"))
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=253)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    cpu_millicores = models.BigIntegerField(_("CPU, millicores"))
    memory_bytes = models.BigIntegerField(_("memory, bytes"))
    gpus = models.IntegerField(_("GPUs"), default=0)
    ready = models.BooleanField(_("ready"), default=True)
    unschedulable = models.BooleanField(_("unschedulable"), default=False)
    instance_type = models.CharField(_("instance type"), max_length=63, blank=True)
    arch = models.CharField(_("architecture"), max_length=16, blank=True)
    spot = models.BooleanField(_("spot"), default=False)
    price_per_hour = models.DecimalField(_("price per hour"), max_digits=14, decimal_places=6, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    updated_at = models.DateTimeField(_("updated"))

    objects = VisibleQuerySet["Node"].as_manager()

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        ordering = ["cluster__name", "name"]
        constraints = [models.UniqueConstraint(fields=["cluster", "name"], name="node_of_cluster")]

    def __str__(self) -> str:
        return self.name


class Workload(models.Model):
    """A Deployment, StatefulSet, DaemonSet, CronJob, standalone Job or bare Pod.

    `cpu_millicores`, `memory_bytes` and `gpus` are what one of its pods requests. `price_per_hour` is what all of its
    pods cost while it is awake, by their requests; null when a price is missing. `slept` is the mark on the object,
    null when it carries none. `reason_code` and what follows it are the last Decision's; the policies app writes them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="workloads", verbose_name=_("cluster"))
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("team"))
    namespace = models.CharField(_("namespace"), max_length=63)
    kind = models.CharField(_("kind"), max_length=63)
    name = models.CharField(_("name"), max_length=253)
    uid = models.CharField(_("uid"), max_length=64)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    resource_version = models.CharField(_("resource version"), max_length=64, blank=True)
    replicas = models.IntegerField(_("replicas"), default=0)
    ready_replicas = models.IntegerField(_("ready replicas"), default=0)
    cpu_millicores = models.BigIntegerField(_("CPU, millicores"), default=0)
    memory_bytes = models.BigIntegerField(_("memory, bytes"), default=0)
    gpus = models.IntegerField(_("GPUs"), default=0)
    price_per_hour = models.DecimalField(_("price per hour"), max_digits=14, decimal_places=6, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    state = models.CharField(_("state"), max_length=16, choices=WorkloadState, default=WorkloadState.UNKNOWN)
    slept = models.JSONField(_("slept mark"), null=True, blank=True)
    asleep_since = models.DateTimeField(_("asleep since"), null=True, blank=True)
    hpa = models.CharField(_("autoscaler"), max_length=253, blank=True)
    scaled_object = models.CharField(_("KEDA ScaledObject"), max_length=253, blank=True)
    reason_code = models.CharField(_("reason"), max_length=63, blank=True)
    reason_operands = models.JSONField(_("operands"), default=dict, blank=True)
    policy = models.CharField(_("policy"), max_length=600, blank=True)
    last_decision_id = models.UUIDField(_("last decision"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated"))

    objects = VisibleQuerySet["Workload"].as_manager()

    class Meta:
        verbose_name = _("workload")
        verbose_name_plural = _("workloads")
        ordering = ["cluster__name", "namespace", "name", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "namespace", "kind", "name"], name="workload_of_cluster")
        ]
        indexes = [
            models.Index(fields=["cluster", "state"], name="workload_state"),
            models.Index(fields=["team", "state"], name="workload_team_state"),
            models.Index(fields=["namespace", "name"], name="workload_name"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def key(self) -> str:
        """`kernel.vocab.ObjectRef.key` of the object."""
        return f"{self.kind}/{self.namespace}/{self.name}"


class Volume(models.Model):
    """A PersistentVolumeClaim. `mounted_by` counts the pods that mount it now."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="volumes", verbose_name=_("cluster"))
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("team"))
    namespace = models.CharField(_("namespace"), max_length=63)
    name = models.CharField(_("name"), max_length=253)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    storage_class = models.CharField(_("storage class"), max_length=253, blank=True)
    capacity_bytes = models.BigIntegerField(_("capacity, bytes"), default=0)
    phase = models.CharField(_("phase"), max_length=32, blank=True)
    mounted_by = models.IntegerField(_("mounted by pods"), default=0)
    updated_at = models.DateTimeField(_("updated"))

    objects = VisibleQuerySet["Volume"].as_manager()

    class Meta:
        verbose_name = _("volume")
        verbose_name_plural = _("volumes")
        ordering = ["cluster__name", "namespace", "name"]
        constraints = [models.UniqueConstraint(fields=["cluster", "namespace", "name"], name="volume_of_cluster")]

    def __str__(self) -> str:
        return self.name


class NodePrice(models.Model):
    """One line of the price book; it goes before the shipped list price of the same type.

    An empty `region` stands for every region. `source` says where the number is from: a contract, a list, a guess.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    instance_type = models.CharField(_("instance type"), max_length=63)
    region = models.CharField(_("region"), max_length=63, blank=True)
    spot = models.BooleanField(_("spot"), default=False)
    price_per_hour = models.DecimalField(_("price per hour"), max_digits=14, decimal_places=6)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    source = models.CharField(_("source"), max_length=200, blank=True)
    as_of = models.DateField(_("as of"))

    class Meta:
        verbose_name = _("node price")
        verbose_name_plural = _("node prices")
        ordering = ["instance_type", "region", "spot"]
        constraints = [
            models.UniqueConstraint(fields=["instance_type", "region", "spot"], name="one_price_a_type"),
            models.CheckConstraint(condition=models.Q(price_per_hour__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.instance_type} {self.region}".strip()
