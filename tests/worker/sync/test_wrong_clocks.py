"""Sync on wrong clocks and behind lagging queries, and what `q2c verify` says of observed versions."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.log.tables import log
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions.syncs import request_sync
from worker.sandbox import accountant
from worker.sync.observing import SOURCE
from worker.sync.tables import observed
from worker.verification.versions import unrecorded_versions


@pytest_asyncio.fixture
async def office(ready: World) -> Office:
    opened = Office(ready)
    await opened.work()
    await opened.notify()
    return opened


async def test_between_batches_an_object_is_fetched_once_more_where_queries_lag(office: Office) -> None:
    await office.world.admin().change_settings({"sync_frequency": "hourly"})
    office.world.sandbox.change_traits(office.world.realm, {"query_lag_seconds": 30})
    made = accountant.create(office.company, "Item", _service(office), office.world.clock.now())
    office.world.clock.advance(60)
    await office.sync()
    accountant.change(office.company, "Item", made["Id"], {"Name": "Renamed"}, office.world.clock.now())
    await office.sync()
    assert len(await office.differences()) == 1, "the query showed the item as it was"
    office.world.clock.advance(61)
    await office.work()
    assert await office.differences() == []


async def test_a_clock_that_was_ahead_of_quickbooks_misses_no_change(office: Office) -> None:
    ours = office.world.clock
    theirs = ours.now()
    ours.jump(timedelta(hours=1))
    office.world.sandbox.advance(-3600)
    await office.sync()
    assert office.world.sandbox.now() - theirs < timedelta(minutes=1)
    accountant.create(office.company, "Customer", {"DisplayName": "New"}, office.world.sandbox.now())
    await office.sync()
    assert await office.differences() == []


async def test_a_clock_set_back_neither_ends_nor_repeats_a_sync(office: Office) -> None:
    clock = office.world.clock
    accountant.create(office.company, "Customer", {"DisplayName": "Late"}, clock.now())
    await request_sync(office.world.admin(), full=False)
    await office.world.follow()
    assert await office.syncer.due() == [office.world.realm]
    assert await office.syncer.step(office.world.realm), "the sync begins"
    clock.jump(-timedelta(days=1))
    office.world.sandbox.advance(86_400)
    await office.work()
    found = await office.row()
    assert (found.mode, found.wanted) == (None, None)
    assert await office.differences() == []
    await office.syncer.step(office.world.realm)
    assert await office.syncer.due() == []


async def test_what_waits_by_a_clock_that_was_ahead_does_not_wait_until_then(office: Office) -> None:
    clock = office.world.clock
    clock.jump(timedelta(days=2))
    office.world.sandbox.advance(-2 * 86_400)
    accountant.create(office.company, "Customer", {"DisplayName": "Late"}, office.world.sandbox.now())
    await office.notify()
    await office.sync()
    clock.jump(-timedelta(days=2))
    office.world.sandbox.advance(2 * 86_400)
    assert await office.syncer.due() == [office.world.realm], "the next sync is not two days ahead"
    await office.work()
    assert await office.syncer.due() == []


@pytest.mark.parametrize(
    ("corrupt", "says"),
    [
        (observed.update().values(ordinal=2), "was observed in 2 versions, and 1 are in the log"),
        (observed.update().values(content="{}"), "is not as its last version in the log says"),
        (observed.delete(), "is observed in the log only"),
        (
            log.update()
            .where(log.c.source == SOURCE, log.c.id.contains("/1/"))
            .values(id=sa.func.replace(log.c.id, "/1/observed", "/7/observed")),
            "follows version 0 in the log",
        ),
    ],
)
async def test_what_is_observed_and_not_in_the_log_is_found(
    office: Office, corrupt: sa.UpdateBase, says: str
) -> None:
    database = office.world.services.database
    accountant.create(office.company, "Customer", {"DisplayName": "New"}, office.world.clock.now())
    await office.sync()
    found = await database.read(lambda connection: list(unrecorded_versions(connection)))
    assert found == []
    await database.transaction(lambda connection: connection.execute(corrupt))
    found = await database.read(lambda connection: list(unrecorded_versions(connection)))
    assert any(says in each for each in found), found


def _service(office: Office) -> dict[str, Any]:
    account = office.company.account("SalesOfProductIncome")["Id"]
    return {"Name": "Sundry", "Type": "Service", "IncomeAccountRef": {"value": account}}
