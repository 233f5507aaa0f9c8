"""What a policy says, checked and frozen. `parse` makes it from the object in the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from apps.kernel.decisions import PolicyRef
from apps.policies.domain.selectors import EVERYTHING, Selector


class Mode(StrEnum):
    DRY_RUN = "DryRun"
    WARN = "Warn"
    ENFORCE = "Enforce"


class Source(StrEnum):
    INGRESS_NGINX = "IngressNginx"
    ISTIO = "Istio"
    LINKERD = "Linkerd"
    TRAEFIK = "Traefik"
    ENVOY_GATEWAY = "EnvoyGateway"
    QUERY = "Query"


@dataclass(frozen=True, slots=True)
class Target:
    """Workloads of `kinds`, in namespaces and with labels that the selectors want, but those of `exclude_names`."""

    kinds: frozenset[str]
    selector: Selector = EVERYTHING
    namespace_selector: Selector = EVERYTHING
    exclude_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Exemption:
    """One entry of `exceptions`: it holds until `expires_at`, which is aware."""

    name: str
    reason: str
    expires_at: datetime
    selector: Selector
    namespace_selector: Selector = EVERYTHING


@dataclass(frozen=True, slots=True)
class Override:
    """Another mode in some namespaces: by name, or by labels when `namespaces` is None."""

    mode: Mode
    namespaces: frozenset[str] | None
    selector: Selector = EVERYTHING

    def covers(self, namespace: str, labels: Mapping[str, str]) -> bool:
        if self.namespaces is not None:
            return namespace in self.namespaces
        return self.selector.matches(labels)


@dataclass(frozen=True, slots=True)
class Traffic:
    """`threshold` is in requests per second; `query` is "" but for source Query."""

    source: Source = Source.INGRESS_NGINX
    query: str = ""
    threshold: float = 0.0
    ignore_paths: tuple[str, ...] = ()
    ignore_user_agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """Open from `start` to `end` on `days` (Monday is 0), local time; `end` None is midnight at the end of the day."""

    days: frozenset[int]
    start: time
    end: time | None


@dataclass(frozen=True, slots=True)
class Schedule:
    zone: ZoneInfo
    windows: tuple[Window, ...] = ()
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """`idle_after` None: the schedule alone decides, and `traffic` is None too. `wake_after` maps (kind, name) to the
    names it waits for, all in one namespace."""

    idle_after: timedelta | None
    traffic: Traffic | None = None
    schedule: Schedule | None = None
    grace_period: timedelta = timedelta(0)
    min_awake: timedelta = timedelta(minutes=15)
    keep_awake_until: datetime | None = None
    wake_after: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spec:
    """One policy. `namespace` of `ref` is "" for a ClusterResourcePolicy, which then covers every namespace."""

    ref: PolicyRef
    targets: tuple[Target, ...]
    rule: ScaleToZero
    mode: Mode = Mode.DRY_RUN
    priority: int = 100
    suspended: bool = False
    approval: bool = False
    exemptions: tuple[Exemption, ...] = ()
    overrides: tuple[Override, ...] = ()

    def mode_in(self, namespace: str, labels: Mapping[str, str]) -> Mode:
        """The mode in one namespace: the first override that covers it, else the policy's own."""
        for override in self.overrides:
            if override.covers(namespace, labels):
                return override.mode
        return self.mode

    @property
    def ignores(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(paths, user agents) that do not count."""
        traffic = self.rule.traffic
        return (traffic.ignore_paths, traffic.ignore_user_agents) if traffic else ((), ())
