"""Connects the demo fleet by the road that every cluster takes.

The sandbox may come back at another port, with another authority or other tokens: then the connection is renewed.
What works already is left as it is, so that a warm start costs one call a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import structlog
from django.conf import settings

from apps.fleet.clusters import add_cluster, update_connection
from apps.fleet.connections import connect, open_kube, open_metrics
from apps.fleet.models import Cluster, NodePrice
from apps.fleet.reports import NewCluster
from apps.kernel.errors import PlimsollError
from apps.kernel.kinds import NAMESPACE
from apps.kernel.ports import KubeconfigParser, load

log = structlog.get_logger(__name__)

ACTOR = "demo"


@dataclass(frozen=True, slots=True)
class DemoPrice:
    """What one kind of node costs an hour in the demo, in US dollars; `region` "" is any."""

    instance_type: str
    spot: bool
    price_per_hour: Decimal
    region: str = ""


def connect_demo(given: NewCluster) -> tuple[Cluster | None, bool]:
    """The cluster's row, and whether it is new. None when a cluster of that name is there and is not the demo's: that
    one is left alone."""
    row = Cluster.objects.filter(name=given.name).first()
    if row is None:
        return add_cluster(replace(given, is_demo=True), actor=ACTOR).cluster, True
    if not row.is_demo:
        log.warning("A cluster of the demo's name is not the demo's", cluster=row.name)
        return None, False
    if not _still_works(row, given):
        update_connection(row, given, actor=ACTOR)
    return row, False


def keep_prices(prices: Iterable[DemoPrice], *, today: date) -> None:
    """Puts the demo's prices into the book. A row that is there stays as it is: somebody may have changed it."""
    for price in prices:
        NodePrice.objects.get_or_create(
            instance_type=price.instance_type,
            region=price.region,
            spot=price.spot,
            defaults={
                "price_per_hour": price.price_per_hour,
                "currency": "USD",
                "source": "sandbox",
                "as_of": today,
            },
        )


def _still_works(row: Cluster, given: NewCluster) -> bool:
    """Whether the stored connection leads to the same place and is let in there."""
    parse: KubeconfigParser = load(settings.PLIMSOLL_PORTS["kubeconfig"])
    wanted = parse(given.kubeconfig, context=given.context)
    try:
        stored = open_kube(row.sealed_credentials)
        metrics = open_metrics(row.sealed_metrics) if row.sealed_metrics else None
        if (stored.server, stored.ca_pem, metrics) != (wanted.server, wanted.ca_pem, given.metrics):
            return False
        kube = connect(row)
    except PlimsollError:
        return False
    try:
        # Unlike the version, which some servers tell anybody, this needs credentials that are good.
        return kube.can("list", NAMESPACE)
    except PlimsollError:
        return False
    finally:
        kube.close()
