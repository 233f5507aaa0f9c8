"""Which routes lead to which workload: route -> Service -> the pods its selector selects -> the workload.

A Service without a selector, or of another namespace than the workload, leads to no workload.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from apps.kernel.vocab import Backend, Route, Service, Snapshot, Workload

Way = tuple[Route, Backend]


class RouteMap:
    """Built once a Snapshot; `to` answers for one workload."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._ways: dict[tuple[str, str], list[Way]] = defaultdict(list)
        for route in snapshot.routes.values():
            for backend in route.backends:
                self._ways[backend.namespace, backend.service].append((route, backend))
        self._services: dict[tuple[str, str, str], list[Service]] = defaultdict(list)
        for service in snapshot.services.values():
            # Indexed by one of its pairs: a workload has few labels, a namespace may have many Services.
            for key, value in service.selector.items():
                self._services[service.ref.namespace, key, value].append(service)
                break

    def services(self, workload: Workload) -> Iterable[Service]:
        """The Services that select the workload's pods."""
        labels, namespace = workload.pod_labels, workload.ref.namespace
        for pair in labels.items():
            for service in self._services.get((namespace, *pair), ()):
                if all(labels.get(key) == value for key, value in service.selector.items()):
                    yield service

    def to(self, workload: Workload) -> tuple[Way, ...]:
        """Every (route, backend) that leads to the workload, in a stable order."""
        return tuple(
            way
            for service in self.services(workload)
            for way in self._ways.get((workload.ref.namespace, service.ref.name), ())
        )
