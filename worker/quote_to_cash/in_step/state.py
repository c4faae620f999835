"""The state of a pair: an account and the customer that belongs to it."""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field

from events.contract.crm import Address
from events.contract.in_step import ConflictResolved, CustomerUpdateCommanded, FieldSettlement
from events.contract.quickbooks import CustomerCreated, CustomerObserved, Holder
from worker.quote_to_cash.view import State

OUTCOMES_MAX = 8
# The keys on which pairs with a field in these states wait: lists find them by it.
LISTED: dict[str, str] = {
    state: f"in_step/{state}" for state in ("conflict", "refused", "to_quickbooks", "to_crm", "off")
}


class UpdateOutcome(Struct, frozen=True):
    """The outcome of an update: the customer as QuickBooks answered, or the gate and the message of the refusal."""

    generation: int
    request_id: str
    customer: CustomerObserved | None = None
    gate: str | None = None
    message: str = ""
    holder: Holder | None = None


class Terms(State, frozen=True):
    """The names of a company's payment terms as they were last observed, by their IDs; its key is the realm."""

    kind: ClassVar[str] = "terms"

    names: dict[str, str] = field(default_factory=dict)


class Pair(State, frozen=True):
    """A customer and the account that it belongs to; its key is the customer's, `REALM/ID`. First facts, then decisions.

    Attributes:
        created: The customer's creation, if the worker created it.
        outcomes: The last outcomes of its updates.
        resolved: The last decision of a person about a conflict of each field.
        retries: How many times a person requested that each field be sent again.
        offered: The customer's fields that were offered to the CRM as a new account.
        account_id: The account of the settlements.
        fields: The settled fields.
        since: When each field came to its present state.
        updates: The updates whose outcome was not considered yet, and the last one before.
        withdrawn: The generation of the last update that was withdrawn.
        handled: The generation of the last update whose outcome was considered.
        told: The values of QuickBooks' own fields that the CRM was told last.
    """

    kind: ClassVar[str] = "pair"

    created: CustomerCreated | None = None
    outcomes: tuple[UpdateOutcome, ...] = ()
    resolved: dict[str, ConflictResolved] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)

    offered: dict[str, str | Address] | None = None
    account_id: str | None = None
    fields: dict[str, FieldSettlement] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    updates: tuple[CustomerUpdateCommanded, ...] = ()
    withdrawn: int = 0
    handled: int = 0
    told: dict[str, str | bool | None] = field(default_factory=dict)

    @property
    def open_update(self) -> CustomerUpdateCommanded | None:
        """The last update, if it has no outcome yet and was not withdrawn."""
        if not self.updates:
            return None
        last = self.updates[-1]
        has_ended = any(each.request_id == last.request_id for each in self.outcomes)
        return None if has_ended or last.generation <= self.withdrawn else last

    @property
    def next_generation(self) -> int:
        """The generation of the next update."""
        return self.updates[-1].generation + 1 if self.updates else 1
