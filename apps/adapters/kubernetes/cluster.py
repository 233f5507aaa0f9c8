"""`KubernetesCluster`: one cluster by its API, as `kernel.ports.Kube` wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apps.adapters.kubernetes import paths
from apps.adapters.kubernetes.paths import KindFinder
from apps.adapters.kubernetes.responses import Call
from apps.adapters.kubernetes.session import Session
from apps.adapters.kubernetes.watch import SILENCE_SECONDS, watch
from apps.adapters.retry import RetryRule
from apps.kernel.actions import FIELD_MANAGER
from apps.kernel.clock import Clock, SystemClock
from apps.kernel.errors import Conflict, Gone, InvalidInput, NotFound
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject, KubeConnection, Listing, WatchEvent
from apps.kernel.vocab import ObjectRef

PAGE = 500
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_SERVER_OWNED = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


class KubernetesCluster:
    """Implements `kernel.ports.Kube`. Opens no connection before the first call."""

    def __init__(
        self,
        connection: KubeConnection,
        *,
        cluster: str,
        clock: Clock | None = None,
        rule: RetryRule | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._session = Session(connection, cluster=cluster, clock=clock or SystemClock(), rule=rule or RetryRule())
        self._kinds = KindFinder(self._session)
        self._silence_seconds = silence_seconds

    def get(self, ref: ObjectRef) -> JsonObject:
        kind = self._kinds.of_ref(ref)
        found = self._session.request(
            self._call("get", kind, ref.namespace), paths.item(kind, namespace=ref.namespace, name=ref.name)
        )
        if ref.uid and found.get("metadata", {}).get("uid") != ref.uid:
            raise NotFound(f"{ref} is gone, and another object has its name")
        return found

    def list(self, kind: Kind, *, namespace: str | None = None, label_selector: str = "") -> Listing:
        try:
            return self._list(kind, namespace=namespace or "", label_selector=label_selector, page=PAGE)
        except Gone:
            # The continue token outlived the version it stood for: one page holds any list together.
            return self._list(kind, namespace=namespace or "", label_selector=label_selector, page=0)

    def pages(self, kind: Kind, *, page: int = PAGE) -> Iterator[Listing]:
        return self._pages(kind, namespace="", label_selector="", page=page)

    def watch(
        self,
        kind: Kind,
        *,
        resource_version: str,
        stop: threading.Event,
        opened: Callable[[], None] | None = None,
    ) -> Iterator[WatchEvent]:
        return watch(
            self._session,
            kind,
            resource_version=resource_version,
            stop=stop,
            opened=opened,
            silence_seconds=self._silence_seconds,
        )

    def can(self, verb: str, kind: Kind, *, namespace: str = "", subresource: str = "") -> bool:
        attributes = {
            "verb": verb,
            "group": kind.group,
            "resource": kind.plural,
            "subresource": subresource,
            "namespace": namespace,
        }
        answer = self._session.request(
            Call(self._session.cluster, "create", "selfsubjectaccessreviews.authorization.k8s.io"),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            method="POST",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        return bool(answer.get("status", {}).get("allowed"))

    def version(self) -> str:
        return str(self._session.request(Call(self._session.cluster, "get", "version"), "/version").get("gitVersion"))

    def patch(
        self,
        ref: ObjectRef,
        *,
        body: Mapping[str, Any],
        resource_version: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:
        kind = self._kinds.of_ref(ref)
        try:
            return self._session.request(
                self._call("patch", kind, ref.namespace, subresource),
                paths.item(kind, namespace=ref.namespace, name=ref.name, subresource=subresource),
                method="PATCH",
                params=_write_params(dry_run=dry_run),
                body=_with_preconditions(body, ref, resource_version),
                content_type=MERGE_PATCH,
            )
        except InvalidInput as e:
            if e.field == "metadata.uid":  # how the server says that another incarnation has the name
                raise Conflict(e.message) from e
            raise

    def scale(self, ref: ObjectRef, *, replicas: int, resource_version: str, dry_run: bool = False) -> JsonObject:
        return self.patch(
            ref,
            body={"spec": {"replicas": replicas}},
            resource_version=resource_version,
            subresource="scale",
            dry_run=dry_run,
        )

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> JsonObject:
        """Server-owned metadata and status are left out, so that an object as it was read can be applied again."""
        kind = self._kinds.of_manifest(manifest)
        metadata = _metadata(manifest)
        kept = {key: value for key, value in metadata.items() if key not in _SERVER_OWNED}
        body = {key: value for key, value in manifest.items() if key != "status"} | {"metadata": kept}
        namespace = self._namespace(kind, metadata)
        return self._session.request(
            self._call("patch", kind, namespace),
            paths.item(kind, namespace=namespace, name=str(metadata.get("name") or "")),
            method="PATCH",
            params=_write_params(dry_run=dry_run) | {"force": "true" if force else "false"},
            body=body,
            content_type=APPLY_PATCH,
        )

    def delete(self, ref: ObjectRef, *, resource_version: str = "", dry_run: bool = False) -> None:
        kind = self._kinds.of_ref(ref)
        preconditions = {"uid": ref.uid, "resourceVersion": resource_version}
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {key: value for key, value in preconditions.items() if value},
        }
        if dry_run:
            options["dryRun"] = ["All"]
        self._session.request(
            self._call("delete", kind, ref.namespace),
            paths.item(kind, namespace=ref.namespace, name=ref.name),
            method="DELETE",
            body=options,
        )

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> JsonObject:
        kind = self._kinds.of_manifest(manifest)
        namespace = self._namespace(kind, _metadata(manifest))
        return self._session.request(
            self._call("create", kind, namespace),
            paths.collection(kind, namespace=namespace),
            method="POST",
            params=_write_params(dry_run=dry_run),
            body=manifest,
        )

    def close(self) -> None:
        self._session.close()

    def _list(self, kind: Kind, *, namespace: str, label_selector: str, page: int) -> Listing:
        items: list[JsonObject] = []
        version = ""
        for part in self._pages(kind, namespace=namespace, label_selector=label_selector, page=page):
            items += part.items
            version = part.resource_version
        return Listing(items, version)

    def _pages(self, kind: Kind, *, namespace: str, label_selector: str, page: int) -> Iterator[Listing]:
        """`page` 0 asks for everything at once. The first page's version stands for the whole list."""
        params = {"limit": str(page)} if page else {}
        if label_selector:
            params["labelSelector"] = label_selector
        version = ""
        while True:
            answer = self._session.request(
                self._call("list", kind, namespace), paths.collection(kind, namespace=namespace), params=params
            )
            items = answer.get("items") or []
            metadata = answer.get("metadata") or {}
            version = version or str(metadata.get("resourceVersion", ""))
            for found in items:
                # A list of built-in kinds leaves these out; events of a watch carry them.
                found.setdefault("apiVersion", kind.api_version)
                found.setdefault("kind", kind.kind)
            yield Listing(items, version)
            if not metadata.get("continue"):
                return
            params["continue"] = metadata["continue"]

    def _call(self, verb: str, kind: Kind, namespace: str, subresource: str = "") -> Call:
        resource = f"{kind.qualified}/{subresource}" if subresource else kind.qualified
        return Call(self._session.cluster, verb, resource, namespace)

    def _namespace(self, kind: Kind, metadata: Mapping[str, Any]) -> str:
        """Where the manifest goes: like kubectl, into the context's namespace when it names none."""
        if not kind.namespaced:
            return ""
        return str(metadata.get("namespace") or self._session.connection.namespace)


def _metadata(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        raise InvalidInput("it is missing", field="metadata", mend="give at least metadata.name")
    return metadata


def _write_params(*, dry_run: bool) -> dict[str, str]:
    """A typing error in a field name is an error, not a silent loss (fieldValidation)."""
    params = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    return params | {"dryRun": "All"} if dry_run else params


def _with_preconditions(body: Mapping[str, Any], ref: ObjectRef, resource_version: str) -> dict[str, Any]:
    """The patch with the version and uid it was decided on: the server refuses it when either has changed."""
    known = {"uid": ref.uid, "resourceVersion": resource_version}
    metadata = {**body.get("metadata", {}), **{key: value for key, value in known.items() if value}}
    return {**body, "metadata": metadata} if metadata else dict(body)


def connect(connection: KubeConnection, *, cluster: str) -> KubernetesCluster:
    """A cluster by its connection. Implements `kernel.ports.KubeFactory`."""
    return KubernetesCluster(connection, cluster=cluster)
