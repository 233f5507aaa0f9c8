"""Small objects for the contract suites, and references to them."""

from __future__ import annotations

from typing import Any

from apps.kernel.vocab import ObjectRef


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap: a kind outside `kernel.kinds`, so it exercises discovery too."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, name: str, *, replicas: int = 2, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A Deployment whose pods ask for next to nothing."""
    selector = {"app": name}
    container = {"name": "main", "image": "registry.example/none:1", "resources": {"requests": {"cpu": "1m"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": selector}, "spec": {"containers": [container]}},
        },
    }


def ref(found: dict[str, Any], *, uid: str = "") -> ObjectRef:
    """The reference of an object; any incarnation unless `uid` is given."""
    group = found["apiVersion"].rpartition("/")[0]
    metadata = found["metadata"]
    return ObjectRef("contract", group, found["kind"], metadata.get("namespace", ""), metadata["name"], uid)


def version(found: dict[str, Any]) -> str:
    """The object's resourceVersion."""
    return str(found["metadata"]["resourceVersion"])
