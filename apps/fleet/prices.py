"""The price book as it is used: the rows, then the list prices that ship with Plimsoll.

Money has one currency here, `settings.PLIMSOLL_CURRENCY`: a row in another one is left aside, for nobody said at which
rate to convert it.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path

from django.conf import settings

from apps.fleet.domain.pricing import PriceBook
from apps.fleet.models import NodePrice

LIST_FILE = Path(__file__).parent / "data" / "list_prices.csv"
LIST_CURRENCY = "USD"

Prices = dict[tuple[str, str, bool], Decimal]


@cache
def listed_prices() -> Prices:
    """The shipped list, by (instance type, region, spot). Its header says where the numbers are from, and of when."""
    with LIST_FILE.open(newline="", encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        return {
            (row["instance_type"], row["region"], row["spot"] == "yes"): Decimal(row["price_per_hour"])
            for row in csv.DictReader(lines)
        }


def price_book() -> PriceBook:
    """The book as it stands now; one query."""
    currency: str = settings.PLIMSOLL_CURRENCY
    rows = NodePrice.objects.filter(currency=currency)
    return PriceBook(
        rows={(row.instance_type, row.region, row.spot): row.price_per_hour for row in rows},
        listed=listed_prices() if currency == LIST_CURRENCY else {},
        currency=currency,
    )
