"""Where an API server serves a kind, by table for the kinds Plimsoll knows and by discovery for the rest."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from apps.adapters.kubernetes.responses import Call
from apps.adapters.kubernetes.session import Session, require
from apps.kernel import kinds
from apps.kernel.errors import InvalidInput, NotFound
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import ObjectRef


def collection(kind: Kind, *, namespace: str = "") -> str:
    """The path of a list: of one namespace, or of all when `namespace` is empty."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    if namespace and kind.namespaced:
        return f"{root}/namespaces/{quote(require(namespace, field='namespace'), safe='')}/{kind.plural}"
    return f"{root}/{kind.plural}"


def item(kind: Kind, *, namespace: str, name: str, subresource: str = "") -> str:
    """The path of one object. InvalidInput when a namespaced kind comes without a namespace."""
    if kind.namespaced and not namespace:
        raise InvalidInput(f"a {kind.kind} lives in a namespace", field="namespace", mend="name it")
    path = f"{collection(kind, namespace=namespace)}/{quote(require(name, field='name'), safe=':')}"
    return f"{path}/{subresource}" if subresource else path


class KindFinder:
    """Resolves kinds that are not in `kernel.kinds` by asking the server, once each. Thread-safe."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[tuple[str, str, str], Kind] = {}
        self._lock = threading.Lock()

    def of_ref(self, ref: ObjectRef) -> Kind:
        """The kind of a reference, which carries no version: the known one, else the group's preferred one."""
        for known in kinds.KNOWN:
            if (known.kind, known.group) == (ref.kind, ref.group):
                return known
        return self._discover(ref.group, version="", kind=ref.kind)

    def of_manifest(self, manifest: Mapping[str, Any]) -> Kind:
        """The kind of an object by its `apiVersion` and `kind`."""
        api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
        for field, value in (("apiVersion", api_version), ("kind", kind)):
            if not isinstance(value, str) or not value:
                raise InvalidInput("it is missing", field=field, mend="every Kubernetes object needs it")
        for known in kinds.KNOWN:
            if (known.api_version, known.kind) == (api_version, kind):
                return known
        group, _, version = str(api_version).rpartition("/")
        return self._discover(group, version=version, kind=str(kind))

    def _discover(self, group: str, *, version: str, kind: str) -> Kind:
        key = (group, version, kind)
        with self._lock:
            if key not in self._found:
                self._found[key] = self._ask(group, version=version, kind=kind)
            return self._found[key]

    def _ask(self, group: str, *, version: str, kind: str) -> Kind:
        """NotFound when the server does not serve it; then it is asked again the next time."""
        call = Call(self._session.cluster, "get", "discovery")
        if not version:
            version = "v1" if not group else self._preferred_version(call, group)
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        served: JsonObject = self._session.request(call, root)
        for resource in served.get("resources") or []:
            if resource.get("kind") == kind and "/" not in resource["name"]:
                return Kind(group, version, resource["name"], kind, bool(resource.get("namespaced")))
        where = f"{group}/{version}" if group else version
        raise NotFound(f"cluster {self._session.cluster} serves no kind {kind} in {where}", field="kind")

    def _preferred_version(self, call: Call, group: str) -> str:
        served = self._session.request(call, f"/apis/{quote(group, safe='')}")
        return str((served.get("preferredVersion") or {}).get("version", "v1"))
