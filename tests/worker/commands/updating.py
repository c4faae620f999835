"""A customer, updates of it that the tests command, and an accountant who edits it too."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from events.contract import catalog, json
from events.contract.crm import Address
from events.contract.envelope import Event
from events.contract.in_step import FieldName
from events.contract.quickbooks import CommandRejected, CustomerUpdated
from tests.world import World
from worker.commands import table
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, commands
from worker.quote_to_cash.customers.body import update_body
from worker.sandbox import accountant

Changed = Mapping[FieldName, str | Address | None]
OUTCOMES = {catalog.CUSTOMER_UPDATED, catalog.COMMAND_REJECTED}
US = "1"  # the user who connected the app, in the sandbox's journal


class Updated:
    """A customer of a world."""

    def __init__(self, world: World, customer_id: str) -> None:
        self.world = world
        self.id = customer_id
        self.company = world.sandbox.companies[world.realm]
        self._before = len(self.company.journal)

    @property
    def now(self) -> dict[str, Any]:
        """The customer as QuickBooks has it."""
        return next(each for each in self.world.books("Customer") if each["Id"] == self.id)

    @property
    def email(self) -> str | None:
        """Its e-mail address in QuickBooks."""
        found: str | None = self.now.get("PrimaryEmailAddr", {}).get("Address")
        return found

    def edit(self, **fields: Any) -> None:
        """Edit the customer as the accountant."""
        accountant.change(self.company, "Customer", self.id, fields, self.world.clock.now())

    def writes(self, by: str = US) -> int:
        """Count how often a user changed the customer since the test began; by default, the app."""
        changes = self.company.journal.after(self._before)
        return sum((each.entity, each.identifier, each.by) == ("Customer", self.id, by) for each in changes)

    def command(self, changed: Changed, generation: int = 1, token: int | None = None) -> NewCommand:
        """Return the command of an update, by default of the present version."""
        token = int(self.now["SyncToken"]) if token is None else token
        body = json.encode_numbers(update_body(self.id, token, changed).body)
        subject = catalog.customer_stream(self.world.realm, self.id)
        key = CommandKey("acme", subject, "update_customer", 0, generation)
        return NewCommand(key, self.world.realm, request_id(self.world.realm, key, body), body)

    async def decide(self, *added: NewCommand) -> None:
        """Add commands as the process manager does, in one transaction."""
        cause = (await self.world.log())[-1].event
        await self.world.services.database.transaction(add, added, cause, self.world)

    async def outcomes(self) -> list[CustomerUpdated | CommandRejected]:
        """Return the outcomes of its updates."""
        events = [recorded.event for recorded in await self.world.log()]
        return [event.payload for event in events if event.type in OUTCOMES]

    async def statuses(self) -> list[str]:
        """Return the statuses of its updates, by generation."""
        statement = sa.select(commands.c.status).where(commands.c.kind == "update_customer")
        ordered = statement.order_by(commands.c.generation)
        found = await self.world.services.database.read(lambda connection: connection.scalars(ordered).all())
        return list(found)


async def customer_of(world: World) -> Updated:
    """Return the customer of account A-1."""
    [made] = [each for each in world.books("Customer") if each["DisplayName"] == "Acme A-1"]
    return Updated(world, made["Id"])


def add(connection: sa.Connection, added: tuple[NewCommand, ...], cause: Event, world: World) -> None:
    """Add commands with their cause, and supersede earlier ones."""
    now = world.clock.now()
    table.change(connection, [], [command.key for command in added], now)
    table.add(connection, [(command, cause) for command in added], now)
