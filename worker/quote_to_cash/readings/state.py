"""What QuickBooks said of a customer or an item when it was asked last."""

from typing import ClassVar

from msgspec import Struct

from events.contract.quickbooks import CustomerObserved, ItemObserved
from worker.quote_to_cash.view import State


class ReadingState(Struct, frozen=True):
    """How often an object of QuickBooks was to be read, and what came of it.

    Attributes:
        wanted: How often something asked for a reading.
        commanded: The number of the last one that was commanded.
        answers: How many of what was wanted those answer.
        answered: The number of the last one that QuickBooks answered.
        problem: What went wrong with one, until the object is observed.
    """

    wanted: int = 0
    answered: int = 0
    problem: str | None = None

    commanded: int = 0
    answers: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether something asked for a reading that none commanded yet answers."""
        return self.wanted > self.answers

    @property
    def is_open(self) -> bool:
        """Whether an answer is still to come."""
        return self.is_wanted or self.commanded > self.answered


class Customer(State, frozen=True):
    """A QuickBooks customer as it was observed last, and which accounts it is. Its key is `REALM/ID`."""

    kind: ClassVar[str] = "customer"

    accounts: tuple[str, ...] = ()
    observed: CustomerObserved | None = None
    reading: ReadingState = ReadingState()


class Item(State, frozen=True):
    """A QuickBooks item as it was observed last. Its key is `REALM/ID`."""

    kind: ClassVar[str] = "item"

    observed: ItemObserved | None = None
    reading: ReadingState = ReadingState()


KINDS: dict[str, type[Customer | Item]] = {"customer": Customer, "item": Item}
