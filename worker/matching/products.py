"""The items of a QuickBooks company, and the search for a product's: by SKU, then by name."""

from collections.abc import Iterable

from msgspec import Struct

from worker.matching.calibration import Likeness
from worker.matching.names import Spelling, read
from worker.matching.register import Register
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
        best: dict[str, tuple[Likeness, Spelling]] = {}
        for holder, theirs, _, likeness in self._register.alike(_worded(product.name)):
            if holder not in best or _order(likeness, theirs) > _order(*best[holder]):
                best[holder] = likeness, theirs
        sku = _sku(product.sku)
        found = sorted({*best, *self._by_sku.get(sku, ())} - without)
        candidates = (_suggested(sku, self._items[each], *best.get(each, (None, None))) for each in found)
        return suggestion(product.id, tuple(candidates), required)


def _order(likeness: Likeness, theirs: Spelling) -> tuple[float, str, str]:
    return likeness.score, theirs.text, theirs.native


def _suggested(sku: str, item: KnownItem, likeness: Likeness | None, theirs: Spelling | None) -> Suggested:
    reasons: list[Reason] = []
    if sku and sku == _sku(item.sku):
        reasons.append("same_sku")
    if likeness is not None:
        reasons += name_reasons(likeness)
    name = next((each for each in (item.name, *item.learned) if theirs in read(each)), item.name)
    if name in item.learned:
        reasons.append("learned_name")
    if sku and _sku(item.sku) not in ("", sku):
        reasons.append("other_sku")
    if not item.active:
        reasons.append("inactive")
    score = likeness.score if likeness else 0.0
    return Suggested(
        id=item.id,
        name=name,
        score=score,
        rank=rank(score, reasons),
        reasons=tuple(reasons),
        features=likeness.features if likeness else None,
    )


def _names(item: KnownItem) -> tuple[Spelling, ...]:
    return tuple(dict.fromkeys(spelling for name in (item.name, *item.learned) for spelling in _worded(name)))


def _worded(name: str) -> tuple[Spelling, ...]:
    return tuple(spelling for spelling in read(name) if spelling.words)


def _sku(text: str | None) -> str:
    """Return a SKU without case and blanks; dashes and dots stay, since they may tell SKUs apart."""
    return "".join((text or "").casefold().split())
