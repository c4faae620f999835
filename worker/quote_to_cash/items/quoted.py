"""The products of a quote with the items that they are mapped to, grouped by the problem that each item has."""

from collections.abc import Iterable, Sequence

from events.contract.crm import Quote
from events.contract.quickbooks import ItemObserved
from worker.quote_to_cash.customers.naming import refusal
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.items.wishes import NOT_FOR_SALE
from worker.quote_to_cash.readings.state import Item
from worker.quote_to_cash.texts import shown
from worker.quote_to_cash.view import View


class QuotedItems:
    """The products of a deal's quote, and the items of a company that they are mapped to.

    Attributes:
        lines: The name of each product in the quote, by the product's ID.
        products: The state of each product.
        unmapped: The products that are mapped to no item of the company.
        absent: The products whose item QuickBooks does not have.
        unfit: The products whose item can't be on an invoice line.
        inactive: The products whose item is inactive.
    """

    def __init__(self, view: View, realm: str | None, quote: Quote | None) -> None:
        self.view, self.realm = view, realm
        self.lines = {line.product_id: shown(line.name) for line in quote.lines} if quote else {}
        self.products = {product_id: self.view.get(Product, product_id) for product_id in self.lines}
        self.unmapped = [p for p, product in self.products.items() if product.item_in(self.realm) is None]
        self.seen = dict(self._seen())
        seen = self.seen.items()
        self.absent = [p for p, item in seen if item is not None and not item.exists]
        self.unfit = [p for p, item in seen if item is not None and item.type in NOT_FOR_SALE]
        self.inactive = [p for p, item in seen if item is not None and item.exists and not item.active]

    def _seen(self) -> Iterable[tuple[str, ItemObserved | None]]:
        for product_id, product in self.products.items():
            item_id = product.item_in(self.realm)
            if item_id is not None and self.realm is not None:
                yield product_id, self.view.get(Item, f"{self.realm}/{item_id}").observed

    def told(self, chosen: Sequence[str]) -> str:
        """Return the names of items with their products, for a sentence."""
        refused = {p: refusal(self.view, self.products[p].attempt) for p in chosen}
        return ", ".join(f"{_item_name(self.seen[p])} for {self.lines[p]} ({p}{refused[p]})" for p in chosen)


def _item_name(item: ItemObserved | None) -> str:
    if item is None:
        return ""
    return f"{item.name} ({item.item_id}, {item.type})" if item.exists else item.item_id
