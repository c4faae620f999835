"""An accountant in QuickBooks and people in the CRM edit one customer: each side has the other's edits, once."""

from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract import in_step
from tests import stories
from tests.worker.quote_to_cash.in_step.crm import (
    Crm,
    customer,
    edit,
    in_conflict,
    messages,
    open_crm,
    settle,
    with_a_taken_name,
)
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import conflicts
from worker.actions.admin import ActionRefused
from worker.quote_to_cash import manager
from worker.quote_to_cash.in_step.state import Pair
from worker.quote_to_cash.store import StateStore, process_state, process_waits
from worker.sandbox import accountant


@pytest_asyncio.fixture
async def crm(world: World) -> Crm:
    return await open_crm(world)


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
    await in_conflict(crm)
    await crm.edit(phone="+1 555 0199")
    assert await state(crm.office) == {"email": "conflict"}
    assert customer(crm.office)["PrimaryPhone"]["FreeFormNumber"] == "+1 555 0199"
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "books@acme.example"
    admin = crm.office.world.admin()
    await conflicts.resolve(admin, "A-1", "email", "crm")
    await settle(crm.office)
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "sales@acme.example"
    assert await state(crm.office) == {}
    with pytest.raises(ActionRefused, match="is in no conflict"):
        await conflicts.resolve(admin, "A-1", "email", "crm")


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
    await with_a_taken_name(crm)
    found = customer(crm.office)
    assert (found["DisplayName"], found["PrimaryEmailAddr"]["Address"]) == ("Acme A-1", "new@acme.example")
    assert await state(crm.office) == {"name": "refused"}
    before = await commanded(crm.office)
    await crm.edit(phone="+1 555 0199")
    assert await commanded(crm.office) == before + 1
    assert await state(crm.office) == {"name": "refused"}
    vendor = next(each for each in crm.office.world.books("Vendor") if each["DisplayName"] == "Acme Group")
    free, now = {"DisplayName": "Acme Supplies"}, crm.office.world.clock.now()
    accountant.change(crm.office.company, "Vendor", vendor["Id"], free, now)
    await conflicts.retry(crm.office.world.admin(), "A-1", "name")
    await settle(crm.office)
    assert (customer(crm.office)["DisplayName"], await state(crm.office)) == ("Acme Group", {})


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


async def test_an_explained_deal_notes_a_conflict_and_is_invoiced_all_the_same(crm: Crm) -> None:
    world = crm.office.world
    await in_conflict(crm)
    await world.send(*stories.signed_deal())
    await settle(crm.office)
    assert len(world.books()) == 1
    (note,) = (await world.explain()).notes
    assert note.startswith(
        "account/A-1: The e-mail address is 'sales@acme.example' in the CRM and 'books@acme.example'"
    )


def _stored(connection: sa.Connection) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    states = connection.execute(sa.select(process_state).order_by(*process_state.primary_key.columns))
    waits = connection.execute(sa.select(process_waits).order_by(*process_waits.primary_key.columns))
    return [tuple(row) for row in states], [tuple(row) for row in waits]
