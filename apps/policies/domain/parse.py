"""A policy's object -> a Spec. Every bad field is named: what the CRD's schema and CEL cannot catch, and what they
would have caught, for objects that were written before the schema was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apps.kernel.decisions import PolicyRef
from apps.policies.domain.parse_rule import parse_scale_to_zero
from apps.policies.domain.reading import Problems, as_list, as_map, as_text, label_selector, moment, one_of
from apps.policies.domain.spec import Exemption, Mode, Override, Spec, Target

KINDS = ("Deployment", "StatefulSet", "CronJob")


def policy_ref(obj: Mapping[str, Any]) -> PolicyRef:
    """Who the policy is; never fails."""
    meta = obj.get("metadata") or {}
    return PolicyRef(
        str(obj.get("kind", "ResourcePolicy")),
        str(meta.get("namespace") or ""),
        str(meta.get("name") or ""),
        str(meta.get("uid") or ""),
        int(meta.get("generation") or 0),
    )


def parse(obj: Mapping[str, Any]) -> Spec:
    """The Spec of a ResourcePolicy or ClusterResourcePolicy; InvalidInput with one cause for each bad field."""
    problems = Problems()
    ref = policy_ref(obj)
    raw = as_map(obj.get("spec"), "spec", problems)
    spec = Spec(
        ref,
        targets=_targets(raw, problems),
        rule=parse_scale_to_zero(as_map(raw.get("scaleToZero"), "spec.scaleToZero", problems), problems),
        mode=Mode(one_of(raw.get("mode", "DryRun"), [m.value for m in Mode], "spec.mode", problems)),
        priority=_priority(raw.get("priority", 100), problems),
        suspended=bool(raw.get("suspend", False)),
        approval=one_of(raw.get("approval", "None"), ["None", "Required"], "spec.approval", problems) == "Required",
        exemptions=_exemptions(raw, problems),
        overrides=_overrides(raw, ref, problems),
    )
    problems.raise_if_any(ref.key)
    return spec


def _priority(value: Any, problems: Problems) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1000:
        problems.add("spec.priority", f"{value!r} is not a whole number from 0 to 1000")
        return 0
    return value


def _targets(raw: Mapping[str, Any], problems: Problems) -> tuple[Target, ...]:
    found = as_list(raw.get("targets"), "spec.targets", problems)
    if not found:
        problems.add("spec.targets", "at least one target is needed")
    return tuple(_target(as_map(item, f"spec.targets[{i}]", problems), i, problems) for i, item in enumerate(found))


def _target(item: Mapping[str, Any], index: int, problems: Problems) -> Target:
    path = f"spec.targets[{index}]"
    kinds = [as_text(kind, f"{path}.kinds", problems) for kind in as_list(item.get("kinds"), f"{path}.kinds", problems)]
    if not kinds:
        problems.add(f"{path}.kinds", "at least one kind is needed")
    for kind in kinds:
        if kind not in KINDS:
            problems.add(f"{path}.kinds", f"scaleToZero works on Deployment, StatefulSet and CronJob, not on {kind!r}")
    names = as_list(item.get("excludeNames", []), f"{path}.excludeNames", problems)
    return Target(
        frozenset(kinds),
        label_selector(item.get("selector"), f"{path}.selector", problems),
        label_selector(item.get("namespaceSelector"), f"{path}.namespaceSelector", problems),
        frozenset(as_text(name, f"{path}.excludeNames", problems) for name in names),
    )


def _exemptions(raw: Mapping[str, Any], problems: Problems) -> tuple[Exemption, ...]:
    found = []
    for i, item in enumerate(as_list(raw.get("exceptions", []), "spec.exceptions", problems)):
        path = f"spec.exceptions[{i}]"
        one = as_map(item, path, problems)
        if not one.get("reason"):
            problems.add(f"{path}.reason", "an exception needs a reason")
        expires = moment(one.get("expiresAt"), f"{path}.expiresAt", problems)
        found.append(
            Exemption(
                as_text(one.get("name"), f"{path}.name", problems),
                str(one.get("reason", "")),
                expires or datetime.min.replace(tzinfo=UTC),
                label_selector(one.get("selector"), f"{path}.selector", problems),
                label_selector(one.get("namespaceSelector"), f"{path}.namespaceSelector", problems),
            )
        )
    return tuple(found)


def _overrides(raw: Mapping[str, Any], ref: PolicyRef, problems: Problems) -> tuple[Override, ...]:
    items = as_list(raw.get("namespaceOverrides", []), "spec.namespaceOverrides", problems)
    if items and ref.kind != "ClusterResourcePolicy":
        problems.add("spec.namespaceOverrides", "only a ClusterResourcePolicy covers more than one namespace")
    found = []
    for i, item in enumerate(items):
        path = f"spec.namespaceOverrides[{i}]"
        one = as_map(item, path, problems)
        if ("namespaces" in one) == ("selector" in one):
            problems.add(path, "set exactly one of namespaces and selector")
        mode = Mode(one_of(one.get("mode"), [m.value for m in Mode], f"{path}.mode", problems))
        if "namespaces" in one:
            names = as_list(one["namespaces"], f"{path}.namespaces", problems)
            found.append(Override(mode, frozenset(as_text(n, f"{path}.namespaces", problems) for n in names)))
        else:
            found.append(Override(mode, None, label_selector(one.get("selector"), f"{path}.selector", problems)))
    return tuple(found)
