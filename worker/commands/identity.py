"""The identity of a command, which makes sending it twice harmless."""

from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from events.contract.quickbooks import CommandKind

MARK_BEGINS = "[q2c:"
_REQUESTS = UUID("2f1d3a0e-5e0b-5f0c-9a51-0c7c2cb2f6a1")


class CommandKey(Struct, frozen=True, order=True):
    """The business key: there is one command for each.

    Attributes:
        workspace: The workspace.
        subject: The stream of the deal or object that the command is for: `deal/D-17`, `account/A-9`, `product/P-4`,
            `customer/REALM/ID`, `item/REALM/ID` or `workspace`.
        kind: The kind of command.
        part: The entry of the deal's billing schedule, 0 if it has none. For a customer, the number of its currency,
            0 for the company's.
        generation: Rises only when a person releases a command that QuickBooks definitely rejected, or one that it
            failed at each time while an answered look-up found nothing. For an update, it rises with each new target; for
            a reading, it is the number of the reading.

    A deal's revision is never part of the key.
    """

    workspace: str
    subject: str
    kind: CommandKind
    part: int
    generation: int

    def of(self, generation: int) -> "CommandKey":
        """Return the same key with another generation."""
        return replace(self, generation=generation)


def currency_number(currency: str) -> int:
    """Return the number of a currency, from 1: an account has one customer for each currency."""
    return int(currency.lower(), 36)


def request_id(realm: str, key: CommandKey, body: str = "") -> str:
    """Return QuickBooks' `requestid` for a command: the same for every attempt.

    That of an update depends on its body too. After the store was restored from a backup, a generation may be decided
    again with other values; QuickBooks would answer a known `requestid` as before, and not apply them.
    """
    identity = (realm, key.workspace, key.subject, key.kind, str(key.part), str(key.generation))
    return str(uuid5(_REQUESTS, "\n".join((*identity, body) if body else identity)))


def marker(request: str) -> str:
    """Return the mark, which an object's private note carries so that a look-up finds it."""
    return f"{MARK_BEGINS}{request}]"
