"""Namespaces empty themselves before they go, and new ones get their default account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import is_terminating, key_of
from apps.sandbox.kubeapi.builtin import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions, WriteOptions

_FINALIZE = WriteOptions(manager="kube-controller-manager", subresource="finalize")
_AGAIN_MS = 1_000
_ROOT_CA = "kube-root-ca.crt"


@dataclass
class Namespaces:
    """A namespace that is being deleted has everything in it deleted; when nothing is left, its own finalizer goes."""

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        return [key_of(obj)] if is_terminating(obj) else ()

    def sync(self, key: Key) -> None:
        store, name = self.world.store, key[1]
        found = store.find(NAMESPACES, name=name)
        if found is None or not is_terminating(found):
            return
        left = 0
        for resource in {r.key: r for r in store.registry.all() if r.namespaced}.values():
            for obj in store.items(resource, namespace=name):
                left += 1
                if not is_terminating(obj):
                    options = DeleteOptions(propagation="Background")
                    store.delete(resource, namespace=name, name=obj["metadata"]["name"], options=options)
        left = sum(store.count(r, namespace=name) for r in store.registry.all() if r.namespaced) if left else 0
        if left:
            self.world.requeue(self, key, _AGAIN_MS)
            return

        def change(obj: Obj) -> None:
            obj["spec"] = {**(obj.get("spec") or {}), "finalizers": []}

        store.modify(NAMESPACES, name=name, change=change, options=_FINALIZE)


@dataclass
class DefaultAccounts:
    """Every live namespace has the ServiceAccount `default` and the ConfigMap with the cluster's CA."""

    world: World
    ca_pem: str = ""

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        metadata = obj["metadata"]
        if resource.key == NAMESPACES.key:
            return [("", metadata["name"])]
        wanted = "default" if resource.key == SERVICEACCOUNTS.key else _ROOT_CA
        return [("", metadata["namespace"])] if metadata["name"] == wanted else ()

    def sync(self, key: Key) -> None:
        store, name = self.world.store, key[1]
        found = store.find(NAMESPACES, name=name)
        if found is None or is_terminating(found):
            return
        if store.find(SERVICEACCOUNTS, namespace=name, name="default") is None:
            made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
            store.create(SERVICEACCOUNTS, obj=made, options=WRITE)
        if store.find(CONFIGMAPS, namespace=name, name=_ROOT_CA) is None:
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _ROOT_CA, "namespace": name},
                    "data": {"ca.crt": self.ca_pem}}  # fmt: skip
            store.create(CONFIGMAPS, obj=made, options=WRITE)
