"""The workloads a person names, as rows and as they are in the cluster now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from apps.fleet.domain.parse_workloads import parse_workload
from apps.fleet.models import Cluster
from apps.fleet.models import Workload as WorkloadRow
from apps.identity.actors import Actor, actor_user
from apps.identity.roles import Role, require_role
from apps.kernel.actions import KEDA_PAUSED
from apps.kernel.errors import InvalidInput, NotFound
from apps.kernel.kinds import SCALED_OBJECT, find
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef, Workload

GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "CronJob": "batch", "Job": "batch"}


@dataclass(frozen=True, slots=True)
class Named:
    """One workload of a request."""

    row: WorkloadRow
    ref: ObjectRef

    @property
    def cluster(self) -> Cluster:
        return self.row.cluster


def ref_of(row: WorkloadRow) -> ObjectRef:
    return ObjectRef(row.cluster.name, GROUPS.get(row.kind, ""), row.kind, row.namespace, row.name, row.uid)


def named(rows: Iterable[WorkloadRow]) -> list[Named]:
    return [Named(row, ref_of(row)) for row in rows]


def find_rows(refs: Sequence[ObjectRef]) -> list[WorkloadRow]:
    """The rows of these workloads, in their order; NotFound names the first that is not known."""
    out = []
    for ref in refs:
        row = (
            WorkloadRow.objects.select_related("cluster")
            .filter(cluster__name=ref.cluster, namespace=ref.namespace, kind=ref.kind, name=ref.name)
            .first()
        )
        if row is None:
            raise NotFound(f"{ref} is not known", field="items", mend="check the cluster, the namespace and the name")
        out.append(row)
    return out


def require_operator(rows: Iterable[WorkloadRow], actor: Actor) -> None:
    """Forbidden unless the person may change every one of them."""
    user = actor_user(actor)
    if user is not None:
        for row in rows:
            require_role(user, Role.OPERATOR, row)


def require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("a reason is needed", field="reason", mend="say in a few words why")


def read_now(kube: Kube, one: Named) -> Workload:
    """The workload as it is in the cluster at this moment, with the pause of its ScaledObject."""
    obj = kube.get(one.ref)
    workload = parse_workload(obj, cluster=one.ref.cluster, kind=find(one.ref.kind, one.ref.group))
    if not one.row.scaled_object:
        return replace(workload, hpa=one.row.hpa)
    scaled = ObjectRef(
        one.ref.cluster, SCALED_OBJECT.group, SCALED_OBJECT.kind, one.ref.namespace, one.row.scaled_object
    )
    annotations = kube.get(scaled).get("metadata", {}).get("annotations") or {}
    paused = annotations.get(KEDA_PAUSED)
    return replace(workload, hpa=one.row.hpa, scaled_object=one.row.scaled_object, paused_replicas=paused)
