"""A CRM and an accountant who edit one account and its customer, with a worker between them that keeps them in step."""

from typing import Any

import msgspec

from events.contract import in_step
from events.contract.in_step import AccountCustomerChanged
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.sandbox import accountant

EMAIL = "billing@acme.example"


class Crm:
    """The CRM with one account; it takes over the values that it is told, and sends a snapshot after each change."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.account: dict[str, Any] = {"name": "Acme A-1", "email": EMAIL, "phone": "+1 555 0100"}
        self.revision = 1
        self.read = 0

    async def edit(self, **fields: Any) -> None:
        self.account |= fields
        self.revision += 1
        filled = {name: value for name, value in self.account.items() if value is not None}
        await self.office.world.send(stories.account(revision=self.revision, **filled))
        await settle(self.office)

    async def hear(self) -> list[dict[str, Any]]:
        """Take over every message since the last time, and return what they said."""
        told = (await messages(self.office))[self.read :]
        self.read += len(told)
        for message in told:
            await self.edit(**msgspec.to_builtins(message.fields))
        return [message.fields for message in told]


async def messages(office: Office) -> list[AccountCustomerChanged]:
    log = await office.world.log()
    return [each.event.payload for each in log if each.event.type == in_step.ACCOUNT_CUSTOMER_CHANGED]


async def settle(office: Office) -> None:
    """Let QuickBooks' notices arrive, and everything be sent, until nothing is left."""
    for _ in range(3):
        await office.world.settle()
        await office.notify()


async def open_crm(world: World, **settings: str) -> Crm:
    """Open a CRM whose account has a customer that the worker created."""
    office = Office(world)
    crm = Crm(office)
    await world.send(stories.account(**crm.account))
    await world.ready(**{"customer_sync": "both", **settings})
    await settle(office)
    return crm


def customer(office: Office) -> dict[str, Any]:
    (found,) = [each for each in office.world.books("Customer") if "A-1" in each.get("Notes", "")]
    return found


def edit(office: Office, **fields: Any) -> None:
    """Edit the customer in QuickBooks, behind the worker's back."""
    accountant.change(office.company, "Customer", customer(office)["Id"], fields, office.world.clock.now())


async def in_conflict(crm: Crm) -> None:
    """Edit the e-mail address on both sides."""
    edit(crm.office, PrimaryEmailAddr={"Address": "books@acme.example"})
    await crm.edit(email="sales@acme.example")


async def with_a_taken_name(crm: Crm) -> None:
    """Give the account the name of a vendor."""
    now = crm.office.world.clock.now()
    accountant.create(crm.office.company, "Vendor", {"DisplayName": "Acme Group"}, now)
    await crm.edit(name="Acme Group", email="new@acme.example")
