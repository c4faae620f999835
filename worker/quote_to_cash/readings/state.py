"""The state of a customer or an item: its last observation, and its readings."""

from typing import ClassVar

from msgspec import Struct

from events.contract.observed import ObjectMerged
from events.contract.quickbooks import CustomerObserved, ItemObserved
from worker.quote_to_cash.view import State


class ReadingState(Struct, frozen=True):
    """The readings of an object in QuickBooks.

    Attributes:
        wanted: The number of requests for a reading.
        answered: The number of the last reading that QuickBooks answered.
        problem: The error of the last failed reading, until the object is observed.
        commanded: The number of the last commanded reading.
        answers: The number of requests that the commanded readings answer.
    """

    wanted: int = 0
    answered: int = 0
    problem: str | None = None

    commanded: int = 0
    answers: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether there is a request for a reading that no commanded reading answers."""
        return self.wanted > self.answers

    @property
    def is_open(self) -> bool:
        """Whether a requested reading has no answer yet."""
        return self.is_wanted or self.commanded > self.answered


class Customer(State, frozen=True):
    """A QuickBooks customer as it was last observed, and the accounts that are mapped to it. Its key is `REALM/ID`.

    `automatic` are the accounts that the worker linked to it without a person, or moved to it with a merge; a person may
    have decided otherwise since. `merged` is the merge with which it has gone. `is_ours` is true if it was created for an
    account, `is_brought` if an account's snapshot brought it, and `is_offered` once it was offered to the CRM as a new account.
    """

    kind: ClassVar[str] = "customer"

    accounts: tuple[str, ...] = ()
    automatic: tuple[str, ...] = ()
    observed: CustomerObserved | None = None
    merged: ObjectMerged | None = None
    reading: ReadingState = ReadingState()
    is_ours: bool = False
    is_brought: bool = False

    is_offered: bool = False


def linked_accounts(customer: Customer) -> tuple[str, ...]:
    """Return the accounts that are, or were, linked to a customer: by a person, or by the worker."""
    return tuple(dict.fromkeys((*customer.accounts, *customer.automatic)))


class Item(State, frozen=True):
    """A QuickBooks item as it was last observed, and the products that were mapped to it. Its key is `REALM/ID`.

    `came` are the products that the worker linked to it, or moved to it with a merge; all may be mapped otherwise since. `merged` is
    the merge with which it has gone.
    """

    kind: ClassVar[str] = "item"

    products: tuple[str, ...] = ()
    observed: ItemObserved | None = None
    merged: ObjectMerged | None = None
    reading: ReadingState = ReadingState()
    came: tuple[str, ...] = ()


KINDS: dict[str, type[Customer | Item]] = {"customer": Customer, "item": Item}
