"""The identity of a command, which makes sending it twice harmless."""

from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from events.contract.quickbooks import CommandKind

MARK_BEGINS = "[q2c:"
_REQUESTS = UUID("2f1d3a0e-5e0b-5f0c-9a51-0c7c2cb2f6a1")


class CommandKey(Struct, frozen=True, order=True):
    """The business key: there is one command for each.

    `subject` is the stream of what it is for: `deal/D-17`, `account/A-9`, `product/P-4`, `customer/REALM/ID`,
    `item/REALM/ID`, `workspace`. `part` is the billing-schedule entry, 0 if none; of a customer, the number of its
    currency, 0 for the company's. `generation` rises only when a person releases a definite rejection, or what QuickBooks failed at each time once an answered look-up found nothing; a
    deal's revision is never part of the key. Of a reading, it counts the readings.
    """

    workspace: str
    subject: str
    kind: CommandKind
    part: int
    generation: int

    def of(self, generation: int) -> "CommandKey":
        """Return the key of another generation for the same."""
        return replace(self, generation=generation)


def currency_number(currency: str) -> int:
    """Number a currency, from 1: an account has a customer for each."""
    return int(currency.lower(), 36)


def request_id(realm: str, key: CommandKey) -> str:
    """Return QuickBooks' `requestid` for a command: the same for every attempt."""
    return str(
        uuid5(
            _REQUESTS,
            "\n".join((realm, key.workspace, key.subject, key.kind, str(key.part), str(key.generation))),
        )
    )


def marker(request: str) -> str:
    """Return what an object of ours carries in its note, so that it can be found again."""
    return f"{MARK_BEGINS}{request}]"
