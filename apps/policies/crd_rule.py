"""`spec.scaleToZero` of both policy kinds."""

from __future__ import annotations

from apps.policies.crd_parts import Schema, duration, listed, record, rule, text

SOURCES = ["IngressNginx", "Istio", "Linkerd", "Traefik", "EnvoyGateway", "Query"]
CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
CLOCK_END = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def traffic() -> Schema:
    properties = {
        "source": {
            "type": "string",
            "enum": SOURCES,
            "default": "IngressNginx",
            "description": "Whose metrics count the requests: the controller that serves the workload's routes.",
        },
        "query": text(
            "PromQL giving requests per second, with labels namespace and one of workload, deployment, statefulset, "
            "service or ingress; used with source Query. A workload without a series is unknown, never idle.",
            most=4096,
        ),
        "threshold": text(
            "Requests per second at or under which a workload counts as idle.",
            most=32,
            pattern=r"^[0-9]+(\.[0-9]+)?$",
            default="0",
        ),
        "ignorePaths": listed(
            text("A path, or a path ending in * for all that begin with it.", most=253, minLength=1),
            "Requests to these paths do not count: probes, scrapers. Only where the metrics carry the path "
            "(IngressNginx by the paths of the Ingress, Istio with a request_path tag).",
            most=32,
        ),
        "ignoreUserAgents": listed(
            text("A user agent, or its beginning followed by *.", most=253, minLength=1),
            "Requests by these user agents do not count. Only where the metrics carry the user agent (Istio with a "
            "user_agent tag, Traefik with a useragent header label).",
            most=32,
        ),
    }
    return record(
        properties,
        "Where requests are counted. With idleAfter set and this absent, ingress-nginx.",
        **{"x-kubernetes-validations": _traffic_rules()},
    )


def _traffic_rules() -> list[Schema]:
    has_query = rule(
        "has(self.query) == (self.source == 'Query')", "query goes with source Query, and only with it", ".query"
    )
    paths = rule(
        "!has(self.ignorePaths) || size(self.ignorePaths) == 0 || self.source in ['IngressNginx', 'Istio']",
        "the metrics of this source carry no path: leave ignorePaths out, or filter in a query of your own",
        ".ignorePaths",
    )
    agents = rule(
        "!has(self.ignoreUserAgents) || size(self.ignoreUserAgents) == 0 || self.source in ['Istio', 'Traefik']",
        "the metrics of this source carry no user agent: leave ignoreUserAgents out, or filter in a query of your own",
        ".ignoreUserAgents",
    )
    return [has_query, paths, agents]


def _window() -> Schema:
    return record(
        {
            "days": listed(
                {"type": "string", "enum": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]},
                "Days of the week.",
                most=7,
                minItems=1,
            ),
            "from": text("Local time at which the window opens.", most=5, pattern=CLOCK_TIME),
            "to": text("Local time at which it closes; 24:00 is the end of the day.", most=5, pattern=CLOCK_END),
        },
        "A span of these days.",
        required=["days", "from", "to"],
        **{
            "x-kubernetes-validations": [
                rule(
                    "self.from < self.to",
                    "from must be before to (a window that crosses midnight is two windows)",
                    ".to",
                )
            ]
        },
    )


def schedule() -> Schema:
    zone = rule(
        "timestamp('2026-01-01T00:00:00Z').getHours(self.timeZone) >= 0",
        "timeZone must be a time zone of the IANA database",
        ".timeZone",
    )
    return record(
        {
            "timeZone": text("IANA name, such as Europe/Berlin.", most=64, default="UTC"),
            "keepAwake": listed(_window(), "Windows in which nothing sleeps, whatever its traffic.", most=32),
            "holidays": listed(
                {"type": "string", "format": "date"},
                "Local dates on which the windows do not count.",
                most=64,
            ),
        },
        "When workloads are kept awake. CronJobs are suspended outside of it.",
        **{"x-kubernetes-validations": [zone]},
    )


def order() -> Schema:
    entry = record(
        {
            "kind": text("Kind of the workload.", most=63),
            "name": text("Name of the workload.", most=253),
            "wakeAfter": listed(
                text("The name of a workload of the same namespace.", most=253),
                "Workloads that must be awake and ready before this one wakes, and that sleep only after it.",
                most=16,
                kind="set",
            ),
        },
        "What one workload waits for.",
        required=["kind", "name"],
        **{
            "x-kubernetes-validations": [
                rule(
                    "!has(self.wakeAfter) || !(self.name in self.wakeAfter)",
                    "a workload cannot wait for itself",
                    ".wakeAfter",
                )
            ]
        },
    )
    return listed(entry, "Order among workloads that depend on each other, inside one namespace.", most=64)


def scale_to_zero() -> Schema:
    properties = {
        "idleAfter": duration(
            "Sleep after this long of proven silence, 5m at least. Left out, the schedule alone decides."
        ),
        "traffic": traffic(),
        "schedule": schedule(),
        "gracePeriod": duration("Announce a sleep this long before it happens.", default="0s"),
        "minAwake": duration("Stay awake at least this long after waking.", default="15m"),
        "keepAwakeUntil": {
            "type": "string",
            "format": "date-time",
            "description": "Until then nothing sleeps, and what sleeps is woken.",
        },
        "order": order(),
    }
    rules = [
        rule(
            "!has(self.idleAfter) || duration(self.idleAfter) >= duration('5m')",
            "idleAfter must be at least 5m",
            ".idleAfter",
        ),
        rule("has(self.idleAfter) || !has(self.traffic)", "traffic needs idleAfter", ".traffic"),
        rule(
            "has(self.idleAfter) || (has(self.schedule) && has(self.schedule.keepAwake) "
            "&& size(self.schedule.keepAwake) > 0)",
            "set idleAfter, or a schedule with keepAwake windows, or both",
            ".idleAfter",
        ),
    ]
    return record(
        properties,
        "Scale workloads to zero while nobody uses them.",
        **{"x-kubernetes-validations": rules},
    )
