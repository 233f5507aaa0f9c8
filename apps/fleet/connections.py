"""Stored connections: sealed when they are written, opened only to connect."""

from __future__ import annotations

import json
from typing import cast

from django.conf import settings

from apps.fleet.models import Cluster
from apps.kernel.ports import (
    Kube,
    KubeConnection,
    KubeFactory,
    Metrics,
    MetricsConnection,
    MetricsFactory,
    SecretBox,
    load,
)
from apps.kernel.serialise import decode, encode


def _box() -> SecretBox:
    return cast("SecretBox", load(settings.PLIMSOLL_PORTS["secrets"])())


def seal(connection: KubeConnection | MetricsConnection) -> str:
    return _box().seal(json.dumps(encode(connection), separators=(",", ":")))


def open_kube(sealed: str) -> KubeConnection:
    """InvalidInput when the key that sealed it is not at hand."""
    return decode(KubeConnection, json.loads(_box().open(sealed)))


def open_metrics(sealed: str) -> MetricsConnection:
    return decode(MetricsConnection, json.loads(_box().open(sealed)))


def kube_at(connection: KubeConnection, *, cluster: str) -> Kube:
    factory: KubeFactory = load(settings.PLIMSOLL_PORTS["kubernetes"])
    return factory(connection, cluster=cluster)


def metrics_at(connection: MetricsConnection) -> Metrics:
    factory: MetricsFactory = load(settings.PLIMSOLL_PORTS["metrics"])
    return factory(connection)


def connect(cluster: Cluster) -> Kube:
    """The Kube of a stored cluster. The caller closes it."""
    return kube_at(open_kube(cluster.sealed_credentials), cluster=cluster.name)


def metrics(cluster: Cluster) -> Metrics | None:
    """The Metrics of a stored cluster, or None when it has no metrics source. The caller closes it."""
    if not cluster.sealed_metrics:
        return None
    return metrics_at(open_metrics(cluster.sealed_metrics))
