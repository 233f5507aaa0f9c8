"""Field labels that a field selector may name, by kind, each with the path it reads and what an absent one counts as.

They are those of the strategies' `ToSelectableFields`; `path|value` gives the value of an absent field.
"""

from __future__ import annotations

SELECTABLE: dict[tuple[str, str], dict[str, str]] = {
    ("", "pods"): {
        name: name
        for name in (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        )
    }
    | {"spec.hostNetwork": "spec.hostNetwork|false"},
    ("", "events"): {
        name: name
        for name in (
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "type",
        )
    }
    | {"source": "source.component"},
    ("", "namespaces"): {"name": "metadata.name", "status.phase": "status.phase"},
    ("", "nodes"): {"spec.unschedulable": "spec.unschedulable|false"},
    ("", "secrets"): {"type": "type"},
    ("", "services"): {"spec.clusterIP": "spec.clusterIP", "spec.type": "spec.type"},
    ("batch", "jobs"): {"status.successful": "status.succeeded|0"},
    ("apps", "replicasets"): {"status.replicas": "status.replicas|0"},
}
