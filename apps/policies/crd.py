"""The CustomResourceDefinitions of ResourcePolicy and ClusterResourcePolicy, both from this one source.

They differ in scope, in `targets[].namespaceSelector`, `exceptions[].namespaceSelector` and `namespaceOverrides`, and
in nothing else. `deploy/crds/` holds what `definitions()` gives, as YAML; a test keeps them equal.

CEL has a cost budget: every text, list and map that a rule reads carries a maximum. No field stands here before code
obeys it.
"""

from __future__ import annotations

from typing import Any

from apps.kernel.kinds import CLUSTER_RESOURCE_POLICY, RESOURCE_POLICY, Kind
from apps.policies.crd_status import STATUS

Schema = dict[str, Any]

KINDS = ("Deployment", "StatefulSet", "CronJob")
MODES = ["DryRun", "Warn", "Enforce"]
SOURCES = ["IngressNginx", "Istio", "Linkerd", "Traefik", "EnvoyGateway", "Query"]
DURATION = r"^([0-9]{1,5}(h|m|s)){1,3}$"
CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
CLOCK_END = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def text(description: str, *, most: int, **more: Any) -> Schema:
    return {"type": "string", "maxLength": most, **more, "description": description}


def duration(description: str, **more: Any) -> Schema:
    return text(description, most=20, pattern=DURATION, **more)


def listed(item: Schema, description: str, *, most: int, kind: str = "atomic", **more: Any) -> Schema:
    return {
        "type": "array",
        "maxItems": most,
        "items": item,
        "x-kubernetes-list-type": kind,
        **more,
        "description": description,
    }


def record(properties: Schema, description: str, **more: Any) -> Schema:
    return {"type": "object", "properties": properties, **more, "description": description}


def rule(cel: str, message: str, field: str = "") -> Schema:
    return {"rule": cel, "message": message, **({"fieldPath": field} if field else {})}


def label_selector(description: str) -> Schema:
    expression = record(
        {
            "key": text("The label's key.", most=317),
            "operator": {
                "type": "string",
                "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                "description": "How the label's value relates to values.",
            },
            "values": listed(
                text("A label value.", most=63),
                "Values for In and NotIn; must be empty for Exists and DoesNotExist.",
                most=64,
            ),
        },
        "One requirement; all of them must hold.",
        required=["key", "operator"],
    )
    return record(
        {
            "matchLabels": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 63},
                "maxProperties": 32,
                "description": "Labels that must have exactly these values.",
            },
            "matchExpressions": listed(expression, "Requirements on labels; all must hold.", most=16),
        },
        description,
        **{
            "x-kubernetes-validations": [
                rule(
                    "!has(self.matchExpressions) || self.matchExpressions.all(e, "
                    "(e.operator in ['In', 'NotIn']) == (has(e.values) && size(e.values) > 0))",
                    "values goes with In and NotIn, and only with them",
                    ".matchExpressions",
                )
            ]
        },
    )


def targets(*, cluster: bool) -> Schema:
    properties = {
        "kinds": listed(
            text("A kind: Deployment, StatefulSet or CronJob.", most=40),
            "Kinds of workload this target covers.",
            most=16,
            minItems=1,
        ),
        "selector": label_selector("Labels of the workload itself; empty or absent means every workload."),
        "excludeNames": listed(
            text("The name of a workload.", most=253), "Names of workloads this target leaves out.", most=64
        ),
    }
    if cluster:
        properties["namespaceSelector"] = label_selector(
            "Labels of the namespace; absent means every namespace that is not protected."
        )
    target = record(properties, "Workloads of these kinds with these labels.", required=["kinds"])
    return listed(target, "What the policy covers: a workload that any of these covers.", most=16, minItems=1)


def exceptions(*, cluster: bool) -> Schema:
    properties = {
        "name": text("Names the exception in decisions.", most=63, minLength=1),
        "reason": text("Why these are left alone; shown wherever the exception is.", most=512, minLength=1),
        "expiresAt": {
            "type": "string",
            "format": "date-time",
            "description": "From then on the exception no longer applies.",
        },
        "selector": label_selector("Labels of the workloads that are left alone; an empty one covers every workload."),
    }
    if cluster:
        properties["namespaceSelector"] = label_selector("Labels of the namespaces it is limited to.")
    one = record(properties, "Workloads left alone for a time.", required=["name", "reason", "expiresAt", "selector"])
    return listed(
        one,
        "Workloads left alone, each with a reason and an end. One that sleeps is woken.",
        most=64,
        kind="map",
        **{"x-kubernetes-list-map-keys": ["name"]},
    )


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
    return record(
        properties,
        "Where requests are counted. With idleAfter set and this absent, ingress-nginx.",
        **{"x-kubernetes-validations": [has_query, paths, agents]},
    )


def schedule() -> Schema:
    window = record(
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
    zone = rule(
        "timestamp('2026-01-01T00:00:00Z').getHours(self.timeZone) >= 0",
        "timeZone must be a time zone of the IANA database",
        ".timeZone",
    )
    return record(
        {
            "timeZone": text("IANA name, such as Europe/Berlin.", most=64, default="UTC"),
            "keepAwake": listed(window, "Windows in which nothing sleeps, whatever its traffic.", most=32),
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


def overrides() -> Schema:
    entry = record(
        {
            "namespaces": listed(text("The name of a namespace.", most=63), "Namespaces by name.", most=64),
            "selector": label_selector("Namespaces by their labels."),
            "mode": {"type": "string", "enum": MODES, "description": "The mode there."},
        },
        "Another mode for some namespaces.",
        required=["mode"],
        **{
            "x-kubernetes-validations": [
                rule("has(self.namespaces) != has(self.selector)", "set exactly one of namespaces and selector")
            ]
        },
    )
    return listed(entry, "Another mode in some namespaces; the first that covers a namespace counts.", most=32)


def spec(*, cluster: bool) -> Schema:
    properties = {
        "targets": targets(cluster=cluster),
        "mode": {
            "type": "string",
            "enum": MODES,
            "default": "DryRun",
            "description": "DryRun records what would be done, Warn adds an Event and a notice, Enforce does it.",
        },
        "priority": {
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "default": 100,
            "description": "Of two policies that cover one workload the higher one counts; at a tie it stays awake.",
        },
        "suspend": {
            "type": "boolean",
            "default": False,
            "description": "Stop the policy; what it put to sleep is woken.",
        },
        "approval": {
            "type": "string",
            "enum": ["None", "Required"],
            "default": "None",
            "description": "Required: in mode Enforce, a person approves each sleep. Waking never needs approval.",
        },
        "exceptions": exceptions(cluster=cluster),
        "scaleToZero": scale_to_zero(),
    }
    if cluster:
        properties["namespaceOverrides"] = overrides()
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    return record(
        properties,
        "What is wanted.",
        required=["targets", "scaleToZero"],
        **{
            "x-kubernetes-validations": [
                rule(
                    f"self.targets.all(t, t.kinds.all(k, k in [{kinds}]))",
                    "scaleToZero works on Deployment, StatefulSet and CronJob",
                    ".targets",
                )
            ]
        },
    )


COLUMNS: list[Schema] = [
    {"name": "Rule", "type": "string", "jsonPath": ".status.rule"},
    {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Matched", "type": "integer", "jsonPath": ".status.matched"},
    {"name": "Asleep", "type": "integer", "jsonPath": ".status.asleep"},
    {"name": "Suspended", "type": "boolean", "jsonPath": ".spec.suspend", "priority": 1},
    {"name": "Reason", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].reason', "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def definition(kind: Kind, *, short_name: str) -> Schema:
    cluster = not kind.namespaced
    what = "in every namespace of the cluster" if cluster else "in its namespace"
    schema = record(
        {"spec": spec(cluster=cluster), "status": STATUS},
        f"{kind.kind} says how Plimsoll governs workloads {what}.",
        required=["spec"],
    )
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": COLUMNS,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.qualified},
        "spec": {
            "group": kind.group,
            "scope": "Cluster" if cluster else "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [short_name],
                "categories": ["plimsoll"],
            },
            "versions": [version],
        },
    }


def definitions() -> list[Schema]:
    """Both CustomResourceDefinitions, ready to apply."""
    return [
        definition(RESOURCE_POLICY, short_name="rpol"),
        definition(CLUSTER_RESOURCE_POLICY, short_name="crpol"),
    ]
