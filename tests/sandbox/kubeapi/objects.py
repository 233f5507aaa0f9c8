"""Small objects for tests."""

from __future__ import annotations

from typing import Any

from apps.sandbox.kubeapi.errors import Obj


def make_config_map(name: str, *, namespace: str = "default", data: dict[str, str] | None = None, **meta: Any) -> Obj:
    """A ConfigMap."""
    return {"metadata": {"name": name, "namespace": namespace, **meta}, "data": data or {"a": "1"}}


def make_pod(name: str, *, namespace: str = "default", node: str = "", requests: dict[str, str] | None = None,
             **meta: Any) -> Obj:  # fmt: skip
    """A pod of one container."""
    spec: Obj = {"containers": [{"name": "main", "image": "nginx:1", "resources": {"requests": requests or {}}}]}
    return {
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": spec | ({"nodeName": node} if node else {}),
    }


def make_deployment(name: str, *, namespace: str = "default", replicas: int | None = 1) -> Obj:
    """A Deployment of one container."""
    labels = {"app": name}
    body: Obj = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
        },
    }
    if replicas is not None:
        body["replicas"] = replicas
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": body}


def make_policy(name: str = "nights", *, namespace: str = "default", **spec: Any) -> Obj:
    """A ResourcePolicy that puts Deployments to sleep after 2 h; `spec` replaces parts of its spec."""
    body = {"targets": [{"kinds": ["Deployment"]}], "scaleToZero": {"idleAfter": "2h"}, **spec}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": body}
