"""The result of the first sync and of the comparison after it: in the log, and as the stage of accounts without a customer."""

from typing import Any

import pytest
import pytest_asyncio

from events.contract.matching import MAPPINGS_COMPARED, Verdicts
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import reviews
from worker.actions.connections import disconnect_company
from worker.actions.reviewed import ACCOUNTS
from worker.sandbox import accountant
from worker.suggesting import portions
from worker.suggesting.indexes import Indexes
from worker.suggesting.stages import Stage, stage_of

NAMES = {"A-1": "Harper & Lowe", "A-2": "Harper & Lowe Architects", "A-3": "Quixote", "A-4": "Quite another"}


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A workspace with four accounts, and a company with one customer; nothing is read yet."""
    await world.add_workspace()
    opened = Office(world)
    await world.send(*(stories.account(account, name=name) for account, name in NAMES.items()))
    return opened


async def connect(office: Office) -> None:
    await office.world.connect()
    fields = {"DisplayName": "Harper & Lowe Architects"}
    accountant.create(office.company, "Customer", fields, office.world.clock.now())


async def compared(office: Office) -> list[Any]:
    return [each.event.payload for each in await office.world.log() if each.event.type == MAPPINGS_COMPARED]


async def stage(office: Office) -> Stage:
    return await office.world.services.database.read(stage_of, "acme")


def logged(connection: Any) -> list[str]:
    return [
        row[0]
        for row in connection.exec_driver_sql("SELECT message FROM integration_log_v2 ORDER BY position")
    ]


async def test_the_log_tells_what_the_first_sync_read_and_what_came_of_the_accounts(office: Office) -> None:
    await connect(office)
    await reviews.ignore(office.world.admin(), ACCOUNTS, "A-4")
    await office.work()
    (found,) = await compared(office)
    assert (found.accounts, found.products) == (Verdicts(link=1, review=1, none=1, decided=1), Verdicts())
    said = await office.world.services.database.read(logged)
    customers = len(office.world.books("Customer"))
    (read,) = [each for each in said if each.startswith("The first sync with QuickBooks is complete")]
    assert f"customer {customers} of {customers}" in read
    assert said[-1] == (
        "All accounts were compared with the company's customers: 1 could be linked, 1 to be reviewed, 1 without a match,"
        " 1 decided before."
    )


async def test_each_sync_of_everything_is_compared_once_also_by_a_process_that_was_killed(
    office: Office,
) -> None:
    await connect(office)
    await office.work()
    await office.world.send(*stories.signed_deal())
    await office.work()
    assert len(await compared(office)) == 1, "a change of one account is no comparison of all"
    office.world.indexes = Indexes()
    await office.sync(full=True)
    *_, last = await compared(office)
    assert (len(await compared(office)), last.products.none) == (2, 1)
    assert last.accounts == Verdicts(link=1, review=1, none=2)


async def test_the_stage_says_why_an_account_was_not_compared_yet(office: Office) -> None:
    assert await stage(office) == "not_connected"
    await connect(office)
    await office.world.follow()
    assert await stage(office) == "being_read"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(portions, "workspaces", lambda _connection: [])
        await office.work()
        assert await stage(office) == "being_compared"
    await office.work()
    assert await stage(office) == "compared"
    await disconnect_company(office.world.services, office.world.gateway, office.world.admin())
    await office.world.follow()
    assert await stage(office) == "not_connected"
