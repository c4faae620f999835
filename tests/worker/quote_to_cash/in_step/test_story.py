"""An accountant in QuickBooks and people in the CRM edit one customer: each side has the other's edits, once."""

from typing import Any

import msgspec
import pytest_asyncio
import sqlalchemy as sa

from events.contract import in_step
from events.contract.in_step import AccountCustomerChanged
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.quote_to_cash import manager
from worker.quote_to_cash.in_step.state import Pair
from worker.quote_to_cash.store import StateStore, process_state, process_waits
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


@pytest_asyncio.fixture
async def crm(world: World) -> Crm:
    office = Office(world)
    crm = Crm(office)
    await world.send(stories.account(**crm.account))
    await world.ready(customer_sync="both")
    await settle(office)
    return crm


def customer(office: Office) -> dict[str, Any]:
    (found,) = [each for each in office.world.books("Customer") if "A-1" in each.get("Notes", "")]
    return found


def edit(office: Office, **fields: Any) -> None:
    """Edit the customer in QuickBooks, behind the worker's back."""
    accountant.change(office.company, "Customer", customer(office)["Id"], fields, office.world.clock.now())


async def state(office: Office) -> dict[str, str]:
    key = f"{office.world.realm}/{customer(office)['Id']}"
    pair = await office.world.services.database.read(lambda c: StateStore(c, "acme").get(Pair, key))
    return {name: field.state for name, field in pair.fields.items() if field.state != "agreed"}


async def commanded(office: Office) -> int:
    log = await office.world.log()
    return sum(each.event.type == in_step.CUSTOMER_UPDATE_COMMANDED for each in log)


async def test_nothing_is_written_after_the_customer_was_created(crm: Crm) -> None:
    assert (await commanded(crm.office), await messages(crm.office)) == (0, [])
    assert customer(crm.office)["SyncToken"] == "0"


async def test_a_rename_in_quickbooks_is_told_to_the_crm_once(crm: Crm) -> None:
    edit(crm.office, DisplayName="Acme Group")
    await settle(crm.office)
    assert await crm.hear() == [{"name": "Acme Group"}]
    assert await crm.hear() == []
    assert (crm.account["name"], await commanded(crm.office), await state(crm.office)) == (
        "Acme Group",
        0,
        {},
    )


async def test_an_edit_in_the_crm_is_in_quickbooks_once(crm: Crm) -> None:
    await crm.edit(name="Acme Group", email="new@acme.example", phone=None)
    found = customer(crm.office)
    assert (found["DisplayName"], found["CompanyName"]) == ("Acme Group", "Acme Group")
    assert found["PrimaryEmailAddr"]["Address"] == "new@acme.example"
    assert not found.get("PrimaryPhone", {}).get("FreeFormNumber")
    assert (found["SyncToken"], await messages(crm.office), await state(crm.office)) == ("1", [], {})


async def test_edits_on_both_sides_are_a_conflict_until_a_person_decides(crm: Crm) -> None:
    edit(crm.office, PrimaryEmailAddr={"Address": "books@acme.example"})
    await crm.edit(email="sales@acme.example", phone="+1 555 0199")
    assert await state(crm.office) == {"email": "conflict"}
    assert customer(crm.office)["PrimaryPhone"]["FreeFormNumber"] == "+1 555 0199"
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "books@acme.example"


async def test_an_accountant_who_edits_between_the_reading_and_the_update_loses_nothing(crm: Crm) -> None:
    world = crm.office.world
    crm.account["phone"] = "+1 555 0199"
    await world.send(stories.account(revision=2, **crm.account))
    await world.follow()
    edit(crm.office, DisplayName="Acme Group")  # the update is commanded, and was not sent yet
    await settle(crm.office)
    found = customer(crm.office)
    assert (found["DisplayName"], found["PrimaryPhone"]["FreeFormNumber"]) == ("Acme Group", "+1 555 0199")
    assert [message.fields for message in await messages(crm.office)] == [{"name": "Acme Group"}]
    assert await commanded(crm.office) == 2


async def test_a_name_that_a_vendor_has_is_refused_and_the_address_arrives_all_the_same(crm: Crm) -> None:
    now = crm.office.world.clock.now()
    accountant.create(crm.office.company, "Vendor", {"DisplayName": "Acme Group"}, now)
    await crm.edit(name="Acme Group", email="new@acme.example")
    found = customer(crm.office)
    assert (found["DisplayName"], found["PrimaryEmailAddr"]["Address"]) == ("Acme A-1", "new@acme.example")
    assert await state(crm.office) == {"name": "refused"}
    before = await commanded(crm.office)
    await crm.edit(phone="+1 555 0199")
    assert await commanded(crm.office) == before + 1
    assert await state(crm.office) == {"name": "refused"}


async def test_an_inactive_customer_s_name_never_reaches_the_crm(crm: Crm) -> None:
    edit(crm.office, Active=False)
    await settle(crm.office)
    await crm.edit(email="new@acme.example")
    assert (await messages(crm.office), await commanded(crm.office)) == ([], 0)
    edit(crm.office, Active=True)
    await settle(crm.office)
    assert await messages(crm.office) == []
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "new@acme.example"


async def test_edits_during_an_outage_arrive_afterwards_each_once(crm: Crm) -> None:
    world = crm.office.world
    await world.admin().change_settings({"paused": "true"})
    await crm.edit(email="first@acme.example")
    await crm.edit(email="second@acme.example")
    edit(crm.office, DisplayName="Acme Group")
    await settle(crm.office)
    assert (await messages(crm.office), await commanded(crm.office)) == ([], 0)
    await world.admin().change_settings({"paused": "false"})
    await settle(crm.office)
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "second@acme.example"
    assert await crm.hear() == [{"name": "Acme Group"}]
    assert (customer(crm.office)["SyncToken"], await state(crm.office)) == ("2", {})


async def test_the_log_folds_to_the_same_state(crm: Crm) -> None:
    edit(crm.office, DisplayName="Acme Group", PrimaryEmailAddr={"Address": "books@acme.example"})
    await crm.edit(email="sales@acme.example", phone=None)
    await crm.hear()
    database = crm.office.world.services.database
    before = await database.read(_stored)
    await database.transaction(manager.rebuild)
    assert await database.read(_stored) == before
    assert any(stream.startswith("pair/") for _, stream, _ in before[0])


def _stored(connection: sa.Connection) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    states = connection.execute(sa.select(process_state).order_by(*process_state.primary_key.columns))
    waits = connection.execute(sa.select(process_waits).order_by(*process_waits.primary_key.columns))
    return [tuple(row) for row in states], [tuple(row) for row in waits]
