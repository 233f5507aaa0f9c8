"""What goes into connecting a cluster, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.fleet.models import Cluster
from apps.identity.models import Team
from apps.kernel.ports import MetricsConnection

Progress = Callable[[str], None]
"""Called with a translated sentence before each step."""


@dataclass(frozen=True, slots=True)
class MissingVerb:
    """One right that Plimsoll needs and its account lacks. `resource` is RBAC's word: `deployments.apps/scale`."""

    verb: str
    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a test of a connection found. `error`, `field` and `mend` are "" when the API server let us in;
    `metrics_error` is "" when the metrics source answered a real query, or there is none; `metrics_targets` is how many
    targets it scrapes."""

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
    """What a person gives to connect a cluster. `proxy_url` and `ca_pem` go before those of the kubeconfig.

    `keep_account` goes on with the kubeconfig's own credentials: then objects that it may not apply are passed over,
    for somebody else has applied them, and the test names what is missing.
    """

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
