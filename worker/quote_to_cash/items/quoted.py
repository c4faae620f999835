"""The products of a quote with the items of their lines, grouped by the problem that each item has."""

from collections.abc import Iterable, Sequence

from events.contract.crm import Quote
from events.contract.quickbooks import NOT_FOR_SALE, ItemObserved
from worker.quote_to_cash.customers.naming import refusal
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.items.unmapped import creation_of, item_of
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
        unmapped: The products that have no item of the company, unless it is created without a person's request.
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
        self.defaulted = [p for p in self.item_ids if self.products[p].item_in(realm) is None]
        creations = {p: creation_of(view, p) for p in found if p not in self.item_ids}
        self.unmapped = [p for p, creation in creations.items() if creation is None]
        self.to_create = [p for p, creation in creations.items() if creation == "to_create"]
        self.being_created = [p for p, creation in creations.items() if creation == "being_created"]
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

    def told(self, chosen: Sequence[str]) -> str:
        """Return the names of items with their products, for a sentence."""
        refused = {p: refusal(self.view, self.products[p].attempt) for p in chosen}
        return ", ".join(f"{_item_name(self.seen[p])} for {self.lines[p]} ({p}{refused[p]})" for p in chosen)


def _item_name(item: ItemObserved | None) -> str:
    if item is None:
        return ""
    return f"{item.name} ({item.item_id}, {item.type})" if item.exists else item.item_id
