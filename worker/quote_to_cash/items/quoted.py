"""The items that the products of a quote are, sorted by what is wrong with them."""

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
    """The products of a deal's quote, and the items that they are in a company.

    Attributes:
        lines: What the quote calls each product, by its id.
        products: What is remembered of each.
        unmapped: Those that are no item of the company's.
        absent: Those whose item QuickBooks does not have.
        unfit: Those whose item can't stand on a line of an invoice.
        inactive: Those whose item is inactive.
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
        """Name items and their products."""
        refused = {p: refusal(self.view, self.products[p].attempt) for p in chosen}
        return ", ".join(f"{_item_name(self.seen[p])} for {self.lines[p]} ({p}{refused[p]})" for p in chosen)


def _item_name(item: ItemObserved | None) -> str:
    if item is None:
        return ""
    return f"{item.name} ({item.item_id}, {item.type})" if item.exists else item.item_id
