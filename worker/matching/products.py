"""The items of a QuickBooks company, and the search for a product's: by SKU, then by name."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from worker.matching.product_names import worded_product
from worker.matching.register import Alike, Register, most_alike, with_former_name
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

SHARED_MAX = 20  # items with the same SKU: with more, it is "N/A" or the like


class KnownItem(Struct, frozen=True):
    """An item in QuickBooks that can be on a line, so no category and no bundle.

    Attributes:
        id: Its ID.
        name: Its name.
        full_name: Its name with the categories that it is in, `Software:Seat`.
        sku: Its SKU.
        active: Whether it is active.
        has_income_account: Whether it has an income account, without which QuickBooks refuses it on a line.
        learned: Names of products that people have linked to it, in this workspace.
    """

    id: str
    name: str
    full_name: str | None = None
    sku: str | None = None
    active: bool = True
    has_income_account: bool = True
    learned: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """Its name as people know it, with its categories."""
        return self.full_name or self.name


class SoughtProduct(Struct, frozen=True):
    """A product of a quote's line, to be matched."""

    id: str
    name: str
    sku: str | None = None


class ItemIndex:
    """The items, by their SKUs and names. The order of changes never changes an answer."""

    def __init__(self, items: Iterable[KnownItem] = ()) -> None:
        self._items: dict[str, KnownItem] = {}
        self._register = Register(worded_product)
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
        found = {*alike, *self._with_sku(sku)} - without
        return suggestion(
            product.id, [self._suggested(product, sku, each, alike.get(each)) for each in found], required
        )

    def _with_sku(self, sku: str) -> set[str]:
        having = self._by_sku.get(sku, set())
        return having if len(having) <= SHARED_MAX else set()

    def _suggested(self, product: SoughtProduct, sku: str, item_id: str, alike: Alike | None) -> Suggested:
        item = self._items[item_id]
        alike = alike or most_alike(product.name, _names(item), worded_product)
        score, name = (alike.likeness.score, alike.text) if alike else (0.0, item.name)
        reasons = tuple(self._reasons(sku, item, alike, name))
        features = alike.likeness.features if alike else None
        return Suggested(item_id, name, score, rank(score, reasons), reasons, features)

    def _reasons(self, sku: str, item: KnownItem, alike: Alike | None, name: str) -> Iterator[Reason]:
        having = self._with_sku(sku)
        if item.id in having:
            yield "same_sku"
        if alike is not None:
            yield from name_reasons(alike.likeness)
            if alike.is_trade:
                yield "trade_name"
        if sku and _sku(item.sku) not in ("", sku):
            yield "other_sku"
        if item.id in having and len(having) > 1:
            yield "shared_sku"
        if not item.has_income_account:
            yield "no_income_account"
        if not item.active:
            yield "inactive"
        if name in item.learned and name not in (item.name, item.full_name):
            yield "learned_name"


def _names(item: KnownItem) -> list[str]:
    names = [each for each in (item.name, item.full_name) if each is not None]
    return [
        *(called for each in names for called in with_former_name(each, active=item.active)),
        *item.learned,
    ]


def _sku(text: str | None) -> str:
    """Return a SKU without case and blanks; dashes and dots stay, since they may tell SKUs apart."""
    return "".join((text or "").casefold().split())
