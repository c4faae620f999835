"""The kinds of what is compared: accounts with customers, and products with items."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from events.contract import catalog
from events.contract.matching import MAPPING_SUGGESTED, PRODUCT_SUGGESTED
from events.contract.unmatched import (
    ACCOUNT_UNMATCHED,
    PRODUCT_UNMATCHED,
    AccountUnmatched,
    ProductUnmatched,
)
from worker.suggesting import accounts, products
from worker.suggesting.account_pairing import AccountPairing
from worker.suggesting.entries import Entry, EntryFolds
from worker.suggesting.pairing import Pairing


class ComparedKind(Struct, frozen=True):
    """A kind.

    Attributes:
        name: The kind of the streams of accounts or products.
        entity: QuickBooks' name of the objects that are suggested.
        observed: The type of the event that has such an object.
        suggested: The type of the event of a suggestion.
        source: The source of these events: an account and a product may have the same ID.
        unmatched: The type of the event that answers a request to compare one once more, if nothing is like it.
        answer: Makes the fact of this event, from the ID of the account or product, the company and the request's number.
        answers: The source of these events.
        entry: The class of the entries.
        folds: The folds of the events in the streams of accounts or products.
        pairing: Returns a new pairing, for a company's realm.
    """

    name: str
    entity: str
    observed: str
    suggested: str
    source: str
    unmatched: str
    answer: Callable[[str, str, int], AccountUnmatched | ProductUnmatched]
    answers: str
    entry: type[Entry]
    folds: EntryFolds
    pairing: Callable[..., Pairing[Any, Any, Any, Any]]

    def has(self, stream: str) -> bool:
        """Return whether a stream is of this kind."""
        return stream.startswith(f"{self.name}/")


ACCOUNTS = ComparedKind(
    "account",
    "Customer",
    catalog.CUSTOMER_OBSERVED,
    MAPPING_SUGGESTED,
    "urn:coeffection:matching",
    ACCOUNT_UNMATCHED,
    AccountUnmatched,
    "urn:coeffection:matching:answers",
    accounts.AccountEntry,
    accounts.FOLDS,
    AccountPairing,
)
PRODUCTS = ComparedKind(
    "product",
    "Item",
    catalog.ITEM_OBSERVED,
    PRODUCT_SUGGESTED,
    "urn:coeffection:matching:products",
    PRODUCT_UNMATCHED,
    ProductUnmatched,
    "urn:coeffection:matching:products:answers",
    products.ProductEntry,
    products.FOLDS,
    products.ProductPairing,
)
KINDS = {kind.name: kind for kind in (ACCOUNTS, PRODUCTS)}
BY_ENTITY = {kind.entity: kind for kind in KINDS.values()}


def kind_of(stream: str) -> ComparedKind:
    """Return the kind of the stream of an account or a product, such as `account/A-9`."""
    return KINDS[stream.partition("/")[0]]
