"""What nodes cost: on-demand list prices in US dollars an hour, and what a spot node costs of that.

Rounded figures of the kind that cloud price lists show for EU (Frankfurt) and US (Ohio); they are for simulation, not
for billing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One kind of node: whole cores, memory in GiB, GPUs, and its price on demand."""

    name: str
    cpu: int
    memory_gib: int
    price_usd_per_hour: Decimal
    arch: str = "amd64"
    gpus: int = 0


INSTANCE_TYPES: dict[str, InstanceType] = {
    one.name: one
    for one in (
        InstanceType("m5.xlarge", 4, 16, Decimal("0.230")),
        InstanceType("m5.2xlarge", 8, 32, Decimal("0.460")),
        InstanceType("c5.2xlarge", 8, 16, Decimal("0.388")),
        InstanceType("r5.2xlarge", 8, 64, Decimal("0.608")),
        InstanceType("m7g.xlarge", 4, 16, Decimal("0.196"), arch="arm64"),
        InstanceType("m7g.2xlarge", 8, 32, Decimal("0.392"), arch="arm64"),
        InstanceType("g5.2xlarge", 8, 32, Decimal("1.212"), gpus=1),
        InstanceType("g5.12xlarge", 48, 192, Decimal("5.672"), gpus=4),
        InstanceType("p4d.24xlarge", 96, 1152, Decimal("32.773"), gpus=8),
    )
}
SPOT_SHARE = Decimal("0.35")


def price_of(instance_type: str, *, spot: bool) -> Decimal | None:
    """US dollars an hour, or None for a type that is not in the book."""
    found = INSTANCE_TYPES.get(instance_type)
    if found is None:
        return None
    return (found.price_usd_per_hour * SPOT_SHARE if spot else found.price_usd_per_hour).quantize(Decimal("0.0001"))
