"""Sync with few reads of QuickBooks left in the month."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from tests.worker.sync.office import Office
from tests.world import open_world
from worker.quickbooks import reads
from worker.quickbooks.meter import TOTAL_SECONDS
from worker.quickbooks.reads import FRUGAL_SHARE, SPENT_SHARE
from worker.sandbox import accountant
from worker.sync.entities import OBSERVABLES
from worker.sync.frequency import FRUGAL_TIMES, UNHEARD

BUDGET = 1_000


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_world(tmp_path, quickbooks_reads_per_month=BUDGET) as world:
        await world.ready()
        opened = Office(world)
        await opened.work()
        assert (await opened.row()).last_sync is not None
        yield opened


async def use_up(office: Office, share: float) -> None:
    """Let this month's reads be a share of the budget, and the process notice it."""
    clock, database = office.world.clock, office.world.services.database
    used = await database.read(reads.reads_of_month, None, clock.now())
    more = {(reads.month_of(clock.now()), office.world.realm): int(share * BUDGET) - used}
    await database.transaction(reads.add, more, clock.now())
    clock.advance(TOTAL_SECONDS)


async def test_sync_polls_more_rarely_while_reads_are_scarce(office: Office) -> None:
    await office.sync()
    assert (await office.row()).next_sync == office.world.clock.now() + UNHEARD
    await use_up(office, FRUGAL_SHARE)
    await office.sync()
    assert (await office.row()).next_sync == office.world.clock.now() + UNHEARD * FRUGAL_TIMES


async def test_a_full_compare_waits_for_the_next_month_or_a_person_while_reads_are_scarce(
    office: Office,
) -> None:
    clock = office.world.clock
    clock.advance(timedelta(days=30).total_seconds())
    await use_up(office, FRUGAL_SHARE)
    accountant.create(office.company, "Customer", {"DisplayName": "Bolt"}, clock.now())
    before = await office.head()
    await office.work()
    put_off = await office.row()
    assert put_off.next_sync == reads.next_month(clock.now())
    assert "q2c sync --full" in str(put_off.problem)
    assert await office.appended(before) == []
    assert await office.syncer.due() == [], "it would be looked at again and again"
    await office.sync()
    assert (await office.row()).problem is None
    assert await office.differences() == []


async def test_a_full_compare_that_was_put_off_comes_with_the_next_month(office: Office) -> None:
    clock = office.world.clock
    clock.advance(timedelta(days=30).total_seconds())
    await use_up(office, FRUGAL_SHARE)
    accountant.create(office.company, "Customer", {"DisplayName": "Bolt"}, clock.now())
    await office.work()
    assert await office.differences() != []
    clock.advance((reads.next_month(clock.now()) - clock.now()).total_seconds())
    await office.work()
    assert await office.differences() == []


async def test_after_an_upgrade_objects_are_read_again_when_reads_are_plenty(office: Office) -> None:
    await use_up(office, FRUGAL_SHARE)
    database = office.world.services.database
    await database.transaction(
        lambda c: c.exec_driver_sql("UPDATE sync_readings SET kept = 0 WHERE entity = 'Customer'")
    )
    for _ in range(2):
        office.world.clock.advance((UNHEARD * FRUGAL_TIMES).total_seconds())
        await office.work()
    assert await kept(office) == 0
    office.world.clock.advance(timedelta(days=28).total_seconds())
    await office.work()
    assert await kept(office) == next(each.kept for each in OBSERVABLES if each.name == "Customer")


async def test_sync_waits_for_the_next_month_once_reads_are_spent(office: Office) -> None:
    clock = office.world.clock
    await use_up(office, SPENT_SHARE)
    clock.advance(UNHEARD.total_seconds())
    before = await office.head()
    await office.work()
    waiting = await office.row()
    assert waiting.not_before == reads.next_month(clock.now())
    assert waiting.failures == 1
    assert "Q2C_QUICKBOOKS_READS_PER_MONTH" in str(waiting.problem)
    assert await office.syncer.due() == []
    assert not await office.syncer.step(office.world.realm)
    assert await office.appended(before) == []
    clock.advance((waiting.not_before - clock.now()).total_seconds())
    await office.work()
    assert (await office.row()).problem is None
    assert await office.differences() == []


async def kept(office: Office) -> int:
    """Return the version of the customers' fields that were kept when they were read in full."""
    database = office.world.services.database
    found = await database.read(
        lambda c: c.exec_driver_sql("SELECT kept FROM sync_readings WHERE entity = 'Customer'").scalar_one()
    )
    return int(found)
