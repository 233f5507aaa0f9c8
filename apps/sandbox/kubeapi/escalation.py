"""RBAC's own guard: nobody makes a role or a binding that grants more than they hold."""

from __future__ import annotations

import json

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
        groups = json.dumps(list(user.groups))
        why = (
            f'user "{user.name}" (groups={groups}) is attempting to grant RBAC permissions not currently held:\n'
            + "\n".join(missing)
        )
        raise errors.forbidden(_GROUP, plural=resource.plural, name=name, why=why)


def _missing(cluster: Cluster, *, user: User, namespace: str, rules: list[Obj]) -> list[str]:
    """The parts of the rules that the user does not hold, one line a rule, as the real server sums them up."""
    held = list(cluster.authorizer.rules(user, namespace=namespace))
    lines = []
    for rule in rules:
        lacking = sorted({verb for verb in rule.get("verbs") or () if not _covered(rule, verb, held)})
        if lacking:
            lines.append(_line(rule, lacking))
    return lines


def _covered(rule: Obj, verb: str, held: list[Obj]) -> bool:
    for path in rule.get("nonResourceURLs") or ():
        if not any(rule_allows(own, asked=Attributes(verb=verb, path=path)) for own in held):
            return False
    for group in rule.get("apiGroups") or ():
        for entry in rule.get("resources") or ():
            plural, _, sub = entry.partition("/")
            for name in rule.get("resourceNames") or ("",):
                asked = Attributes(verb=verb, group=group, resource=plural, subresource=sub, name=name)
                if not any(rule_allows(own, asked=asked) for own in held):
                    return False
    return True


def _line(rule: Obj, verbs: list[str]) -> str:
    parts = []
    for label, key in (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
    ):
        if rule.get(key):
            parts.append(f"{label}:{json.dumps(rule[key])}")
    parts.append(f"Verbs:{json.dumps(verbs)}")
    return "{" + ", ".join(parts) + "}"
