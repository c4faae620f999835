"""The products of a quote with the items of their lines, grouped by the problem that each item has."""

from collections.abc import Iterable, Sequence

from events.contract.crm import Quote
from events.contract.quickbooks import NOT_FOR_SALE, ItemObserved
from worker.quote_to_cash.customers.naming import refusal
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.items.unmapped import item_of, standing_of
from worker.quote_to_cash.readings.state import Item
from worker.quote_to_cash.texts import shown
from worker.quote_to_cash.view import View


class QuotedItems:
    """The products of a deal's quote, and the items of a company that stand on their lines.

    Attributes:
        lines: The name of each product in the quote, by the product's ID.
        products: The state of each product.
        item_ids: The item of each product that has one: the item that it is mapped to, or the default item.
        defaulted: The products that have the default item.
        ignored: The products without an item of which a person said that they get none.
        in_review: The products without an item for which one is suggested.
        unmapped: The other products that have no item of the company, unless they get one without a person's request.
        to_be_compared: The products that get an item without a person's request, unless one in QuickBooks is like them.
        to_create: The products whose item will be created without a person's request.
        being_created: The products whose item is being created.
        absent: The products whose item QuickBooks does not have.
        merged: The products of these whose item was merged into another one.
        unfit: The products whose item can't be on an invoice line.
        inactive: The products whose item is inactive.
    """

    def __init__(self, view: View, realm: str | None, quote: Quote | None) -> None:
        self.view, self.realm = view, realm
        self.lines = {line.product_id: shown(line.name) for line in quote.lines} if quote else {}
        self.products = {product_id: self.view.get(Product, product_id) for product_id in self.lines}
        found = {p: item_of(view, p) for p in self.products}
        self.item_ids = {p: item_id for p, item_id in found.items() if item_id is not None}
        self.defaulted = [p for p in self.item_ids if self.products[p].target_in(realm) is None]
        standings = {p: standing_of(view, p) for p in found if p not in self.item_ids}
        self.ignored = [p for p, standing in standings.items() if standing == "ignored"]
        self.in_review = [p for p, standing in standings.items() if standing == "in_review"]
        self.unmapped = [p for p, standing in standings.items() if standing == "unmapped"]
        self.to_be_compared = [p for p, standing in standings.items() if standing == "to_be_compared"]
        self.to_create = [p for p, standing in standings.items() if standing == "to_create"]
        self.being_created = [p for p, standing in standings.items() if standing == "being_created"]
        self.seen = dict(self._seen())
        seen = self.seen.items()
        self.absent = [p for p, item in seen if item is not None and not item.exists]
        self.merged = [p for p in self.absent if self._is_merged(p)]
        self.unfit = [p for p, item in seen if item is not None and item.type in NOT_FOR_SALE]
        self.inactive = [p for p, item in seen if item is not None and item.exists and not item.active]

    def _seen(self) -> Iterable[tuple[str, ItemObserved | None]]:
        for product_id, item_id in self.item_ids.items():
            if self.realm is not None:
                yield product_id, self.view.get(Item, f"{self.realm}/{item_id}").observed

    def _is_merged(self, product_id: str) -> bool:
        return self.view.get(Item, f"{self.realm}/{self.item_ids[product_id]}").merged is not None

    def named(self, chosen: Sequence[str]) -> str:
        """Return the names of products, for a sentence."""
        return ", ".join(f"{self.lines[p]} ({p})" for p in chosen)

    def without_item(self, chosen: Sequence[str]) -> str:
        """Return the names of products without an item, each with why it was not created, or who said that it gets none."""
        by = {p: self.products[p].ignored_by for p in chosen}
        why = {
            p: f"; {by[p]} said that it gets none" if by[p] else refusal(self.view, self.products[p].attempt)
            for p in chosen
        }
        return ", ".join(f"{self.lines[p]} ({p}{why[p]})" for p in chosen)

    def suggested(self) -> str:
        """Return the products for which an item is suggested, each with the item and its score, for a sentence."""
        found = {p: self.products[p].in_review(self.realm) for p in self.in_review}
        best = {p: suggested.best for p, suggested in found.items() if suggested is not None}
        return ", ".join(
            f"{self.lines[p]} ({p}{refusal(self.view, self.products[p].attempt)}) could be the QuickBooks item {item.item_name}"
            f" ({item.item_id}), with a score of {item.score} %"
            for p, item in best.items()
            if item is not None
        )

    def told(self, chosen: Sequence[str]) -> str:
        """Return the names of items with their products, for a sentence."""
        refused = {p: refusal(self.view, self.products[p].attempt) for p in chosen}
        return ", ".join(f"{_item_name(self.seen[p])} for {self.lines[p]} ({p}{refused[p]})" for p in chosen)


def _item_name(item: ItemObserved | None) -> str:
    if item is None:
        return ""
    return f"{item.name} ({item.item_id}, {item.type})" if item.exists else item.item_id
