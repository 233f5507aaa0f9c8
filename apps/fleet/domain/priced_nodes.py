"""Nodes with their prices, and what compute costs on each."""

from __future__ import annotations

from dataclasses import replace

from apps.fleet.domain.parse_objects import NodeFacts, parse_node
from apps.fleet.domain.pricing import PriceBook, Rates, rates_of
from apps.fleet.domain.shelf import Shelf
from apps.kernel.kinds import Kind
from apps.kernel.ports import JsonObject
from apps.kernel.vocab import Node


class PricedNodes:
    def __init__(self, cluster: str, *, book: PriceBook, region: str) -> None:
        self.shelf: Shelf[Node] = Shelf(drained=True)
        self.rates = Rates({}, None)
        self._cluster, self._book, self._region = cluster, book, region
        self._facts: dict[str, NodeFacts] = {}
        self._touched = False

    def put(self, kind: Kind, key: str, obj: JsonObject) -> None:
        facts = parse_node(obj, cluster=self._cluster)
        if self._facts.get(key) != facts:
            self._facts[key] = facts
            self._touched = True

    def drop(self, kind: Kind, key: str) -> None:
        self._facts.pop(key, None)
        self.shelf.pop(key)
        self._touched = True

    def reprice(self, book: PriceBook) -> None:
        """Takes another price book; every price is looked up anew."""
        if book != self._book:
            self._book = book
            self._touched = True

    def settle(self) -> bool:
        """Prices what was touched; True when compute costs something else now."""
        if not self._touched:
            return False
        self._touched = False
        for key, facts in self._facts.items():
            price = self._book.price(facts.node, annotated=facts.annotated_price, region=self._region)
            self.shelf.put(key, replace(facts.node, price_per_hour=price))
        was, self.rates = self.rates, rates_of(self.shelf.values())
        return was != self.rates
