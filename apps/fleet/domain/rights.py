"""Every right Plimsoll needs in a cluster, and what for. The shipped roles and the test of a connection are both made
from this list, so that neither can promise what the other does not keep.

RBAC cannot narrow `patch` to annotations: the write role may patch whole Deployments, StatefulSets, CronJobs and
ScaledObjects, and Plimsoll patches their `plimsoll.dev/` and KEDA pause annotations and `spec.suspend` of a CronJob.
Replicas go through the scale subresource. No Secret, no pod, no exec.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from apps.fleet.domain.sources import SOURCES
from apps.kernel import kinds
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject


@dataclass(frozen=True, slots=True)
class Right:
    """`verbs` on `kind`, or on a subresource of it. `why` is a sentence for people."""

    kind: Kind
    verbs: tuple[str, ...]
    why: str
    subresource: str = ""

    @property
    def resource(self) -> str:
        """`deployments.apps/scale`, as kubectl's `auth can-i` takes it apart from the slash."""
        return f"{self.kind.qualified}/{self.subresource}" if self.subresource else self.kind.qualified

    @property
    def rbac_resource(self) -> str:
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


_READ = ("get", "list", "watch")
_OWNED = ("create", "delete", "patch")

READ_RIGHTS: tuple[Right, ...] = tuple(Right(source.kind, _READ, "to watch it") for source in SOURCES)

WRITE_RIGHTS: tuple[Right, ...] = (
    Right(kinds.DEPLOYMENT, ("patch",), "to mark it when it is put to sleep"),
    Right(kinds.DEPLOYMENT, ("patch",), "to scale it to zero and back", "scale"),
    Right(kinds.STATEFUL_SET, ("patch",), "to mark it when it is put to sleep"),
    Right(kinds.STATEFUL_SET, ("patch",), "to scale it to zero and back", "scale"),
    Right(kinds.CRON_JOB, ("patch",), "to suspend and resume it"),
    Right(kinds.SCALED_OBJECT, ("patch",), "to pause and resume KEDA"),
    Right(kinds.RESOURCE_POLICY, _OWNED, "to keep policies that are written in the portal"),
    Right(kinds.RESOURCE_POLICY, ("patch",), "to say how a policy fares", "status"),
    Right(kinds.CLUSTER_RESOURCE_POLICY, _OWNED, "to keep policies that are written in the portal"),
    Right(kinds.CLUSTER_RESOURCE_POLICY, ("patch",), "to say how a policy fares", "status"),
    Right(kinds.EVENT, ("create",), "to tell of warnings as Events"),
)


def rights(*, read_only: bool) -> tuple[Right, ...]:
    return READ_RIGHTS if read_only else READ_RIGHTS + WRITE_RIGHTS


def rules(wanted: tuple[Right, ...]) -> list[JsonObject]:
    """The rights as the rules of a ClusterRole: one for each group and set of verbs."""

    def place(right: Right) -> tuple[str, tuple[str, ...]]:
        return right.kind.group, right.verbs

    return [
        {"apiGroups": [group], "resources": [right.rbac_resource for right in found], "verbs": list(verbs)}
        for (group, verbs), found in groupby(sorted(wanted, key=place), key=place)
    ]


def questions(wanted: tuple[Right, ...]) -> Iterator[tuple[Right, str]]:
    """Each right, verb by verb, as an access review asks for it."""
    for right in wanted:
        for verb in right.verbs:
            yield right, verb
