"""ResourceQuota and LimitRange: what a namespace may hold, counted from the store itself.

Counting the live objects at each admission (not the quota's status) keeps two writers from passing together; it costs
time in proportion to the namespace's objects, and only in namespaces that have a quota.
"""

from __future__ import annotations

from decimal import Decimal

from apps.sandbox.kubeapi import errors, quantity
from apps.sandbox.kubeapi.builtin import LIMITRANGES, PERSISTENTVOLUMECLAIMS, PODS, RESOURCEQUOTAS, SERVICES
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store, WriteOptions

Usage = dict[str, Decimal]
_COUNTED = ("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "resourcequotas")
_ONE = Decimal(1)


def pod_resources(spec: Obj, *, part: str) -> Usage:
    """The requests or limits of a pod: the sum over containers, or the largest init container if that is more."""
    total: Usage = {}
    for container in spec.get("containers") or ():
        for name, text in ((container.get("resources") or {}).get(part) or {}).items():
            total[name] = total.get(name, Decimal(0)) + quantity.parse(str(text))
    for container in spec.get("initContainers") or ():
        for name, text in ((container.get("resources") or {}).get(part) or {}).items():
            total[name] = max(total.get(name, Decimal(0)), quantity.parse(str(text)))
    return total


def usage_of(resource: Resource, *, obj: Obj) -> Usage:
    """What one object takes of a quota, by the names that `spec.hard` uses."""
    found: Usage = {f"count/{resource.qualified}": _ONE}
    if resource.group == "" and resource.plural in _COUNTED:
        found[resource.plural] = _ONE
    if resource.key == PODS.key:
        found |= _pod_usage(obj)
    elif resource.key == SERVICES.key:
        kind = obj.get("spec", {}).get("type")
        if kind in ("NodePort", "LoadBalancer"):
            found["services.nodeports"] = Decimal(len(obj["spec"].get("ports") or ()))
        if kind == "LoadBalancer":
            found["services.loadbalancers"] = _ONE
    elif resource.key == PERSISTENTVOLUMECLAIMS.key:
        asked = ((obj.get("spec", {}).get("resources") or {}).get("requests") or {}).get("storage")
        if asked is not None:
            found["requests.storage"] = quantity.parse(str(asked))
    return found


def _pod_usage(pod: Obj) -> Usage:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {"pods": Decimal(0), "count/pods": _ONE}
    found: Usage = {}
    for part in ("requests", "limits"):
        for name, value in pod_resources(pod.get("spec") or {}, part=part).items():
            found[f"{part}.{name}"] = value
            if part == "requests":
                found[name] = value
    return found


def _watched_resources(store: Store, hard: Obj) -> list[Resource]:
    """The resources whose objects count against these limits."""
    found = []
    for resource in {entry.key: entry for entry in store.registry.all() if entry.namespaced}.values():
        names = {f"count/{resource.qualified}"}
        if resource.group == "":
            names.add(resource.plural)
        if resource.key == PODS.key:
            names |= {name for name in hard if name in ("cpu", "memory") or name.startswith(("requests.", "limits."))}
        if resource.key == SERVICES.key:
            names |= {"services.nodeports", "services.loadbalancers"}
        if resource.key == PERSISTENTVOLUMECLAIMS.key:
            names.add("requests.storage")
        if names & set(hard):
            found.append(resource)
    return found


def used(store: Store, *, quota: Obj) -> Usage:
    """What the namespace of a quota uses now of each of its limits."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    total: Usage = dict.fromkeys(hard, Decimal(0))
    for resource in _watched_resources(store, hard):
        for obj in store.items(resource, namespace=quota["metadata"]["namespace"]):
            for name, value in usage_of(resource, obj=obj).items():
                if name in total:
                    total[name] += value
    return total


def as_text(usage: Usage, *, hard: Obj) -> dict[str, str]:
    """The usage in quantities, spelled like the limits."""
    return {name: quantity.of_number(value, like=str(hard.get(name, "0"))) for name, value in usage.items()}


def admit(store: Store, *, resource: Resource, obj: Obj, old: Obj | None = None) -> None:
    """Refuse (403) an object that would take its namespace over a quota."""
    namespace = obj["metadata"].get("namespace")
    if not namespace or store.count(RESOURCEQUOTAS, namespace=namespace) == 0:
        return
    asked = usage_of(resource, obj=obj)
    before = usage_of(resource, obj=old) if old is not None else {}
    delta = {name: value - before.get(name, Decimal(0)) for name, value in asked.items()}
    for quota in sorted(store.items(RESOURCEQUOTAS, namespace=namespace), key=lambda q: str(q["metadata"]["name"])):
        _admit_one(store, quota=quota, resource=resource, obj=obj, delta=delta)


def _admit_one(store: Store, *, quota: Obj, resource: Resource, obj: Obj, delta: Usage) -> None:
    hard = (quota.get("spec") or {}).get("hard") or {}
    name = obj["metadata"]["name"]
    if resource.key == PODS.key:
        _require_compute(quota["metadata"]["name"], hard=hard, pod=obj)
    grows = {key: value for key, value in delta.items() if key in hard and value > 0}
    if not grows:
        return
    now = used(store, quota=quota)
    over = [key for key in sorted(grows) if now[key] + grows[key] > quantity.parse(str(hard[key]))]
    if not over:
        return
    said = ", ".join(
        f"{label}: " + ",".join(f"{key}={quantity.of_number(values[key], like=str(hard[key]))}" for key in over)
        for label, values in (
            ("requested", grows),
            ("used", now),
            ("limited", {key: quantity.parse(str(hard[key])) for key in over}),
        )
    )
    why = f"exceeded quota: {quota['metadata']['name']}, {said}"
    raise errors.forbidden(resource.group, plural=resource.plural, name=name, why=why)


def _require_compute(quota_name: str, *, hard: Obj, pod: Obj) -> None:
    """A pod in a namespace with a compute quota must say what it asks for."""
    wanted = sorted(key for key in hard if key in ("cpu", "memory") or key.startswith(("requests.", "limits.")))
    missing = []
    for key in (key for key in wanted if key.rpartition(".")[2] in ("cpu", "memory")):
        part, _, name = key.rpartition(".")
        lacking = [
            container["name"]
            for container in pod["spec"].get("containers") or ()
            if name not in ((container.get("resources") or {}).get(part or "requests") or {})
        ]
        if lacking:
            missing.append(f"{key} for: {','.join(sorted(lacking))}")
    if missing:
        why = f"failed quota: {quota_name}: must specify {'; '.join(missing)}"
        raise errors.forbidden("", plural="pods", name=pod["metadata"]["name"], why=why)


def apply_limit_ranges(store: Store, *, pod: Obj) -> None:
    """Give containers the namespace's default requests and limits (LimitRanger's defaults; its bounds too)."""
    namespace = pod["metadata"].get("namespace")
    if not namespace or store.count(LIMITRANGES, namespace=namespace) == 0:
        return
    for limit_range in store.items(LIMITRANGES, namespace=namespace):
        for item in (limit_range.get("spec") or {}).get("limits") or ():
            if item.get("type") == "Container":
                for container in pod["spec"].get("containers") or ():
                    _limit_container(pod, container, item)


def _limit_container(pod: Obj, container: Obj, item: Obj) -> None:
    resources = container.setdefault("resources", {})
    for part, source in (("limits", "default"), ("requests", "defaultRequest")):
        for name, text in (item.get(source) or {}).items():
            values = resources.setdefault(part, {})
            if part == "requests" and name not in values and name in (resources.get("limits") or {}):
                values[name] = min(resources["limits"][name], text, key=lambda q: quantity.parse(str(q)))
            values.setdefault(name, text)
    for bound, part, over in (("max", "limits", True), ("min", "requests", False)):
        for name, text in (item.get(bound) or {}).items():
            have = (resources.get(part) or {}).get(name)
            if have is None:
                continue
            value, edge = quantity.parse(str(have)), quantity.parse(str(text))
            if value > edge if over else value < edge:
                what = "maximum" if over else "minimum"
                verb = "limit" if over else "request"
                why = f"{what} {name} usage per Container is {text}, but {verb} is {have}"
                raise errors.forbidden("", plural="pods", name=pod["metadata"]["name"], why=why)


class QuotaStatus:
    """Keeps `status.hard` and `status.used` of every quota true; subscribes to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.subscribe(self._on_change)

    def _on_change(self, event: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        namespace = obj["metadata"].get("namespace")
        if not namespace or self._store.count(RESOURCEQUOTAS, namespace=namespace) == 0:
            return
        for quota in self._store.items(RESOURCEQUOTAS, namespace=namespace):
            hard = (quota.get("spec") or {}).get("hard") or {}
            status = {"hard": hard, "used": as_text(used(self._store, quota=quota), hard=hard)}
            if (quota.get("status") or {}) != status:
                self._store.update(
                    RESOURCEQUOTAS,
                    obj={**quota, "status": status},
                    options=WriteOptions(manager="kube-controller-manager", subresource="status"),
                )
