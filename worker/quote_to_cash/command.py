"""What a rule yields beside facts: commands to QuickBooks."""

from datetime import datetime, timedelta

from msgspec import Struct

from events.contract.quickbooks import CommandKind
from events.contract.values import Fact
from worker.commands.identity import CommandKey, request_id
from worker.quote_to_cash.view import View


class Command(Struct, frozen=True):
    """A wish to change QuickBooks, or to read something there.

    `since` is when an earlier life of this installation could first have wished for it; where nobody knows, that is
    `age` before the event that it follows from.
    """

    key: CommandKey
    realm: str
    request_id: str
    body: str = ""
    since: datetime | None = None
    age: timedelta = timedelta(0)


class NamedInvoice(Struct, frozen=True):
    """An open command whose invoice a person named, by its id in QuickBooks."""

    key: CommandKey
    invoice_id: str


Consequence = Fact | Command | NamedInvoice


def identified(
    view: View, kind: CommandKind, realm: str, subject: str, *, part: int = 0, generation: int
) -> tuple[CommandKey, str]:
    """Return the key and the request id of a command of the view's workspace."""
    key = CommandKey(view.workspace_name, subject, kind, part, generation)
    return key, request_id(realm, key)
