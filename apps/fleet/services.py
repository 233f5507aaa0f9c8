"""Connecting clusters, watching over their connections, and taking them away again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.fleet.cache import ClusterCache
from apps.fleet.models import Cluster
from apps.identity.models import Team, User
from apps.kernel.ports import JsonObject, Kube, Metrics, MetricsConnection
from apps.kernel.vocab import Snapshot

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MissingVerb:
    """One right that Plimsoll needs and its account lacks. `resource` is RBAC's word: `deployments.apps/scale`."""

    verb: str
    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a test of a connection found. `error`, `field` and `mend` are "" when the API server let us in;
    `metrics_error` is "" when the metrics source answered a real query, or there is none."""

    kube_version: str = ""
    account: str = ""
    missing: tuple[MissingVerb, ...] = ()
    error: str = ""
    field: str = ""
    mend: str = ""
    metrics_error: str = ""
    metrics_targets: int | None = None

    @property
    def ok(self) -> bool:
        return not (self.error or self.missing or self.metrics_error)


@dataclass(frozen=True, slots=True)
class AddReport:
    """`applied` names the objects that were applied, in order; `account` is who Plimsoll is on the cluster now."""

    cluster: Cluster
    applied: tuple[str, ...]
    account: str
    connection: ConnectionReport


@dataclass(frozen=True, slots=True)
class NewCluster:
    """What a person gives to connect a cluster. `proxy_url` and `ca_pem` go before those of the kubeconfig."""

    name: str
    kubeconfig: str
    context: str | None = None
    metrics: MetricsConnection | None = None
    team: Team | None = None
    environment: str = ""
    region: str = ""
    proxy_url: str = ""
    ca_pem: str = ""
    read_only: bool = False
    is_demo: bool = False
    keep_account: bool = False


def add_cluster(
    given: NewCluster, *, actor: User | None, request_id: str = "", progress: Progress | None = None
) -> AddReport:
    """Connects, applies CRDs and least-privilege roles, changes over to that account, tests it, and keeps the row."""
    raise NotImplementedError


def update_connection(
    cluster: Cluster, *, kubeconfig: str, context: str | None = None, actor: User | None, request_id: str = ""
) -> AddReport:
    """Gives a connected cluster new credentials (an expired token, another address), by the same road."""
    raise NotImplementedError


def manifests(*, read_only: bool = False) -> list[JsonObject]:
    """Everything Plimsoll puts into a cluster before it watches it, in the order it must be applied."""
    raise NotImplementedError


def test_cluster(cluster: Cluster) -> ConnectionReport:
    """Tries the stored connection: version, every RBAC verb, the metrics source. Never raises for what it finds."""
    raise NotImplementedError


def remove_cluster(cluster: Cluster, *, actor: User | None, request_id: str = "") -> None:
    """Forgets the cluster and what is known of it, and touches nothing in it; `policies` wakes it first if asked."""
    raise NotImplementedError


def connect(cluster: Cluster) -> Kube:
    """The Kube of a stored cluster. The caller closes it."""
    raise NotImplementedError


def metrics(cluster: Cluster) -> Metrics | None:
    """The Metrics of a stored cluster, or None when it has no metrics source. The caller closes it."""
    raise NotImplementedError


def observe(*, cache: ClusterCache, metrics: Metrics | None, queries: Sequence[str], now: datetime) -> Snapshot:
    """A Snapshot with one Reading a query; a query that failed is a Reading with its error."""
    raise NotImplementedError


def sync_rows(cluster: Cluster, *, cache: ClusterCache, now: datetime) -> int:
    """Writes what changed to the rows and publishes their ids on commit; returns how many rows changed."""
    raise NotImplementedError
