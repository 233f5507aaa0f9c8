"""What nodes and workloads cost an hour.

1. A node's price is looked up by instance type, region and spot: the price book's row for that region, its row for any
   region, then the shipped list price likewise. An annotation `plimsoll.dev/price-per-hour` on the node goes before all
   of them, which is how bare metal gets a price.
2. A node's price is split over CPU, memory and GPUs in proportion to their base rates (OpenCost specification v0.1,
   "asset cost"): 0.031611 a vCPU, 0.004237 a GiB, 0.95 a GPU, each an hour. So a pod costs

       node price x weight(pod's requests) / weight(node's allocatable)
       weight = cpu * 0.031611 + gib * 0.004237 + gpu * 0.95

3. A workload costs what its pods cost. Pods it should have and that are on no node (asleep, or pending) are priced at
   the mean over the cluster's nodes: sum of prices / sum of weights.

Only requests count, so a workload that requests nothing costs nothing here; that errs on the low side. When one node it
runs on has no price, or pods are to be priced at the mean and no node has one, the workload's price is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from apps.kernel.vocab import Node, Resources

PRICE_ANNOTATION = "plimsoll.dev/price-per-hour"
REGION_LABEL = "topology.kubernetes.io/region"
_MICRO = Decimal("0.000001")

_PER_MILLICORE = 31_611 * 2**30
_PER_BYTE = 4_237 * 1000
_PER_GPU = 950_000 * 1000 * 2**30


def weight(amount: Resources) -> int:
    """The amount at base rates, in units of 2^-30 * 10^-9 of their currency: whole, so that sums are exact."""
    return amount.cpu_millicores * _PER_MILLICORE + amount.memory_bytes * _PER_BYTE + amount.gpus * _PER_GPU


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices per hour by (instance type, region, spot), all in `currency`; region "" is any. `rows` outdo `listed`."""

    rows: Mapping[tuple[str, str, bool], Decimal] = field(default_factory=dict)
    listed: Mapping[tuple[str, str, bool], Decimal] = field(default_factory=dict)
    currency: str = "USD"

    def price(self, node: Node, *, annotated: str = "", region: str = "") -> Decimal | None:
        """The node's price per hour, or None. `annotated` is its price annotation, `region` the cluster's own."""
        stated = _amount(annotated)
        if stated is not None:
            return stated
        place = node.labels.get(REGION_LABEL) or region
        for book in (self.rows, self.listed):
            for key in ((node.instance_type, place, node.spot), (node.instance_type, "", node.spot)):
                if key in book:
                    return book[key]
        return None


def _amount(text: str) -> Decimal | None:
    """A price as a person wrote it; None for what is none."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


@dataclass(frozen=True, slots=True)
class Rates:
    """What one unit of weight costs an hour: on each node, and over all priced nodes. None where no price is known."""

    by_node: Mapping[str, Decimal | None]
    mean: Decimal | None


def rates_of(nodes: Iterable[Node]) -> Rates:
    by_node: dict[str, Decimal | None] = {}
    total, weights = Decimal(0), 0
    for node in nodes:
        size = weight(node.allocatable)
        known = node.price_per_hour is not None and size > 0
        by_node[node.ref.name] = node.price_per_hour / size if known and node.price_per_hour is not None else None
        if known and node.price_per_hour is not None:
            total, weights = total + node.price_per_hour, weights + size
    return Rates(by_node, total / weights if weights else None)


def workload_price(
    *, running: Mapping[str, int], missing_pods: int, pod_requests: Resources, rates: Rates
) -> Decimal | None:
    """The price per hour, to a millionth. `running` is the weight of its pods by the node they are on."""
    price = Decimal(0)
    for node, size in running.items():
        rate = rates.by_node.get(node)
        if rate is None and size:
            return None
        price += size * (rate or 0)
    rest = weight(pod_requests) * missing_pods
    if rest:
        if rates.mean is None:
            return None
        price += rest * rates.mean
    return price.quantize(_MICRO)
