"""What a fleet is made of. Everything here is frozen: a Snapshot can be handed to any thread and kept.

Mappings are read-only by agreement, not by type: whoever builds one of these gives up the right to change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

Labels = Mapping[str, str]
Json = object  # what json.loads returns; narrowed where it is read


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """One object in one cluster. `namespace` is "" for cluster-scoped kinds; `uid` "" means any incarnation."""

    cluster: str
    group: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def key(self) -> str:
        """`Deployment/shop/web`: unique in its cluster among the kinds Plimsoll knows."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"

    def __str__(self) -> str:
        return f"{self.cluster}/{self.key}"


@dataclass(frozen=True, slots=True)
class Resources:
    """An amount of compute: CPU in millicores, memory in bytes, whole GPUs."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    gpus: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.cpu_millicores + other.cpu_millicores,
            self.memory_bytes + other.memory_bytes,
            self.gpus + other.gpus,
        )

    def __mul__(self, count: int) -> Resources:
        return Resources(self.cpu_millicores * count, self.memory_bytes * count, self.gpus * count)


@dataclass(frozen=True, slots=True)
class Cluster:
    """`id` is its row; `environment` is free text, "production" being the one that rules look for."""

    id: UUID
    name: str
    environment: str = ""
    region: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class Namespace:
    ref: ObjectRef
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """`price_per_hour` is None when no price is known; `arch` and `instance_type` are the well-known labels."""

    ref: ObjectRef
    labels: Labels
    allocatable: Resources
    ready: bool = True
    unschedulable: bool = False
    instance_type: str = ""
    arch: str = "amd64"
    spot: bool = False
    price_per_hour: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """`owner` is the workload at the top of its ownerReferences, or None for a bare pod."""

    ref: ObjectRef
    labels: Labels
    phase: str
    ready: bool
    node: str = ""
    owner: ObjectRef | None = None
    requests: Resources = Resources()


@dataclass(frozen=True, slots=True)
class Volume:
    """A PersistentVolumeClaim with what it is bound to. `mounted_by` counts pods that mount it now."""

    ref: ObjectRef
    labels: Labels
    storage_class: str
    capacity_bytes: int
    phase: str
    mounted_by: int = 0


@dataclass(frozen=True, slots=True)
class SleptMark:
    """The annotation `plimsoll.dev/slept`: how to wake this object, whoever does it.

    `scaled_object` and `paused_replicas` tell what a KEDA ScaledObject's pause annotation held before (None: it had
    none); `suspended` is a CronJob's `spec.suspend` before.
    """

    replicas: int
    policy: str
    action: str
    slept_at: datetime | None = None
    scaled_object: str | None = None
    paused_replicas: str | None = None
    suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet, CronJob, Job or bare Pod.

    `replicas` is what the spec asks for (for a CronJob 1, or 0 while suspended). `pod_labels` are the labels its pods
    carry, by which Services find it. `field_managers` maps a field manager to True when it owns `spec.replicas`.
    `hpa` and `scaled_object` name the autoscaler that targets it, or are ""; `paused_replicas` is the text of that
    ScaledObject's pause annotation, None when it has none. `slept_raw` keeps the text of a slept annotation that could
    not be read as a SleptMark.
    """

    ref: ObjectRef
    resource_version: str
    created_at: datetime
    replicas: int
    ready_replicas: int = 0
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    pod_labels: Labels = field(default_factory=dict)
    pod_requests: Resources = Resources()
    field_managers: Mapping[str, bool] = field(default_factory=dict)
    owner: ObjectRef | None = None
    suspended: bool = False
    schedule: str = ""
    hpa: str = ""
    scaled_object: str = ""
    paused_replicas: str | None = None
    slept: SleptMark | None = None
    slept_raw: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    ref: ObjectRef
    selector: Labels
    ports: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Backend:
    """One Service a route sends traffic to; `port` is a number, a name, or ""."""

    namespace: str
    service: str
    port: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """An Ingress, HTTPRoute, VirtualService, or Traefik IngressRoute, and where it leads.

    `route_class` is what names the controller that serves it: the ingress class, the Gateway's class, "istio".
    """

    ref: ObjectRef
    route_class: str
    hosts: tuple[str, ...]
    backends: tuple[Backend, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant vector. `at` is Unix seconds; `value` may be NaN or infinite."""

    labels: Labels
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range: `points` are (Unix seconds, value), oldest first."""

    labels: Labels
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a metrics source answered to one query. `error` is "" when it answered."""

    query: str
    at: datetime
    samples: tuple[Sample, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How fresh one source is: `synced` after a first whole read, `age` since it last proved itself alive."""

    source: str
    synced: bool
    age: timedelta
    error: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster at one moment. Mappings are keyed by `ObjectRef.key`, `readings` by the text of the query.

    `policies` holds the raw ResourcePolicy and ClusterResourcePolicy objects; only the policies app reads them.
    `prices` is what a workload costs an hour while it is awake, by its pods' requests, in `currency`; a workload whose
    price is not known is absent. `controllers` names the controller behind each route class: the IngressClass's
    `spec.controller`, the GatewayClass's `spec.controllerName`; a class with no such object is absent.
    `versions` gives the resourceVersion each watched kind was read at; with `ages` it is what a stored Snapshot keeps.
    """

    id: UUID
    cluster: Cluster
    taken_at: datetime
    ages: tuple[SourceAge, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    pods: Mapping[str, Pod] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    currency: str = "USD"
    controllers: Mapping[str, str] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def synced(self) -> bool:
        """True when every source has been read whole; a Snapshot that is not decides nothing."""
        return bool(self.ages) and all(age.synced for age in self.ages)
