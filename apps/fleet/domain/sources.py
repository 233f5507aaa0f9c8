"""Which kinds a cluster is watched for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from apps.kernel import kinds
from apps.kernel.kinds import Kind


@dataclass(frozen=True, slots=True)
class Source:
    """One watch. An `optional` kind comes with a CRD and may not be served; `older` versions are tried then."""

    kind: Kind
    optional: bool = False
    older: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`deployments.apps`: what the source is called in ages, pages and metrics."""
        return self.kind.qualified

    def served_as(self) -> Iterator[Kind]:
        """The kind in each version to try, newest first."""
        yield self.kind
        for version in self.older:
            yield replace(self.kind, version=version)


SOURCES: tuple[Source, ...] = (
    Source(kinds.NAMESPACE),
    Source(kinds.NODE),
    Source(kinds.DEPLOYMENT),
    Source(kinds.STATEFUL_SET),
    Source(kinds.DAEMON_SET),
    Source(kinds.CRON_JOB),
    Source(kinds.JOB),
    Source(kinds.POD),
    Source(kinds.SERVICE),
    Source(kinds.PERSISTENT_VOLUME_CLAIM),
    Source(kinds.HORIZONTAL_POD_AUTOSCALER),
    Source(kinds.INGRESS),
    Source(kinds.INGRESS_CLASS),
    Source(kinds.HTTP_ROUTE, optional=True, older=("v1beta1",)),
    Source(kinds.GATEWAY, optional=True, older=("v1beta1",)),
    Source(kinds.GATEWAY_CLASS, optional=True, older=("v1beta1",)),
    Source(kinds.VIRTUAL_SERVICE, optional=True, older=("v1beta1",)),
    Source(kinds.TRAEFIK_INGRESS_ROUTE, optional=True),
    Source(kinds.SCALED_OBJECT, optional=True),
    Source(kinds.RESOURCE_POLICY, optional=True),
    Source(kinds.CLUSTER_RESOURCE_POLICY, optional=True),
)
