"""The consequences that a rule yields: facts, commands to QuickBooks, and invoices that a person named."""

from datetime import datetime, timedelta

from msgspec import Struct

from events.contract.quickbooks import CommandKind
from events.contract.values import Fact
from worker.commands.identity import CommandKey, request_id
from worker.quote_to_cash.view import View


class Command(Struct, frozen=True):
    """A command to create, update or read an object in QuickBooks.

    `since` is the earliest time at which the command could have been decided before the store was restored from a backup;
    if it is unknown, that time is `age` before the command's cause.
    """

    key: CommandKey
    realm: str
    request_id: str
    body: str = ""
    since: datetime | None = None
    age: timedelta = timedelta(0)


class NamedInvoice(Struct, frozen=True):
    """An open command whose invoice a person named, by its ID in QuickBooks."""

    key: CommandKey
    invoice_id: str


class Withdrawal(Struct, frozen=True):
    """The updates of an object before the generation of a key are not sent, unless they were sent already."""

    key: CommandKey


Consequence = Fact | Command | NamedInvoice | Withdrawal


def identified(
    view: View,
    kind: CommandKind,
    realm: str,
    subject: str,
    *,
    part: int = 0,
    generation: int,
    body: str = "",
) -> tuple[CommandKey, str]:
    """Return the key and the request ID of a command of the view's workspace; `body` is that of an update."""
    key = CommandKey(view.workspace_name, subject, kind, part, generation)
    return key, request_id(realm, key, body)
