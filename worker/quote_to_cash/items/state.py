"""The state of a product: its name in quotes, its item, and a person's requests."""

from typing import ClassVar

from events.contract.administration import ItemRequested
from events.contract.reviewing import ProductMoved
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.view import State


class Product(State, frozen=True):
    """The state of a product: first the facts, named as in the last quote, then our own commands.

    `moved` are the moves of its mapping to items that its own were merged into.
    """

    kind: ClassVar[str] = "product"

    name: str | None = None
    sku: str | None = None
    taxable: bool = True
    item_id: str | None = None
    item_realm: str | None = None
    requests: int = 0
    withdrawn: int = 0
    wish: ItemRequested | None = None

    attempt: Attempt | None = None
    moved: tuple[ProductMoved, ...] = ()

    @property
    def is_unanswered(self) -> bool:
        """Whether a person's request for an item is answered neither by a mapping nor by a command."""
        return self.requests > max(self.withdrawn, self.attempt.asked if self.attempt else 0)

    def item_in(self, realm: str | None) -> str | None:
        """Return the item's ID if it belongs to this realm; in any realm if `realm` is None."""
        if realm not in (None, self.item_realm):
            return None
        item_id = self.item_id
        into = {each.merged: each.item_id for each in self.moved if each.realm == self.item_realm}
        for _ in into:
            item_id = into.get(item_id or "", item_id)
        return item_id
