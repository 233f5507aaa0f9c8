"""The PromQL of each traffic source: a few queries for a whole cluster, not one for a workload.

All of them look back over one window: idleAfter in whole minutes plus MARGIN, so that a sample from before the window
is always among them and a request just after its start is not mistaken for an older one.

    traffic     by how much the counters rose in the window
    appeared    counters that were not there at its start, whole: one that appears at 1 has counted one request. Only to
                be trusted when nothing hid the start of the window
    totals      every counter as it stands, by target: what sleepers are held against, since it needs no window
    present     which targets have a fresh sample now, so that a counter they lack is zero
    vanished    series that were there and are not: what they would have counted is unknown
    coverage    for each target of the controller, in how many of the window's minutes it had a fresh sample
    failed      targets with a scrape that failed
    restarted   targets whose process started anew
    reset       targets with a counter that fell
    recent      traffic over the last minutes, where a threshold above zero would answer a burst too late
    unlabelled  series without the label that ignorePaths or ignoreUserAgents look at
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from apps.policies.domain.spec import Source, Traffic

STEP_SECONDS = 60
MARGIN_SECONDS = 180
FRESH_SECONDS = 150
RECENT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Template:
    """How one source counts requests.

    `counters` are selectors of its request counters; `by` the labels that tell whose request it was. `alive` selects a
    gauge that each of its targets always exposes; its `class_label` names the controller a target belongs to, "" when
    they all serve the same. `controllers` are the controllers, as IngressClass and GatewayClass name them, whose routes
    it sees; `kinds` are route kinds it sees whatever their class. `path_label` and `agent_label` are "" where the
    counters carry none.
    """

    counters: tuple[str, ...]
    by: tuple[str, ...]
    alive: str
    class_label: str = ""
    controllers: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    path_label: str = ""
    agent_label: str = ""


TEMPLATES: dict[Source, Template] = {
    Source.INGRESS_NGINX: Template(
        counters=("nginx_ingress_controller_requests",),
        by=("namespace", "exported_namespace", "ingress", "service", "exported_service"),
        alive="nginx_ingress_controller_config_last_reload_successful",
        class_label="controller_class",
        path_label="path",
    ),
    Source.ISTIO: Template(
        counters=("istio_requests_total",),
        by=("destination_service_namespace", "destination_service_name"),
        alive='istio_build{component="proxy",pod=~".*gateway.*"}',
        controllers=frozenset({"istio", "istio.io/gateway-controller", "istio.io/ingress-controller"}),
        kinds=frozenset({"VirtualService"}),
        path_label="request_path",
        agent_label="user_agent",
    ),
    Source.LINKERD: Template(
        counters=('request_total{direction="outbound"}', 'request_total{direction="inbound",route_name!="probe"}'),
        by=("direction", "namespace", "deployment", "statefulset", "authority", "dst_namespace", "dst_service"),
        alive='proxy_build_info{namespace=~".*(ingress|gateway|traefik|nginx|contour|emissary|kong).*"}',
        kinds=frozenset({"Ingress", "HTTPRoute", "IngressRoute", "VirtualService"}),
    ),
    Source.TRAEFIK: Template(
        counters=("traefik_service_requests_total",),
        by=("service", "exported_service"),
        alive="traefik_config_last_reload_success",
        controllers=frozenset({"traefik", "traefik.io/ingress-controller", "traefik.io/gateway-controller"}),
        kinds=frozenset({"IngressRoute"}),
        agent_label="useragent",
    ),
    Source.ENVOY_GATEWAY: Template(
        counters=("envoy_cluster_upstream_rq_total", "envoy_cluster_upstream_cx_none_healthy"),
        by=("envoy_cluster_name",),
        alive="envoy_server_live",
        controllers=frozenset({"gateway.envoyproxy.io/gatewayclass-controller"}),
    ),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The queries for one source over one window; `window_seconds` counts the margin in. Empty texts are not asked."""

    source: Source
    window_seconds: int
    traffic: tuple[str, ...]
    coverage: str
    appeared: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()
    present: str = ""
    vanished: tuple[str, ...] = ()
    failed: str = ""
    restarted: str = ""
    reset: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """How many fresh minutes a target needs to have been seen all the while."""
        return self.window_seconds // STEP_SECONDS

    @property
    def health(self) -> tuple[str, ...]:
        """The queries whose answer tells whether the others can be trusted."""
        texts = (*self.vanished, self.coverage, self.failed, self.restarted, *self.reset, *self.unlabelled)
        return tuple(text for text in texts if text)

    @property
    def texts(self) -> tuple[str, ...]:
        now = (self.present,) if self.present else ()
        return (*self.traffic, *self.appeared, *self.totals, *now, *self.recent, *self.health)


@lru_cache(maxsize=1024)
def plan_for(traffic: Traffic, idle_after: timedelta) -> Plan:
    """The queries that tell whether `traffic` was silent for `idle_after`."""
    minutes = -int(-idle_after.total_seconds() // STEP_SECONDS)
    window = minutes * STEP_SECONDS + MARGIN_SECONDS
    if traffic.source is Source.QUERY:
        return _query_plan(traffic, window)
    template = TEMPLATES[traffic.source]
    selectors = [_narrowed(counter, _ignoring(template, traffic)) for counter in template.counters]
    target = "job, instance"
    return Plan(
        traffic.source,
        window,
        traffic=tuple(_increase(selector, template.by, window) for selector in selectors),
        appeared=tuple(_appeared(selector, template.by, window) for selector in selectors),
        totals=tuple(f"sum by (job, instance, {', '.join(template.by)}) ({selector})" for selector in selectors),
        present=f"time() - timestamp({template.alive}) < {FRESH_SECONDS}",
        coverage=_coverage(template.alive, window),
        vanished=tuple(
            f"count by ({', '.join(template.by)}) (last_over_time({selector}[{window}s]) unless {selector})"
            for selector in selectors
        ),
        failed=f"min by ({target}) (min_over_time(up[{window}s])) < 1",
        restarted=f"max by ({target}) (changes(process_start_time_seconds[{window}s])) > 0",
        reset=tuple(f"max by ({target}) (resets({counter}[{window}s])) > 0" for counter in template.counters),
        recent=tuple(_increase(s, template.by, RECENT_SECONDS) for s in selectors) if traffic.threshold else (),
        unlabelled=_unlabelled(template, traffic),
    )


def _query_plan(traffic: Traffic, window: int) -> Plan:
    """A query of one's own is read minute by minute: its highest value, and in how many minutes it had one."""
    inner = f"({traffic.query}\n)[{window}s:{STEP_SECONDS}s]"
    return Plan(Source.QUERY, window, traffic=(f"max_over_time({inner})",), coverage=f"count_over_time({inner})")


def _coverage(alive: str, window: int) -> str:
    fresh = f"time() - timestamp({alive}) < {FRESH_SECONDS}"
    return f"count_over_time(({fresh})[{window}s:{STEP_SECONDS}s])"


def _increase(selector: str, by: tuple[str, ...], window: int) -> str:
    return f"sum by ({', '.join(by)}) (increase({selector}[{window}s]))"


def _appeared(selector: str, by: tuple[str, ...], window: int) -> str:
    return f"sum by ({', '.join(by)}) (last_over_time({selector}[{window}s]) unless {selector} offset {window}s)"


def _ignoring(template: Template, traffic: Traffic) -> list[str]:
    matchers = []
    for label, patterns in (
        (template.path_label, traffic.ignore_paths),
        (template.agent_label, traffic.ignore_user_agents),
    ):
        if patterns:
            either = "|".join(_regex(pattern) for pattern in patterns)
            matchers.append(f'{label}!~"{_quoted(either)}"')
    return matchers


def _unlabelled(template: Template, traffic: Traffic) -> tuple[str, ...]:
    labels = [template.path_label] if traffic.ignore_paths else []
    labels += [template.agent_label] if traffic.ignore_user_agents else []
    bare = [_narrowed(counter, [label + '=""']) for counter in template.counters for label in labels]
    return tuple(f"count({selector}) > 0" for selector in bare)


def _regex(pattern: str) -> str:
    """The pattern as RE2: the text itself, and anything after a `*` at its end."""
    literal, star = (pattern[:-1], ".*") if pattern.endswith("*") else (pattern, "")
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", literal) + star


def _quoted(text: str) -> str:
    """For a PromQL string in double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _narrowed(selector: str, matchers: Iterable[str]) -> str:
    extra = ",".join(matchers)
    if not extra:
        return selector
    return f"{selector[:-1]},{extra}}}" if selector.endswith("}") else f"{selector}{{{extra}}}"
