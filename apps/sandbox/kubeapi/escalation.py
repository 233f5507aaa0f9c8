"""RBAC's own guard: nobody makes a role or a binding that grants more than they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.builtin import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.rbac import MASTERS, Attributes, rule_allows
from apps.sandbox.kubeapi.request import User
from apps.sandbox.kubeapi.resources import Resource

_GROUP = "rbac.authorization.k8s.io"


def forbid_escalation(cluster: Cluster, *, user: User, resource: Resource, obj: Obj) -> None:
    """Raise Forbidden when the role or binding grants what the user does not hold."""
    if resource.group != _GROUP or MASTERS in user.groups:
        return
    namespace = obj["metadata"].get("namespace", "")
    name = obj["metadata"].get("name", "")
    if resource.key in (ROLES.key, CLUSTERROLES.key):
        asked = Attributes(verb="escalate", group=_GROUP, resource=resource.plural, namespace=namespace, name=name)
        rules = obj.get("rules") or []
    elif resource.key in (ROLEBINDINGS.key, CLUSTERROLEBINDINGS.key):
        ref = obj.get("roleRef") or {}
        plural = "clusterroles" if ref.get("kind") == "ClusterRole" else "roles"
        role = ref.get("name", "")
        asked = Attributes(verb="bind", group=_GROUP, resource=plural, namespace=namespace, name=role)
        rules = cluster.authorizer.role_rules(ref, namespace=namespace)
    else:
        return
    if cluster.authorizer.allows(user, asked=asked):
        return
    missing = _missing(cluster, user=user, namespace=namespace, rules=rules)
    if missing:
        why = (
            f'user "{user.name}" (groups={_go_list(user.groups)}) is attempting to grant RBAC permissions '
            "not currently held:\n" + "\n".join(missing)
        )
        raise errors.forbidden(_GROUP, plural=resource.plural, name=name, why=why)


def _missing(cluster: Cluster, *, user: User, namespace: str, rules: list[Obj]) -> list[str]:
    """What of the rules the user does not hold: one line for each resource or path, as the real server breaks it up."""
    held = list(cluster.authorizer.rules(user, namespace=namespace))
    lacking: dict[tuple[str, str, str, str], set[str]] = {}
    for rule in rules:
        for verb in rule.get("verbs") or ():
            for asked in _asked(rule, verb):
                if not any(rule_allows(own, asked=asked) for own in held):
                    key = (asked.group, asked.full_resource, asked.name, asked.path)
                    lacking.setdefault(key, set()).add(verb)
    return [_line(key, sorted(verbs)) for key, verbs in sorted(lacking.items())]


def _asked(rule: Obj, verb: str) -> Iterator[Attributes]:
    for path in rule.get("nonResourceURLs") or ():
        yield Attributes(verb=verb, path=path)
    for group in rule.get("apiGroups") or ():
        for entry in rule.get("resources") or ():
            plural, _, sub = entry.partition("/")
            for name in rule.get("resourceNames") or ("",):
                yield Attributes(verb=verb, group=group, resource=plural, subresource=sub, name=name)


def _go_list(values: Iterable[str]) -> str:
    """A list of strings as Go's %q prints it."""
    return "[" + " ".join(json.dumps(value) for value in values) + "]"


def _line(key: tuple[str, str, str, str], verbs: list[str]) -> str:
    group, resource, name, path = key
    if path:
        return f"{{NonResourceURLs:{_go_list([path])}, Verbs:{_go_list(verbs)}}}"
    named = f", ResourceNames:{_go_list([name])}" if name else ""
    return f"{{APIGroups:{_go_list([group])}, Resources:{_go_list([resource])}{named}, Verbs:{_go_list(verbs)}}}"
