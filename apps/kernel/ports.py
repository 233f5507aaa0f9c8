"""What Plimsoll needs from the outside, in the caller's words. Adapters implement these; settings name the adapters.

Every call may raise `kernel.errors`; every call has a timeout of its own. All are blocking and thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Protocol

from apps.kernel.errors import InvalidInput
from apps.kernel.kinds import Kind
from apps.kernel.vocab import ObjectRef, Sample, Series

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KubeConnection:
    """How to reach one API server; everything is inline, nothing is a path. `namespace` is the context's own."""

    server: str
    token: str = field(default="", repr=False)
    ca_pem: str = ""
    client_certificate_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    tls_server_name: str = ""
    proxy_url: str = ""
    namespace: str = "default"
    insecure_skip_tls_verify: bool = False


@dataclass(frozen=True, slots=True)
class MetricsConnection:
    """How to reach one Prometheus HTTP API. Basic when `username` is set, bearer when `token` is, mTLS by the PEMs."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_pem: str = ""
    client_certificate_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    proxy_url: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole list of one kind, read consistently, and the resourceVersion to watch on from."""

    items: list[JsonObject]
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK (then only `object.metadata.resourceVersion` means anything)."""

    type: str
    object: JsonObject


class KubeReader(Protocol):
    def get(self, ref: ObjectRef) -> JsonObject:
        """The object; NotFound when it is not there, or when `ref.uid` is set and another one took its name."""

    def list(self, kind: Kind, *, namespace: str | None = None, label_selector: str = "") -> Listing:
        """Every object of `kind`, in pages. NotFound when the cluster does not serve the kind."""

    def pages(self, kind: Kind, *, page: int = 500) -> Iterator[Listing]:
        """The same list, `page` objects at a time, so that no more of it than that is in memory as raw JSON. Every page
        gives the resourceVersion of the whole. Gone when reading on took longer than the server keeps that version."""

    def watch(
        self,
        kind: Kind,
        *,
        resource_version: str,
        stop: threading.Event,
        opened: Callable[[], None] | None = None,
    ) -> Iterator[WatchEvent]:
        """Changes after `resource_version`. Ends quietly when the server ends it or `stop` is set; Gone when the
        version is too old; Unavailable when the connection breaks. Bookmarks are asked for and passed on. `opened` is
        called once the server has accepted the watch, which may be long before it has anything to say."""

    def can(self, verb: str, kind: Kind, *, namespace: str = "", subresource: str = "") -> bool:
        """Whether this connection may do that (SelfSubjectAccessReview)."""

    def version(self) -> str:
        """The server's gitVersion: the cheapest call that proves address, certificate and credentials."""


class KubeWriter(Protocol):
    """`resource_version` is sent as a precondition; a stale one is a Conflict, and nothing was written.
    `dry_run` asks the server to judge and not to keep."""

    def patch(
        self,
        ref: ObjectRef,
        *,
        body: Mapping[str, Any],
        resource_version: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:
        """JSON merge patch; returns the object as it is now. `subresource` is "" or "status"."""

    def scale(self, ref: ObjectRef, *, replicas: int, resource_version: str, dry_run: bool = False) -> JsonObject:
        """Writes the scale subresource; returns the Scale."""

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> JsonObject:
        """Server-side apply, field manager `plimsoll`, fieldValidation=Strict. Another manager's field is a Conflict
        unless `force`."""

    def delete(self, ref: ObjectRef, *, resource_version: str = "", dry_run: bool = False) -> None:
        """Deletes with `ref.uid` and `resource_version` as preconditions where they are set."""

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> JsonObject:
        """Creates one object (Events among them); AlreadyExists when its name is taken."""


class Kube(KubeReader, KubeWriter, Protocol):
    """One cluster, both ways. `close` ends its connections."""

    def close(self) -> None: ...


class Metrics(Protocol):
    def query(self, promql: str, *, at: datetime) -> Sequence[Sample]:
        """An instant query. A scalar comes back as one Sample without labels."""

    def query_range(self, promql: str, *, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        """A range query, `start` and `end` included."""

    def close(self) -> None: ...


class KubeFactory(Protocol):
    def __call__(self, connection: KubeConnection, *, cluster: str) -> Kube: ...


class MetricsFactory(Protocol):
    def __call__(self, connection: MetricsConnection) -> Metrics: ...


class KubeconfigParser(Protocol):
    def __call__(self, text: str, *, context: str | None = None) -> KubeConnection:
        """The connection a kubeconfig's text describes; InvalidInput names the field that is broken or that would run
        code or read files on the server (`exec`, `auth-provider`, any path), and the mend."""


class SecretBox(Protocol):
    def seal(self, plain: str) -> str: ...

    def open(self, sealed: str) -> str:
        """InvalidInput when the key that sealed it is not at hand."""


def load(dotted: str) -> Any:
    """The object at `package.module.name`; how settings and registries name code without importing it early."""
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as e:
        raise InvalidInput(f"{dotted!r} cannot be loaded: {e}", mend="give the dotted path of an object") from e
