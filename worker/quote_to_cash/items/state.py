"""The state of a product: its name in quotes, its item, the suggestion, and a person's requests."""

from typing import ClassVar

from msgspec import field

from events.contract.administration import ItemRequested
from events.contract.matching import ProductSuggested
from events.contract.reviewing import ProductMoved
from events.contract.unmatched import ProductComparisonRequested, ProductUnmatched
from worker.quote_to_cash.reviewable import Reviewable
from worker.quote_to_cash.texts import shown
from worker.quote_to_cash.view import View


class Product(Reviewable[ProductSuggested], frozen=True):
    """The state of a product: first the facts, named as in the last quote, then our own commands and links.

    Attributes:
        name: Its name.
        sku: Its SKU.
        taxable: Whether its lines are taxable.
        item_id: The item that a person mapped it to last, or that was created for it.
        item_realm: The company of this item; None if no company was ever connected.
        elsewhere: The items of other companies, by their realms.
        wish: The last request.
        automatic: The items that the worker linked it to by itself, by their realms.
        moved: The moves of its mappings to items that its own were merged into.
    """

    kind: ClassVar[str] = "product"

    name: str | None = None
    sku: str | None = None
    taxable: bool = True
    item_id: str | None = None
    item_realm: str | None = None
    elsewhere: dict[str, str] = field(default_factory=dict)
    wish: ItemRequested | None = None
    unmatched: ProductUnmatched | None = None

    compared: ProductComparisonRequested | None = None
    moved: tuple[ProductMoved, ...] = ()
    automatic: dict[str, str] = field(default_factory=dict)

    def chosen_in(self, realm: str | None) -> tuple[str, ...]:
        """Return its item in a realm, in any if it is None, that a person mapped it to or that was created for it."""
        if self.item_id is not None and realm in (None, self.item_realm):
            return (self.present(self.item_realm, self.item_id),)
        own = self.elsewhere.get(realm or "")
        return (self.present(realm, own),) if own is not None else ()

    def by_itself_in(self, realm: str | None) -> str | None:
        """Return the item in a realm, in any if it is None, that the worker linked it to by itself.

        None if a person has decided since, or before: the worker may have learned of it later.
        """
        if self.is_overruled(realm):
            return None
        found = ((of, item_id) for of, item_id in self.automatic.items() if realm in (None, of))
        now = ((of, item_id, self.present(of, item_id)) for of, item_id in found)
        return next((own for of, was, own in now if not {(of, was), (of, own)} & {*self.rejected}), None)

    def present(self, realm: str | None, item_id: str) -> str:
        """Return the item that a mapping to an item is of now: merges may have moved it."""
        into = {each.merged: each.item_id for each in self.moved if each.realm == realm}
        for _ in into:
            item_id = into.get(item_id, item_id)
        return item_id

    def is_compared(self, realm: str | None) -> bool:
        """Return whether the last suggestion is of this company's items, and of the product as it is called now."""
        found = self.suggested
        return found is not None and (found.realm, found.name, found.sku) == (realm, self.name, self.sku)

    def has_no_match(self, realm: str | None) -> bool:
        """Return whether the product was compared with the company's items, and none is like it."""
        return self.is_compared(realm) and self.suggested is not None and self.suggested.best is None


def product_name(view: View, product_id: str) -> str:
    """Return a product's name in the last quote with its ID."""
    name = view.get(Product, product_id).name
    return f"{shown(name)} ({product_id})" if name else product_id
