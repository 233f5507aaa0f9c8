"""The namespace controllers: what a new namespace gets, and how a deleted one is emptied.

A new namespace gets its `default` ServiceAccount and the `kube-root-ca.crt` ConfigMap. A terminating one has everything
in it deleted; when nothing is left, its `kubernetes` finalizer goes and it with it.
"""

from __future__ import annotations

from apps.sandbox.kubeapi.builtin import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS
from apps.sandbox.kubeapi.errors import ApiError, Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store, WriteOptions

ROOT_CA = "kube-root-ca.crt"
_CONTROLLER = WriteOptions(manager="kube-controller-manager")
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class NamespaceController:
    """Furnishes and empties the namespaces of one store; subscribes to it."""

    def __init__(self, store: Store, *, ca_pem: str = "") -> None:
        self._store = store
        self._ca_pem = ca_pem
        store.subscribe(self._on_change)

    def _on_change(self, event: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        if resource.key == NAMESPACES.key:
            if event == "ADDED":
                self._furnish(obj["metadata"]["name"])
            elif event == "MODIFIED" and obj["metadata"].get("deletionTimestamp"):
                self._empty(obj["metadata"]["name"])
        elif event == "DELETED" and resource.namespaced:
            self._restore_or_continue(resource, obj)

    def _furnish(self, name: str) -> None:
        self._make(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": name}})
        self._make(
            CONFIGMAPS,
            {
                "metadata": {
                    "name": ROOT_CA,
                    "namespace": name,
                    "annotations": {"kubernetes.io/description": _DESCRIPTION},
                },
                "data": {"ca.crt": self._ca_pem},
            },
        )

    def _make(self, resource: Resource, obj: Obj) -> None:
        metadata = obj["metadata"]
        if self._store.find(resource, namespace=metadata["namespace"], name=metadata["name"]) is None:
            self._store.create(resource, obj=obj, options=_CONTROLLER)

    def _restore_or_continue(self, resource: Resource, obj: Obj) -> None:
        name = obj["metadata"].get("namespace", "")
        namespace = self._store.find(NAMESPACES, name=name)
        if namespace is None:
            return
        if namespace["metadata"].get("deletionTimestamp"):
            self._finish(namespace)
        elif (resource.key, obj["metadata"]["name"]) in (
            (SERVICEACCOUNTS.key, "default"),
            (CONFIGMAPS.key, ROOT_CA),
        ):
            self._furnish(name)

    def _content(self, name: str) -> list[tuple[Resource, Obj]]:
        kinds = {resource.key: resource for resource in self._store.registry.all() if resource.namespaced}
        return [(kind, obj) for kind in kinds.values() for obj in self._store.items(kind, namespace=name)]

    def _empty(self, name: str) -> None:
        for resource, obj in self._content(name):
            metadata = obj["metadata"]
            live = self._store.find(resource, namespace=name, name=metadata["name"])
            if live is not None and not live["metadata"].get("deletionTimestamp"):
                try:
                    self._store.delete(resource, namespace=name, name=metadata["name"])
                except ApiError:
                    continue  # tried again at the next change in the namespace
        namespace = self._store.find(NAMESPACES, name=name)
        if namespace is not None:
            self._finish(namespace)

    def _finish(self, namespace: Obj) -> None:
        name = namespace["metadata"]["name"]
        if self._content(name) or not (namespace.get("spec") or {}).get("finalizers"):
            return

        def change(copy: Obj) -> None:
            copy["spec"] = {}

        self._store.modify(NAMESPACES, name=name, change=change, options=WriteOptions(subresource="finalize"))
