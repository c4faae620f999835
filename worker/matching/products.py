"""The items of a QuickBooks company, and the search for a product's: by SKU, then by name."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from worker.matching.register import Alike, Register, most_alike
from worker.matching.suggestions import (
    REQUIRED,
    Reason,
    Requirement,
    Suggested,
    Suggestion,
    name_reasons,
    rank,
    suggestion,
)


class KnownItem(Struct, frozen=True):
    """An item in QuickBooks.

    Attributes:
        id: Its ID.
        name: Its name.
        sku: Its SKU.
        active: Whether it is active.
        learned: Names of products that people have linked to it, in this workspace.
    """

    id: str
    name: str
    sku: str | None = None
    active: bool = True
    learned: tuple[str, ...] = ()


class SoughtProduct(Struct, frozen=True):
    """A product of a quote's line, to be matched."""

    id: str
    name: str
    sku: str | None = None


class ItemIndex:
    """The items, by their SKUs and names. The order of changes never changes an answer."""

    def __init__(self, items: Iterable[KnownItem] = ()) -> None:
        self._items: dict[str, KnownItem] = {}
        self._register = Register()
        self._by_sku: dict[str, set[str]] = {}
        for item in items:
            self.add(item)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def add(self, item: KnownItem) -> None:
        """Add an item.

        Raises:
            ValueError: An item with this ID is known.
        """
        if item.id in self._items:
            raise ValueError(f"Item {item.id} is in the index already; replace it")
        self._items[item.id] = item
        self._register.add(item.id, _names(item))
        if sku := _sku(item.sku):
            self._by_sku.setdefault(sku, set()).add(item.id)

    def replace(self, item: KnownItem) -> None:
        """Add an item, or replace the one with its ID."""
        self.remove(item.id)
        self.add(item)

    def remove(self, item_id: str) -> None:
        """Remove an item; do nothing if it is unknown."""
        item = self._items.pop(item_id, None)
        if item is None:
            return
        self._register.remove(item_id, _names(item))
        if sku := _sku(item.sku):
            self._by_sku[sku].remove(item_id)
            if not self._by_sku[sku]:
                del self._by_sku[sku]

    def suggest(
        self,
        product: SoughtProduct,
        required: Requirement = REQUIRED,
        *,
        without: frozenset[str] = frozenset(),
    ) -> Suggestion:
        """Return the item that a product could be; the arguments are those of `Index.suggest`."""
        alike = self._register.alike(product.name)
        sku = _sku(product.sku)
        found = {*alike, *self._by_sku.get(sku, ())} - without
        return suggestion(
            product.id, [self._suggested(product, sku, each, alike.get(each)) for each in found], required
        )

    def _suggested(self, product: SoughtProduct, sku: str, item_id: str, alike: Alike | None) -> Suggested:
        item = self._items[item_id]
        alike = alike or most_alike(product.name, _names(item))
        score, name = (alike.likeness.score, alike.text) if alike else (0.0, item.name)
        reasons = tuple(_reasons(sku, item, alike, name))
        features = alike.likeness.features if alike else None
        return Suggested(item_id, name, score, rank(score, reasons), reasons, features)


def _reasons(sku: str, item: KnownItem, alike: Alike | None, name: str) -> Iterator[Reason]:
    if sku and sku == _sku(item.sku):
        yield "same_sku"
    if alike is not None:
        yield from name_reasons(alike.likeness)
    if sku and _sku(item.sku) not in ("", sku):
        yield "other_sku"
    if not item.active:
        yield "inactive"
    if name in item.learned and name != item.name:
        yield "learned_name"


def _names(item: KnownItem) -> list[str]:
    return [item.name, *item.learned]


def _sku(text: str | None) -> str:
    """Return a SKU without case and blanks; dashes and dots stay, since they may tell SKUs apart."""
    return "".join((text or "").casefold().split())
