"""Writes a kubeconfig with one context a cluster, its CA embedded and a bearer token."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """How to reach one cluster: `server` is the URL with its path prefix."""

    server: str
    token: str
    ca_pem: bytes
    namespace: str = ""


def kubeconfig(contexts: Mapping[str, Context], *, current: str | None = None) -> dict[str, Any]:
    """The kubeconfig as a dict; the first context is current unless told otherwise."""
    first = current or next(iter(contexts), "")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": context.server,
                    "certificate-authority-data": base64.b64encode(context.ca_pem).decode(),
                },
            }
            for name, context in contexts.items()
        ],
        "users": [{"name": name, "user": {"token": context.token}} for name, context in contexts.items()],
        "contexts": [
            {
                "name": name,
                "context": {"cluster": name, "user": name}
                | ({"namespace": context.namespace} if context.namespace else {}),
            }
            for name, context in contexts.items()
        ],
        "current-context": first,
    }


def write_kubeconfig(path: Path, *, contexts: Mapping[str, Context], current: str | None = None) -> None:
    """Write the kubeconfig, readable by its owner alone, in one step so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(kubeconfig(contexts, current=current), file, sort_keys=False)
    draft.replace(path)
