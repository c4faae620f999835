"""Sync in long or lasting trouble: it goes on with everything else, and misses nothing afterwards."""

from datetime import timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa
from prometheus_client import REGISTRY

from events.contract.catalog import OBJECT_MERGED
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions.syncs import request_sync
from worker.sandbox import accountant
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.sync.hearing import handle
from worker.sync.tables import sync_companies


@pytest_asyncio.fixture
async def office(ready: World) -> Office:
    opened = Office(ready)
    await opened.work()
    await opened.notify()
    return opened


async def test_a_sync_that_stood_still_for_longer_than_changes_are_captured_compares_everything(
    office: Office,
) -> None:
    company, clock = office.company, office.world.clock
    renamed = str(accountant.create(company, "Vendor", {"DisplayName": "Early"}, clock.now())["Id"])
    office.world.trouble(*["server_error"] * 3, writes_only=False)
    await office.sync()
    assert (await office.row()).mode == "changes"
    clock.advance(timedelta(days=2).total_seconds())
    accountant.change(company, "Vendor", renamed, {"DisplayName": "Renamed"}, clock.now())
    clock.advance(timedelta(days=40).total_seconds())
    await office.work()
    clock.advance(120)
    await office.work()
    assert await office.differences() == []
    assert (await office.row()).mode is None


@pytest.mark.parametrize("refusal", [Refusal("4002"), Refusal("10000", status=500)])
async def test_an_object_that_quickbooks_never_shows_keeps_no_other_waiting(
    office: Office, refusal: Refusal
) -> None:
    company, clock = office.company, office.world.clock
    odd = str(accountant.create(company, "Customer", {"DisplayName": "Odd"}, clock.now())["Id"])
    await office.notify()
    other = str(accountant.create(company, "Customer", {"DisplayName": "Other"}, clock.now())["Id"])
    accountant.merge(company, "Customer", odd, other, clock.now())
    rule = type(refusal)(refusal.code, refusal.status, operations=("read",), entities=("Customer",))
    office.world.sandbox.trouble.follow(Plan(refusals=(rule,)))
    await office.sync(full=True)
    for _ in range(12):
        clock.advance(600)
        await office.work()
    late = str(accountant.create(company, "Vendor", {"DisplayName": "Late"}, clock.now())["Id"])
    await office.sync()
    row = await office.row()
    assert (row.mode, row.wanted) == (None, None)
    assert not any(late in each for each in await office.differences() if "Vendor" in each)
    office.world.sandbox.trouble.follow(Plan())
    clock.advance(3600)
    await office.work()
    assert await office.differences() == []


async def test_every_object_is_read_while_notices_never_cease(office: Office) -> None:
    await request_sync(office.world.admin(), full=True)
    await office.world.follow()
    for number in range(60):
        at = office.world.clock.now().isoformat()
        fact = {
            "realm": office.world.realm,
            "entity": "Customer",
            "entity_id": "1",
            "operation": "Update",
            "at": at,
        }
        await office.world.send(stories.cloudevent("quickbooks.changed", fact, id=f"again-{number}"))
        await office.world.follow()
        office.world.clock.advance(2)
        await office.syncer.due()
        await office.syncer.step(office.world.realm)
    assert all(each.complete for each in (await office.readings()).values())
    assert (await office.row()).reading > 1


async def test_a_merged_customer_names_its_survivor_if_the_notice_does(office: Office) -> None:
    company, clock = office.company, office.world.clock
    one, two = (
        str(accountant.create(company, "Customer", {"DisplayName": name}, clock.now())["Id"])
        for name in ("Bolt", "Bolt Inc.")
    )
    await office.sync()
    accountant.merge(company, "Customer", one, two, clock.now())
    fact = {
        "realm": office.world.realm,
        "entity": "Customer",
        "operation": "Merge",
        "at": clock.now().isoformat(),
    }
    stays = stories.cloudevent("quickbooks.changed", {**fact, "entity_id": two}, id="stays")
    gone = stories.cloudevent("quickbooks.changed", {**fact, "entity_id": one, "survivor": two}, id="gone")
    await office.world.send(stays, gone)
    await office.world.follow()
    clock.advance(2)
    await office.work()
    merged = [each.event.payload for each in await office.world.log() if each.event.type == OBJECT_MERGED]
    assert [(each.entity_id, each.survivor) for each in merged] == [(one, two)]


async def test_the_companies_of_notices_are_locked_before_the_notices(office: Office) -> None:
    """Steps of a sync lock them in this order, too; another one would deadlock on PostgreSQL."""
    accountant.create(office.company, "Customer", {"DisplayName": "New"}, office.world.clock.now())
    before = await office.head()
    await office.notify()
    heard = [each for each in await office.world.log() if each.position > before]
    changed: list[str] = []

    def hear(connection: sa.Connection) -> None:
        sa.event.listen(connection, "before_cursor_execute", lambda *said: changed.append(said[2]))
        handle(connection, heard, office.world.clock.now())

    await office.world.services.database.transaction(hear)
    tables = [table for said in changed if (table := _changed_table(said))]
    assert tables == ["sync_companies", "sync_notices"]


def _changed_table(statement: str) -> str | None:
    words = statement.split()
    return {"UPDATE": words[1], "INSERT": words[2]}.get(words[0])


@pytest.mark.parametrize(
    ("frequency", "webhooks", "reads"),
    [
        ("real_time", "arriving", 36),
        ("real_time", "none", 108),
        ("hourly", "arriving", 35),
        ("daily 02:30", "arriving", 5),
    ],
)
async def test_a_day_without_changes_costs_as_many_reads_as_the_docs_say(
    office: Office, frequency: str, webhooks: str, reads: int
) -> None:
    clock, world = office.world.clock, office.world
    if webhooks == "none":
        await world.services.database.transaction(
            lambda c: c.execute(sync_companies.update().values(noticed_at=None))
        )
    await world.admin().change_settings({"sync_frequency": frequency})
    await office.work()
    clock.advance(120)
    await office.work()
    before = read_so_far()
    for _ in range(24 * 60):
        clock.advance(60)
        if await office.syncer.due():
            await office.work()
    assert read_so_far() - before == reads


def read_so_far() -> float:
    """Return how many reads were counted."""
    name = "q2c_quickbooks_reads_total"
    return sum(REGISTRY.get_sample_value(name, {"purpose": each}) or 0 for each in ("bulk", "needed"))
