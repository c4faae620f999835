"""The state of a product: its name in quotes, its item, the suggestion, and a person's requests."""

from typing import ClassVar

from msgspec import field

from events.contract.administration import ItemRequested
from events.contract.matching import ProductSuggested
from events.contract.reviewing import ProductMoved
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.view import State


class Product(State, frozen=True):
    """The state of a product: first the facts, named as in the last quote, then our own commands and links.

    Attributes:
        name: Its name.
        sku: Its SKU.
        taxable: Whether its lines are taxable.
        item_id: The item that a person mapped it to last, or that was created for it.
        item_realm: The company of this item; None if no company was ever connected.
        elsewhere: The items of other companies, by their realms.
        requests: How many items people requested for it.
        withdrawn: How many of these requests were withdrawn, because a person mapped the product.
        wish: The last request.
        suggested: The last suggestion of the matcher.
        rejected: The companies and IDs of the items that people rejected for it.
        ignored_by: The person who said that it gets no item, unless that was taken back.
        attempt: The command to create its item.
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
    requests: int = 0
    withdrawn: int = 0
    wish: ItemRequested | None = None
    suggested: ProductSuggested | None = None
    rejected: tuple[tuple[str, str], ...] = ()
    ignored_by: str | None = None

    attempt: Attempt | None = None
    moved: tuple[ProductMoved, ...] = ()
    automatic: dict[str, str] = field(default_factory=dict)

    @property
    def is_unanswered(self) -> bool:
        """Whether a person's request for an item is answered neither by a mapping nor by a command."""
        return self.requests > max(self.withdrawn, self.attempt.asked if self.attempt else 0)

    def item_in(self, realm: str | None) -> str | None:
        """Return the item's ID if it belongs to this realm; in any realm if `realm` is None.

        A person's item, or the one that was created, comes before the one that the worker linked by itself.
        """
        if self.item_id is not None and realm in (None, self.item_realm):
            return self.present(self.item_realm, self.item_id)
        if realm is None:
            return next(filter(None, map(self.linked_by_itself, self.automatic)), None)
        own = self.elsewhere.get(realm)
        return self.present(realm, own) if own is not None else self.linked_by_itself(realm)

    def linked_by_itself(self, realm: str) -> str | None:
        """Return the item of a company that the worker linked the product to by itself, unless a person has decided since.

        A person may have decided before, too, and the worker may have learned of it later.
        """
        attempt = self.attempt
        creates = attempt is not None and attempt.is_open and attempt.realm == realm
        linked = self.automatic.get(realm)
        if linked is None or self.ignored_by is not None or self.is_unanswered or creates:
            return None
        item_id = self.present(realm, linked)
        return None if {(realm, linked), (realm, item_id)} & set(self.rejected) else item_id

    def present(self, realm: str | None, item_id: str) -> str:
        """Return the item that a mapping to an item is of now: merges may have moved it."""
        into = {each.merged: each.item_id for each in self.moved if each.realm == realm}
        for _ in into:
            item_id = into.get(item_id, item_id)
        return item_id

    def in_review(self, realm: str | None) -> ProductSuggested | None:
        """Return the suggestion that waits for a person, of an item in a realm; None if there is none.

        A person's decision ends the review: a mapping, a request for a new item, a rejection, or ignoring the product.
        """
        best = self.suggested.best if self.suggested is not None else None
        if self.suggested is None or best is None or self.suggested.realm != realm:
            return None
        is_decided = self.ignored_by is not None or self.is_unanswered or self.item_in(realm) is not None
        attempt = self.attempt
        creates = (
            attempt is not None and attempt.realm == realm and (attempt.is_open or attempt.holder is not None)
        )
        is_rejected = bool(
            {(realm, best.item_id), (realm, self.present(realm, best.item_id))} & set(self.rejected)
        )
        return None if is_decided or creates or is_rejected else self.suggested

    def is_compared(self, realm: str | None) -> bool:
        """Return whether the last suggestion is of this company's items, and of the product as it is called now."""
        found = self.suggested
        return found is not None and (found.realm, found.name, found.sku) == (realm, self.name, self.sku)

    def has_no_match(self, realm: str | None) -> bool:
        """Return whether the product was compared with the company's items, and none is like it."""
        return self.is_compared(realm) and self.suggested is not None and self.suggested.best is None
