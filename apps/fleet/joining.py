"""How a cluster is reached and made ready.

1. Read the kubeconfig, and ask the server for its version: address, certificate and credentials are proved.
2. Apply the CRDs, the namespace, the account and its roles.
3. Fetch the account's token, and from here on be nobody else.
4. Test every right, and the metrics source with a real query.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import gettext as _

from apps.fleet.connections import kube_at
from apps.fleet.domain import manifests as shipped
from apps.fleet.reports import ConnectionReport, NewCluster, Progress
from apps.fleet.trial import probe
from apps.kernel.clock import Clock
from apps.kernel.errors import Forbidden, NotFound, Unavailable
from apps.kernel.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, CUSTOM_RESOURCE_DEFINITION, SECRET, Kind
from apps.kernel.ports import JsonObject, Kube, KubeconfigParser, KubeConnection, load
from apps.kernel.vocab import ObjectRef

GIVEN_ACCOUNT = "kubeconfig"
WAIT_SECONDS = 15.0
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Joined:
    """What steps 1 to 4 came to: how to reach the cluster from now on, and as whom."""

    connection: KubeConnection
    account: str
    applied: tuple[str, ...]
    report: ConnectionReport


def manifests(*, read_only: bool = False) -> list[JsonObject]:
    """Everything Plimsoll puts into a cluster before it watches it, in the order it must be applied."""
    definitions = [found for path in settings.PLIMSOLL_CRDS for found in load(path)()]
    return shipped.manifests(definitions, read_only=read_only)


def join(given: NewCluster, *, progress: Progress) -> Joined:
    """Steps 1 to 4. Raises what keeps us from the API server, with the field and the mend."""
    parse: KubeconfigParser = load(settings.PLIMSOLL_PORTS["kubeconfig"])
    connection = parse(given.kubeconfig, context=given.context)
    connection = replace(
        connection,
        proxy_url=given.proxy_url or connection.proxy_url,
        ca_pem=given.ca_pem or connection.ca_pem,
    )
    clock: Clock = load(settings.PLIMSOLL_PORTS["clock"])()
    with _opened(connection, given.name) as kube:
        progress(_("Connecting to %(server)s") % {"server": connection.server})
        kube.version()
        applied = _apply(kube, given, progress=progress)
        _await_definitions(kube, applied, clock=clock)
        token = "" if given.keep_account else _token(kube, clock=clock)
    account = GIVEN_ACCOUNT
    if token:
        connection = replace(connection, token=token, client_certificate_pem="", client_key_pem="")
        account = shipped.ACCOUNT_NAME
    progress(_("Testing what %(account)s may do") % {"account": account})
    with _opened(connection, given.name) as kube:
        report = probe(kube, metrics=given.metrics, account=account, read_only=given.read_only, clock=clock)
    return Joined(connection, account, applied, report)


def _apply(kube: Kube, given: NewCluster, *, progress: Progress) -> tuple[str, ...]:
    """Applies what Plimsoll needs; forced, for these objects are its own."""
    applied = []
    for manifest in manifests(read_only=given.read_only):
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        progress(_("Applying %(name)s") % {"name": name})
        try:
            kube.apply(manifest, force=True)
        except Forbidden as e:
            if given.keep_account:
                continue
            raise Forbidden(
                _("the kubeconfig may not apply %(name)s: %(error)s") % {"name": name, "error": e.message},
                field="kubeconfig",
                mend=_(
                    "give an administrator's kubeconfig, or have one apply what `plimsoll cluster add --print` prints "
                    "and connect with --keep-account"
                ),
            ) from e
        applied.append(name)
    if given.read_only:
        _drop_write_role(kube, given.name)
    return tuple(applied)


def _drop_write_role(kube: Kube, cluster: str) -> None:
    """A cluster that was connected before to be written to is read only from now on."""
    for kind in (CLUSTER_ROLE_BINDING, CLUSTER_ROLE):
        try:
            kube.delete(_ref(cluster, kind, shipped.WRITE_ROLE))
        except (NotFound, Forbidden):
            continue


def _await_definitions(kube: Kube, applied: tuple[str, ...], *, clock: Clock) -> None:
    """Returns when the server serves the new kinds; Unavailable when it does not in time."""
    for name in applied:
        kind, _slash, bare = name.partition("/")
        if kind != CUSTOM_RESOURCE_DEFINITION.kind:
            continue
        ref = _ref("", CUSTOM_RESOURCE_DEFINITION, bare)
        for _waited in _patience(clock):
            conditions = kube.get(ref).get("status", {}).get("conditions", [])
            if any(found["type"] == "Established" and found["status"] == "True" for found in conditions):
                break
        else:
            raise Unavailable(_("the API server does not serve %(name)s yet") % {"name": bare})


def _token(kube: Kube, *, clock: Clock) -> str:
    """The account's token, once the cluster has written it into the Secret."""
    ref = _ref("", SECRET, shipped.TOKEN_SECRET, namespace=shipped.NAMESPACE)
    for _waited in _patience(clock):
        data = kube.get(ref).get("data") or {}
        if data.get("token"):
            return base64.b64decode(data["token"]).decode()
    raise Unavailable(
        _("the cluster gives the account %(account)s no token") % {"account": shipped.ACCOUNT_NAME},
        field=f"Secret/{shipped.NAMESPACE}/{shipped.TOKEN_SECRET}",
        mend=_("is its controller manager running? With --keep-account the kubeconfig's own account is used"),
    )


def _patience(clock: Clock) -> Iterator[None]:
    """Turns of a poll, for as long as it is worth waiting."""
    for _turn in range(int(WAIT_SECONDS / POLL_SECONDS)):
        yield
        clock.wait(POLL_SECONDS)


def _ref(cluster: str, kind: Kind, name: str, *, namespace: str = "") -> ObjectRef:
    return ObjectRef(cluster, kind.group, kind.kind, namespace, name)


@contextmanager
def _opened(connection: KubeConnection, cluster: str) -> Iterator[Kube]:
    kube = kube_at(connection, cluster=cluster)
    try:
        yield kube
    finally:
        kube.close()
