"""Before customer sync is switched on, the writes that it would cause are counted; afterwards, just these are made."""

from unittest.mock import patch

import pytest
import pytest_asyncio
from msgspec.structs import replace

from events.contract import catalog, in_step
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER
from tests import stories
from tests.worker.suggesting.steps import account, create, everything, payloads
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import effects
from worker.actions.effects import Effects, effects_of
from worker.quote_to_cash import view
from worker.workspaces.settings import SettingInvalid

ALL = {"customer_sync": "both", "unmapped_account": "create_at_once", "unmapped_customer": "create_in_crm"}
ADDRESS = {"Address": "office@bolt.example"}


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A company whose accounts and customers differ in many ways, which was read."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    harper = create(opened, "Harper & Lowe")
    bolt = create(opened, "Bolt & Sons", PrimaryEmailAddr=ADDRESS)
    for name in ("Village Bakery", "Corner Bookshop", "Lakeshore Montessori, Inc."):
        create(opened, name)
    await world.send(
        account("A-1", "Harper & Lowe", email="office@harper.example"),
        account("A-2", "Bolt & Sons"),
        account("A-3", "Lakeshore Montessori"),
        account("A-4", "Kestrel Aviation"),
        account("A-5", "Blue Falcon Airways"),
    )
    await opened.work()
    await world.admin().map_account("A-1", harper)
    await world.admin().map_account("A-2", bolt)
    # The CRM is wrong about it: a person decides, and nothing is created.
    taken = {"realm": world.realm, "customer_id": harper}
    await world.send(account("A-6", "Green Heron Travel", customer=taken))
    await everything(opened)
    return opened


async def written(office: Office) -> Effects:
    """Return the writes that were made."""
    kinds = (
        catalog.CUSTOMER_COMMANDED,
        in_step.CUSTOMER_UPDATE_COMMANDED,
        ACCOUNT_CREATED_FROM_CUSTOMER,
        in_step.ACCOUNT_CUSTOMER_CHANGED,
    )
    created, updated, offered, told = [len(await payloads(office, each)) for each in kinds]
    return Effects(created, updated, offered, told)


@pytest.mark.parametrize("at_once", [100, 1], ids=["few", "many"])
@pytest.mark.parametrize(
    "changes",
    [
        ALL,
        {"customer_sync": "to_quickbooks"},
        {"customer_sync": "to_crm"},
        {"customer_sync": "to_quickbooks", "unmapped_account": "create_at_once"},
        {"customer_sync": "to_crm", "unmapped_customer": "create_in_crm"},
        {"customer_sync": "both", "sync_email": "quickbooks"},
        {"unmapped_account": "create_at_once", "unmapped_customer": "create_in_crm"},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()),
)
async def test_what_is_counted_is_what_is_written(
    office: Office, changes: dict[str, str], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "AT_ONCE", at_once)
    acting, before = office.world.admin(), await office.head()
    counted = await effects_of(acting, changes)
    assert await office.head() == before, "nothing is recorded"
    assert await written(office) == Effects()
    await acting.change_settings(changes)
    await everything(office)
    assert await written(office) == replace(counted, notes=())
    assert len(counted.notes) == (0 if "customer_sync" in changes else 2)
    if changes == ALL:
        assert counted.customers_created == 2
        assert (counted.customers_updated, counted.accounts_updated) == (1, 1)
        assert counted.accounts_offered is not None
        assert counted.accounts_offered >= 2
    assert (await effects_of(acting, changes)).is_nothing, "it is switched on already"


async def test_on_invoice_only_the_customers_of_deals_that_wait_for_nothing_else_are_counted(
    office: Office,
) -> None:
    acting = office.world.admin()
    await acting.map_product("P-1", "1")
    await acting.change_settings({"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"})
    await office.world.send(*stories.signed_deal(account_id="A-4"))
    await everything(office)
    changes = {"customer_sync": "to_quickbooks", "unmapped_account": "create_on_invoice"}
    assert (await effects_of(acting, changes)).customers_created == 1


async def test_customers_that_were_not_all_read_yet_are_not_counted(world: World) -> None:
    await world.add_workspace()
    await world.connect()
    await world.follow()
    counted = await effects_of(world.admin(), ALL)
    assert counted == Effects(accounts_offered=None)
    assert "an unknown number of accounts" in counted.says


async def test_of_very_many_customers_a_part_is_compared(office: Office) -> None:
    whole = await effects_of(office.world.admin(), ALL)
    with patch.object(effects, "COMPARED_MAX", 2):
        counted = await effects_of(office.world.admin(), ALL)
    assert (whole.is_estimate, counted.is_estimate) == (False, True)
    assert "offered about" in counted.says


async def test_an_unknown_setting_is_refused(world: World) -> None:
    await world.add_workspace()
    with pytest.raises(SettingInvalid):
        await effects_of(world.admin(), {"customer_sync": "sometimes"})
