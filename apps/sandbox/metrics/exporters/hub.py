"""What the exporters of one cluster share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from apps.sandbox.metrics.families import Computed, Counted, Family, Share
from apps.sandbox.metrics.registry import Registry
from apps.sandbox.metrics.targets import UP, Flags, Target, Targets
from apps.sandbox.sim.draw import Floats, Ints
from apps.sandbox.sim.service import Served
from apps.sandbox.sim.traffic import Demand

Labels = Mapping[str, str]
_Function = Callable[[Family, Ints, Ints], tuple[Floats, Flags]]


@dataclass
class Hub:
    """Targets, families and the log of one cluster. `started_ms` is when its exporters began.

    `custom_labels` adds what operators can switch on: `request_path` and `user_agent` in Istio (Telemetry API),
    `useragent` in Traefik (metrics.prometheus.headerLabels).
    """

    demand: Demand
    served: Served
    started_ms: int
    honor_labels: bool = True
    custom_labels: bool = False
    registry: Registry = field(init=False)
    targets: Targets = field(init=False)
    _meta: list[Computed] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = Targets(seed=self.demand.seed)
        self.registry = Registry(self.targets)
        self._meta = [
            self._about("up", "Whether the last scrape succeeded.", self._up),
            self._about("scrape_duration_seconds", "Duration of the scrape.", self._duration),
        ]
        text = "Start time of the process since unix epoch in seconds."
        self._meta.append(self._about("process_start_time_seconds", text, self._start, meta=False))
        self.registry.register(*self._meta)

    def add_target(
        self, labels: Labels, *, start_ms: int | None = None, honor_labels: bool | None = None, path: str = "/metrics"
    ) -> Target:
        """A target, with the metrics that Prometheus writes about every target."""
        start = self.started_ms if start_ms is None else start_ms
        honor = self.honor_labels if honor_labels is None else honor_labels
        target = self.targets.add(labels, start_ms=start, honor_labels=honor, path=path)
        for family in self._meta:
            family.add({}, target=target)
        return target

    def counted(self, name: str, *, help_text: str, zero_visible: bool = False) -> Counted:
        """The counter of this name, made when it is first asked for."""
        found = self.registry.families.get(name)
        if found is None:
            found = Counted(
                name, help_text=help_text, targets=self.targets, served=self.served, zero_visible=zero_visible
            )
            self.registry.register(found)
        if not isinstance(found, Counted):
            raise TypeError(f"{name} is not a counter of requests")
        return found

    def constant(self, name: str, exposed: Labels, *, target: Target, help_text: str, value: float = 1.0) -> None:
        """A gauge that is always `value`, as *_build_info are."""
        found = self.registry.families.get(name)
        if found is None:
            found = Computed(
                name, kind="gauge", help_text=help_text, targets=self.targets,
                function=lambda rows, at: _flat(at, value),
            )  # fmt: skip
            self.registry.register(found)
        if not isinstance(found, Computed):
            raise TypeError(f"{name} is not a constant")
        found.add(exposed, target=target)

    def count(self, family: Counted, exposed: Labels, *, target: Target, share: Share) -> None:
        """A share of the log for the series with these labels."""
        family.add({name: value for name, value in exposed.items() if value}, target=target, shares=[share])

    def counters(self) -> list[Counted]:
        """Every counter of requests."""
        return [family for family in self.registry.families.values() if isinstance(family, Counted)]

    def _about(self, name: str, help_text: str, function: _Function, *, meta: bool = True) -> Computed:
        family: Computed = Computed(
            name, kind="gauge", help_text=help_text, targets=self.targets, meta=meta,
            function=lambda rows, at: function(family, rows, at),
        )  # fmt: skip
        return family

    def _up(self, family: Family, rows: Ints, at: Ints) -> tuple[Floats, Flags]:
        state = self.targets.state(_lifted(family, rows, at), at=at)
        return (state == UP).astype(np.float64), np.ones(at.shape, dtype=bool)

    def _duration(self, family: Family, rows: Ints, at: Ints) -> tuple[Floats, Flags]:
        return _flat(at, 0.01)

    def _start(self, family: Family, rows: Ints, at: Ints) -> tuple[Floats, Flags]:
        return self.targets.process_starts(_lifted(family, rows, at), at=at) / 1000.0, np.ones(at.shape, dtype=bool)


def _lifted(family: Family, rows: Ints, at: Ints) -> Ints:
    targets = family.target_rows()[rows]
    return targets if at.ndim == 1 else targets[:, None]


def _flat(at: Ints, value: float) -> tuple[Floats, Flags]:
    return np.full(at.shape, value), np.ones(at.shape, dtype=bool)
