"""What Plimsoll puts into a cluster before it watches it, in the order it must be applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.fleet.domain.rights import READ_RIGHTS, WRITE_RIGHTS, rules
from apps.kernel.ports import JsonObject

NAMESPACE = "plimsoll-system"
ACCOUNT = "plimsoll"
TOKEN_SECRET = "plimsoll-token"  # noqa: S105  the name of an object, not a secret
READ_ROLE = "plimsoll-read"
WRITE_ROLE = "plimsoll-write"
LABELS = {"app.kubernetes.io/name": "plimsoll", "app.kubernetes.io/part-of": "plimsoll"}

ACCOUNT_NAME = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
"""Who Plimsoll is on a cluster, as audit logs and access reviews name it."""


def manifests(definitions: Iterable[Mapping[str, Any]], *, read_only: bool) -> list[JsonObject]:
    """`definitions` are the CustomResourceDefinitions; `read_only` leaves the role that writes and its binding out."""
    written = [] if read_only else [_role(WRITE_ROLE, rules(WRITE_RIGHTS)), _binding(WRITE_ROLE)]
    return [
        *(dict(definition) for definition in definitions),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": LABELS}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(ACCOUNT, NAMESPACE)},
        _role(READ_ROLE, rules(READ_RIGHTS)),
        _binding(READ_ROLE),
        *written,
        _token(),
    ]


def _named(name: str, namespace: str = "") -> JsonObject:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "labels": LABELS}


def _role(name: str, found: list[JsonObject]) -> JsonObject:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": _named(name),
        "rules": found,
    }


def _binding(role: str) -> JsonObject:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": _named(role),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
    }


def _token() -> JsonObject:
    """A token bound to the account: it lives as long as the account and this Secret do. One that expires would leave
    Plimsoll outside after a long stop, and asleep workloads with it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            **_named(TOKEN_SECRET, NAMESPACE),
            "annotations": {"kubernetes.io/service-account.name": ACCOUNT},
        },
        "type": "kubernetes.io/service-account-token",
    }
