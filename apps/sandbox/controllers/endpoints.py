"""EndpointSlices follow the ready pods that a Service's selector finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.sandbox.controllers.manager import WRITE, Key, World
from apps.sandbox.controllers.objects import is_finished, is_ready, is_terminating, key_of, owner_reference, pods_of
from apps.sandbox.kubeapi.builtin import ENDPOINTSLICES, SERVICES
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass
class EndpointSlices:
    """One slice a Service (the simulator's Services stay far below the 100 endpoints at which a real one splits).

    Keys are Services; pods wake the Services of their namespace that select them, or did before the change.
    """

    world: World

    def keys(self, resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Key]:
        if resource.key == SERVICES.key:
            return [key_of(obj)]
        if old is not None and _visible(old) == _visible(obj) and self.world.store.by_uid(obj["metadata"]["uid"]):
            return ()
        labels = [one["metadata"].get("labels") or {} for one in (obj, old) if one is not None]
        return [
            key_of(service)
            for service in self.world.store.items(SERVICES, namespace=obj["metadata"]["namespace"])
            if any(_selects(service, labels=each) for each in labels)
        ]

    def sync(self, key: Key) -> None:
        store = self.world.store
        service = store.find(SERVICES, namespace=key[0], name=key[1])
        if service is None or is_terminating(service) or not service["spec"].get("selector"):
            return
        pods = pods_of(store, namespace=key[0], selector={"matchLabels": service["spec"]["selector"]})
        shown = [pod for pod in pods if pod.get("status", {}).get("podIP") and not is_finished(pod)]
        endpoints = [_endpoint(pod) for pod in sorted(shown, key=key_of)]
        ports = [_port(port, pods=shown) for port in service["spec"].get("ports") or ()]
        slice_ = self._slice_of(service)
        if slice_ is None:
            made = {
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {
                    "generateName": f"{key[1]}-", "namespace": key[0],
                    "labels": {**(service["metadata"].get("labels") or {}), SERVICE_LABEL: key[1],
                               "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                    "ownerReferences": [owner_reference(service, resource=SERVICES)],
                },
                "endpoints": endpoints, "ports": ports,
            }  # fmt: skip
            store.create(ENDPOINTSLICES, obj=made, options=WRITE)
            return

        def change(obj: Obj) -> None:
            obj["endpoints"], obj["ports"] = endpoints, ports

        store.modify(ENDPOINTSLICES, namespace=key[0], name=slice_["metadata"]["name"], change=change, options=WRITE)

    def _slice_of(self, service: Obj) -> Obj | None:
        for kind, obj in self.world.store.dependents(service["metadata"]["uid"]):
            if kind.key == ENDPOINTSLICES.key and not is_terminating(obj):
                return obj
        return None


def _selects(service: Obj, *, labels: dict[str, str]) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and selector.items() <= labels.items()


def _visible(pod: Obj) -> tuple[object, ...]:
    status = pod.get("status", {})
    return is_ready(pod), status.get("podIP"), is_terminating(pod), is_finished(pod), pod["metadata"].get("labels")


def _endpoint(pod: Obj) -> Obj:
    ready, going = is_ready(pod), is_terminating(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready and not going, "serving": ready, "terminating": going},
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {"kind": "Pod", "namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"],
                      "uid": pod["metadata"]["uid"]},
    }  # fmt: skip


def _port(port: Obj, *, pods: list[Obj]) -> Obj:
    target = port.get("targetPort", port["port"])
    if isinstance(target, str):
        named = (p for pod in pods for c in pod["spec"]["containers"] for p in c.get("ports") or ())
        target = next((one["containerPort"] for one in named if one.get("name") == target), port["port"])
    return {"name": port.get("name", ""), "port": target, "protocol": port.get("protocol", "TCP")}
