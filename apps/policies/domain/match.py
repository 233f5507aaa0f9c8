"""Which policies cover a workload, and which of them counts.

The one with the highest priority counts. At a tie nobody does, and the workload stays awake. Suspended policies and
those that cannot be read cover nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.kernel.errors import InvalidInput
from apps.kernel.vocab import Namespace, Workload
from apps.policies.domain.spec import Exemption, Spec, Target


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy of a cluster: those that could be read, and what is wrong with the others, by PolicyRef.key."""

    specs: tuple[Spec, ...] = ()
    invalid: Mapping[str, InvalidInput] = field(default_factory=dict)

    def by_key(self) -> dict[str, Spec]:
        return {spec.ref.key: spec for spec in self.specs}


@dataclass(frozen=True, slots=True)
class Cover:
    """`winner` None with rivals: a tie. `rivals` are the others that cover it, highest first."""

    winner: Spec | None = None
    rivals: tuple[Spec, ...] = ()

    @property
    def tied(self) -> bool:
        return self.winner is None and bool(self.rivals)


NOBODY = Cover()


class Matcher:
    """Built once a Snapshot from the policies in force; asked once a workload."""

    def __init__(self, specs: Iterable[Spec], namespaces: Mapping[str, Namespace]) -> None:
        self._labels = {ns.ref.name: ns.labels for ns in namespaces.values()}
        self._specs = sorted((s for s in specs if not s.suspended), key=lambda s: (-s.priority, s.ref.key))
        self._in: dict[str, list[tuple[Spec, list[Target]]]] = {}
        self._local: dict[str, list[Spec]] = defaultdict(list)
        for spec in self._specs:
            self._local[spec.ref.namespace].append(spec)

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        return self._labels.get(namespace, {})

    def cover(self, workload: Workload) -> Cover:
        """Who covers the workload, and who counts."""
        found = [
            spec
            for spec, targets in self._candidates(workload.ref.namespace)
            if any(_covers(target, workload) for target in targets)
        ]
        if not found:
            return NOBODY
        if len(found) > 1 and found[0].priority == found[1].priority:
            return Cover(None, tuple(found))
        return Cover(found[0], tuple(found[1:]))

    def exemption(self, spec: Spec, workload: Workload, now: datetime) -> Exemption | None:
        """The first exception of a policy that holds for the workload now."""
        for one in spec.exemptions:
            if (
                one.expires_at > now
                and one.selector.matches(workload.labels)
                and one.namespace_selector.matches(self.namespace_labels(workload.ref.namespace))
            ):
                return one
        return None

    def _candidates(self, namespace: str) -> list[tuple[Spec, list[Target]]]:
        """The policies that can cover something in a namespace, highest first, with the targets that do."""
        known = self._in.get(namespace)
        if known is None:
            labels = self.namespace_labels(namespace)
            specs = [*self._local.get("", ()), *self._local.get(namespace, ())]
            pairs = [(spec, [t for t in spec.targets if t.namespace_selector.matches(labels)]) for spec in specs]
            known = [(spec, targets) for spec, targets in pairs if targets]
            known.sort(key=lambda pair: (-pair[0].priority, pair[0].ref.key))
            self._in[namespace] = known
        return known


def _covers(target: Target, workload: Workload) -> bool:
    return (
        workload.ref.kind in target.kinds
        and workload.ref.name not in target.exclude_names
        and target.selector.matches(workload.labels)
    )
