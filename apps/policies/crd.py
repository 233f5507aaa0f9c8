"""The CustomResourceDefinitions of ResourcePolicy and ClusterResourcePolicy, both from this one source.

They differ in scope, in `targets[].namespaceSelector`, `exceptions[].namespaceSelector` and `namespaceOverrides`, and
in nothing else. `deploy/crds/` holds what `definitions()` gives, as YAML; a test keeps them equal.

CEL has a cost budget: every text, list and map that a rule reads carries a maximum. No field stands here before code
obeys it.
"""

from __future__ import annotations

from apps.kernel.kinds import CLUSTER_RESOURCE_POLICY, RESOURCE_POLICY, Kind
from apps.policies.crd_parts import Schema, label_selector, listed, record, rule, text
from apps.policies.crd_rule import scale_to_zero
from apps.policies.crd_status import STATUS

KINDS = ("Deployment", "StatefulSet", "CronJob")
MODES = ["DryRun", "Warn", "Enforce"]


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


def _conduct() -> Schema:
    """How a policy acts, whatever its rule."""
    return {
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
    }


def spec(*, cluster: bool) -> Schema:
    properties = {
        "targets": targets(cluster=cluster),
        **_conduct(),
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
