"""Who may do what: the RBAC authorizer over the Roles and bindings in the store.

The rules are those of k8s.io/kubernetes `plugin/pkg/auth/authorizer/rbac`: the union of all bound rules, no denial, and
members of system:masters may do everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.builtin import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from apps.sandbox.kubeapi.errors import Forbidden, Obj
from apps.sandbox.kubeapi.request import User
from apps.sandbox.kubeapi.store import Store

MASTERS = "system:masters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is asked: a verb on a resource, or on a path when `path` is set. `namespace` "" is the cluster."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """`deployments/scale`, or `deployments`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def rule_allows(rule: Obj, *, asked: Attributes) -> bool:
    """Whether one PolicyRule grants what is asked."""
    if not _any(rule.get("verbs"), asked.verb):
        return False
    if asked.path:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    if not _any(rule.get("apiGroups"), asked.group) or not _resource_matches(rule, asked):
        return False
    names = rule.get("resourceNames")
    return not names or asked.name in names


def _any(values: list[str] | None, wanted: str) -> bool:
    return bool(values) and ("*" in values or wanted in values)  # type: ignore[operator]


def _resource_matches(rule: Obj, asked: Attributes) -> bool:
    for entry in rule.get("resources") or ():
        if entry in ("*", asked.full_resource):
            return True
        if asked.subresource and entry == f"*/{asked.subresource}":
            return True
    return False


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in ("*", path):
        return True
    return pattern.endswith("*") and path.startswith(pattern[:-1])


def _subject_matches(subject: Obj, *, user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "User":
        return name == user.name
    if kind == "Group":
        return name in user.groups
    space = subject.get("namespace") or namespace
    return bool(space) and user.name == f"system:serviceaccount:{space}:{name}"


class Authorizer:
    """Answers from the store as it is now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, *, asked: Attributes) -> bool:
        """Whether the user may."""
        if MASTERS in user.groups:
            return True
        return any(rule_allows(rule, asked=asked) for rule in self.rules(user, namespace=asked.namespace))

    def rules(self, user: User, *, namespace: str) -> Iterator[Obj]:
        """Every rule that binds the user in this namespace ("" is cluster-wide rules alone)."""
        for binding in self._store.items(CLUSTERROLEBINDINGS):
            if self._bound(binding, user=user, namespace=""):
                yield from self.role_rules(binding["roleRef"], namespace="")
        if namespace:
            for binding in self._store.items(ROLEBINDINGS, namespace=namespace):
                if self._bound(binding, user=user, namespace=namespace):
                    yield from self.role_rules(binding["roleRef"], namespace=namespace)

    @staticmethod
    def _bound(binding: Obj, *, user: User, namespace: str) -> bool:
        subjects = binding.get("subjects") or ()
        return any(_subject_matches(subject, user=user, namespace=namespace) for subject in subjects)

    def role_rules(self, ref: Obj, *, namespace: str) -> list[Obj]:
        """The rules of a role that a binding refers to; none when it does not exist."""
        if ref.get("kind") == "ClusterRole":
            role = self._store.find(CLUSTERROLES, name=ref.get("name", ""))
        else:
            role = self._store.find(ROLES, namespace=namespace, name=ref.get("name", ""))
        return list((role or {}).get("rules") or ())

    def require(self, user: User, *, asked: Attributes) -> None:
        """Raise Forbidden, with the real server's sentence, unless the user may."""
        if self.allows(user, asked=asked):
            return
        if asked.path:
            raise Forbidden(f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"', details={})
        where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        why = (
            f'User "{user.name}" cannot {asked.verb} resource "{asked.full_resource}" '
            f'in API group "{asked.group}" {where}'
        )
        raise errors.forbidden(asked.group, plural=asked.resource, name=asked.name, why=why)
