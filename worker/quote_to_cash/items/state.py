"""What is remembered of a product: as quotes name it, which item it is, what a person asked for."""

from typing import ClassVar

from events.contract.administration import ItemRequested
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.view import State


class Product(State, frozen=True):
    """A product as the last quote named it, then what we did about it."""

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

    @property
    def is_unanswered(self) -> bool:
        """Whether a person asked for one that neither a mapping nor a command answers."""
        return self.requests > max(self.withdrawn, self.attempt.asked if self.attempt else 0)

    def item_in(self, realm: str | None) -> str | None:
        """Return the item's id, if it is one of this realm; whichever it is, where there is none yet."""
        return self.item_id if realm in (None, self.item_realm) else None
