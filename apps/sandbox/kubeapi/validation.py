"""What the built-in kinds must obey, and what of them may never change: the checks that clients run into.

Sentences are those of k8s.io/kubernetes v1.36 `pkg/apis/*/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi import quantity
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.selectors import of_label_selector
from apps.sandbox.kubeapi.validation_meta import dns_1035
from apps.sandbox.kubeapi.validation_pods import (
    validate_pod_spec,
    validate_pod_update,
    validate_template,
)

_NOT_NEGATIVE = "must be greater than or equal to 0"
_IMMUTABLE = "field is immutable"
_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_KEY_SAID = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_CRON = re.compile(r"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every .+|\S+(\s+\S+){4})$")


def _not_negative(spec: Mapping[str, Any], *names: str, path: str = "spec") -> list[Cause]:
    return [
        fe.invalid(f"{path}.{name}", value=spec[name], detail=_NOT_NEGATIVE)
        for name in names
        if isinstance(spec.get(name), int) and spec[name] < 0
    ]


def _selector_and_template(spec: Obj, restart: tuple[str, ...]) -> list[Cause]:
    found: list[Cause] = []
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector is None:
        found.append(fe.required("spec.selector"))
    if selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions")):
        found.append(fe.invalid("spec.selector", value=selector, detail="empty selector is invalid for deployment"))
    elif selector is None or not of_label_selector(selector)(labels):
        said = "`selector` does not match template `labels`"
        shown = dict(sorted(labels.items())) or None
        found.append(fe.invalid("spec.template.metadata.labels", value=shown, detail=said))
    claims = [(claim.get("metadata") or {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()]
    return found + validate_template(template, path="spec.template", restart=restart, claims=claims)


def _deployment(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    found = _not_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    kind = spec["strategy"].get("type")
    if kind not in ("Recreate", "RollingUpdate"):
        shown = {"Type": kind, "RollingUpdate": spec["strategy"].get("rollingUpdate")}
        found.append(fe.unsupported("spec.strategy", value=shown, allowed=("Recreate", "RollingUpdate")))
    elif kind == "Recreate" and spec["strategy"].get("rollingUpdate") is not None:
        said = "may not be specified when strategy `type` is 'Recreate'"
        found.append(fe.forbidden("spec.strategy.rollingUpdate", detail=said))
    return found + _selector_and_template(spec, ("Always",))


def _replicated(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    return _not_negative(spec, "replicas", "minReadySeconds") + _selector_and_template(spec, ("Always",))


def _job(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    found = _not_negative(spec, "parallelism", "completions", "backoffLimit", "activeDeadlineSeconds")
    return found + validate_template(spec.get("template") or {}, path="spec.template", restart=("OnFailure", "Never"))


def _cronjob(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    found: list[Cause] = []
    schedule = spec.get("schedule", "")
    if not schedule:
        found.append(fe.required("spec.schedule"))
    elif not _CRON.match(schedule):
        count = len(schedule.split())
        said = f"expected exactly 5 fields, found {count}: [{schedule}]"
        found.append(fe.invalid("spec.schedule", value=schedule, detail=said))
    zone = spec.get("timeZone")
    if zone is not None and zone not in available_timezones():
        found.append(fe.invalid("spec.timeZone", value=zone, detail=f"unknown time zone {zone}"))
    if spec.get("concurrencyPolicy") not in ("Allow", "Forbid", "Replace"):
        allowed = ("Allow", "Forbid", "Replace")
        found.append(fe.unsupported("spec.concurrencyPolicy", value=spec.get("concurrencyPolicy"), allowed=allowed))
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    return found + validate_template(template, path="spec.jobTemplate.spec.template", restart=("OnFailure", "Never"))


def _service(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    found: list[Cause] = []
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec["type"] not in kinds:
        found.append(fe.unsupported("spec.type", value=spec["type"], allowed=kinds))
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            found.append(fe.required("spec.externalName"))
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        found.append(fe.required("spec.ports"))
    names: set[str] = set()
    for index, port in enumerate(spec.get("ports") or ()):
        found += _service_port(port, f"spec.ports[{index}]", many=len(spec["ports"]) > 1, names=names)
    return found


def _service_port(port: Obj, path: str, *, many: bool, names: set[str]) -> list[Cause]:
    found = []
    name, number = port.get("name", ""), port.get("port", 0)
    if many and not name:
        found.append(fe.required(f"{path}.name"))
    elif name:
        found += [fe.invalid(f"{path}.name", value=name, detail=said) for said in dns_1035(name)]
        if name in names:
            found.append(fe.duplicate(f"{path}.name", value=name))
        names.add(name)
    if not 1 <= number <= 65535:
        found.append(fe.invalid(f"{path}.port", value=number, detail="must be between 1 and 65535, inclusive"))
    return found


def _data(obj: Obj) -> list[Cause]:
    keys = [*(obj.get("data") or {}), *(obj.get("binaryData") or {})]
    return [
        fe.invalid(f"data[{key}]", value=key, detail=_KEY_SAID) for key in keys if not _KEY.match(key) or len(key) > 253
    ]


def _hpa(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    found: list[Cause] = []
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 1:
        found.append(fe.invalid("spec.minReplicas", value=least, detail="must be greater than or equal to 1"))
    if most < 1:
        found.append(fe.required("spec.maxReplicas", detail="must be set and greater than 0"))
    if most < least:
        said = "must be greater than or equal to `minReplicas`"
        found.append(fe.invalid("spec.maxReplicas", value=most, detail=said))
    target = spec.get("scaleTargetRef") or {}
    return found + [fe.required(f"spec.scaleTargetRef.{key}") for key in ("kind", "name") if not target.get(key)]


def _pdb(obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        said = "minAvailable and maxUnavailable cannot be both set"
        names = ("MinAvailable", "Selector", "MaxUnavailable", "UnhealthyPodEvictionPolicy")
        shown = {name: spec.get(name[0].lower() + name[1:]) for name in names}
        return [fe.invalid("spec", value=shown, detail=said)]
    return _not_negative(spec, "minAvailable", "maxUnavailable")


def _quota(obj: Obj) -> list[Cause]:
    return [
        fe.invalid(f"spec.hard[{name}]", value=str(text), detail=_NOT_NEGATIVE)
        for name, text in ((obj.get("spec") or {}).get("hard") or {}).items()
        if quantity.parse(str(text)) < 0
    ]


def _claim(obj: Obj) -> list[Cause]:
    spec = obj["spec"]
    found: list[Cause] = []
    if not spec.get("accessModes"):
        found.append(fe.required("spec.accessModes", detail="at least 1 access mode is required"))
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        found.append(fe.required("spec.resources[storage]"))
    return found


def _binding(obj: Obj) -> list[Cause]:
    found: list[Cause] = []
    ref = obj.get("roleRef") or {}
    if ref.get("kind") not in ("Role", "ClusterRole"):
        found.append(fe.unsupported("roleRef.kind", value=ref.get("kind", ""), allowed=("Role", "ClusterRole")))
    if not ref.get("name"):
        found.append(fe.required("roleRef.name"))
    for index, subject in enumerate(obj.get("subjects") or ()):
        if not subject.get("name"):
            found.append(fe.required(f"subjects[{index}].name"))
        cluster_wide = "namespace" not in obj["metadata"]
        if cluster_wide and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            found.append(fe.required(f"subjects[{index}].namespace"))
    return found


def _role(obj: Obj) -> list[Cause]:
    found = []
    for index, rule in enumerate(obj.get("rules") or ()):
        if not rule.get("verbs"):
            found.append(fe.required(f"rules[{index}].verbs", detail="verbs must contain at least one value"))
        if not rule.get("nonResourceURLs"):
            if not rule.get("apiGroups"):
                said = "resource rules must supply at least one api group"
                found.append(fe.required(f"rules[{index}].apiGroups", detail=said))
            if not rule.get("resources"):
                said = "resource rules must supply at least one resource"
                found.append(fe.required(f"rules[{index}].resources", detail=said))
    return found


def _pod(obj: Obj) -> list[Cause]:
    return validate_pod_spec(obj["spec"], path="spec")


def _ingress(obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        return [fe.invalid("spec", value={}, detail="either `defaultBackend` or `rules` must be specified")]
    found = []
    for index, rule in enumerate(spec.get("rules") or ()):
        for number, entry in enumerate((rule.get("http") or {}).get("paths") or ()):
            here = f"spec.rules[{index}].http.paths[{number}]"
            if not entry.get("pathType"):
                found.append(fe.required(f"{here}.pathType", detail="pathType must be specified"))
    return found


Check = Callable[[Obj], list[Cause]]
_CHECKS: dict[tuple[str, str], Check] = {
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "configmaps"): _data,
    ("", "secrets"): _data,
    ("", "resourcequotas"): _quota,
    ("", "persistentvolumeclaims"): _claim,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replicated,
    ("apps", "statefulsets"): _replicated,
    ("apps", "daemonsets"): _replicated,
    ("batch", "jobs"): _job,
    ("batch", "cronjobs"): _cronjob,
    ("autoscaling", "horizontalpodautoscalers"): _hpa,
    ("policy", "poddisruptionbudgets"): _pdb,
    ("networking.k8s.io", "ingresses"): _ingress,
    ("rbac.authorization.k8s.io", "rolebindings"): _binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _binding,
    ("rbac.authorization.k8s.io", "roles"): _role,
    ("rbac.authorization.k8s.io", "clusterroles"): _role,
}


def validate(key: tuple[str, str], *, obj: Obj) -> list[Cause]:
    """What is wrong with an object of this storage key, its metadata apart."""
    check = _CHECKS.get(key)
    return check(obj) if check else []


def _immutable(new: Obj, old: Obj, *paths: str) -> list[Cause]:
    found = []
    for path in paths:
        before, after = _at(old, path), _at(new, path)
        if before != after:
            found.append(fe.invalid(path, value=after, detail=_IMMUTABLE))
    return found


def _at(obj: Obj, path: str) -> Any:
    node: Any = obj
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


_STATEFULSET_FREE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_STATEFULSET_SAID = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def _statefulset_update(new: Obj, old: Obj) -> list[Cause]:
    fixed = [{k: v for k, v in obj["spec"].items() if k not in _STATEFULSET_FREE} for obj in (new, old)]
    return [] if fixed[0] == fixed[1] else [fe.forbidden("spec", detail=_STATEFULSET_SAID)]


def _data_update(new: Obj, old: Obj) -> list[Cause]:
    if not old.get("immutable"):
        return []
    found = []
    if not new.get("immutable"):
        found.append(fe.forbidden("immutable", detail="field is immutable when `immutable` is set"))
    for key in ("data", "binaryData"):
        if new.get(key) != old.get(key):
            found.append(fe.forbidden(key, detail="field is immutable when `immutable` is set"))
    return found


def _secret_update(new: Obj, old: Obj) -> list[Cause]:
    return _immutable(new, old, "type") + _data_update(new, old)


def _service_update(new: Obj, old: Obj) -> list[Cause]:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and before != after and new["spec"]["type"] != "ExternalName":
        said = "may not change once set"
        return [fe.invalid("spec.clusterIPs[0]", value=[after] if after else None, detail=said)]
    return []


def _binding_update(new: Obj, old: Obj) -> list[Cause]:
    if new.get("roleRef") != old.get("roleRef"):
        ref = new.get("roleRef") or {}
        shown = {"APIGroup": ref.get("apiGroup", ""), "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
        return [fe.invalid("roleRef", value=shown, detail="cannot change roleRef")]
    return []


_CLAIM_SAID = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def _claim_update(new: Obj, old: Obj) -> list[Cause]:
    free = ("resources", "volumeName", "volumeAttributesClassName")
    fixed = [{k: v for k, v in obj["spec"].items() if k not in free} for obj in (new, old)]
    return [] if fixed[0] == fixed[1] else [fe.forbidden("spec", detail=_CLAIM_SAID)]


_UPDATES: dict[tuple[str, str], Callable[[Obj, Obj], list[Cause]]] = {
    ("", "pods"): lambda new, old: validate_pod_update(new, old=old),
    ("", "configmaps"): _data_update,
    ("", "secrets"): _secret_update,
    ("", "services"): _service_update,
    ("", "persistentvolumeclaims"): _claim_update,
    ("apps", "deployments"): lambda new, old: _immutable(new, old, "spec.selector"),
    ("apps", "replicasets"): lambda new, old: _immutable(new, old, "spec.selector"),
    ("apps", "daemonsets"): lambda new, old: _immutable(new, old, "spec.selector"),
    ("apps", "statefulsets"): _statefulset_update,
    ("batch", "jobs"): lambda new, old: _immutable(new, old, "spec.completionMode", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "rolebindings"): _binding_update,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _binding_update,
}


def validate_update(key: tuple[str, str], *, new: Obj, old: Obj) -> list[Cause]:
    """What of the change is not allowed, for an object of this storage key."""
    check = _UPDATES.get(key)
    return check(new, old) if check else []
