"""What is read from QuickBooks for decisions to go by, one kind of command each; it changes nothing there."""

from collections.abc import Awaitable, Callable

from events.clock import Clock
from events.envelope import Event
from events.quickbooks import CommandKind
from worker.commands import outcomes
from worker.commands.claims import Claimed
from worker.commands.outcomes import Entity
from worker.quickbooks.client import QuickBooksClient

Reading = Callable[[QuickBooksClient, Claimed, Clock], Awaitable[Event]]


async def read(client: QuickBooksClient, command: Claimed, clock: Clock) -> Event:
    """Read what a command asks for; return what QuickBooks said, as an event.

    Raises:
        QuickBooksError: It was not read.
    """
    return await READINGS[command.key.kind](client, command, clock)


async def _company(client: QuickBooksClient, command: Claimed, clock: Clock) -> Event:
    company = await client.company_info(command.realm)
    preferences = await client.preferences(command.realm)
    lists = {
        "Term": await _all(client, command.realm, "Term", []),
        "TaxCode": await _all(client, command.realm, "TaxCode", []),
        "Account": await _all(client, command.realm, "Account", [("AccountType", "=", "Income")]),
    }
    return outcomes.observed(command, company, preferences, lists, clock.now())


async def _all(
    client: QuickBooksClient, realm: str, entity: str, where: list[tuple[str, str, str]]
) -> list[Entity]:
    return [row async for page in client.query_pages(realm, entity, where) for row in page]


READINGS: dict[CommandKind, Reading] = {"read_company": _company}
