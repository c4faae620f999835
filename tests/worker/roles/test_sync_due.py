"""The scheduler says when a workspace's sync is due, once each time; the process manager then sends what waits."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract import catalog
from events.contract.envelope import Event
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.log import log
from tests import stories, world
from tests.events.samples import made
from tests.fakes import FakeClock
from tests.worker.quote_to_cash.given import NOW, chosen_at, expired, ready
from tests.world import World
from worker.commands.table import commands
from worker.quote_to_cash import manager, view
from worker.quote_to_cash.store import process_state, process_waits
from worker.roles import reconsidering, runner
from worker.roles.idle import left_to_do
from worker.roles.runner import ShortTurns
from worker.roles.schedule import keep_time, syncs_of
from worker.services import SUBSCRIPTIONS
from worker.verification.books import Books
from worker.verification.invariants import violations

HOLDER = "test"
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened: Database
    if request.param == "sqlite":
        opened = InlineDatabase(tmp_path / "syncs.sqlite3")
    else:
        opened = PostgresDatabase(request.getfixturevalue("postgres_url"))
    await opened.transaction(world.lay_tables)
    yield opened
    await opened.close()


async def decided(database: Database, *happened: Event | dict[str, Any]) -> None:
    """Append events, and bring every subscription to the head."""
    events = [made(item) if isinstance(item, dict) else item for item in happened]
    await database.transaction(log.append, events, NOW)
    await runner.catch_up(database, FakeClock(NOW), SUBSCRIPTIONS, HOLDER)


async def due(database: Database, now: datetime) -> list[str]:
    """Append the syncs that are due, as two schedulers at once do; return their IDs."""
    found = await database.read(syncs_of, now)
    for _ in range(2):
        await database.transaction(log.append, found, now)
    await runner.catch_up(database, FakeClock(now), SUBSCRIPTIONS, HOLDER)
    return [event.id for event in found]


def frequency(value: str, at: datetime = NOW) -> Event:
    return chosen_at(at, {"sync_frequency": value})


async def invoices(database: Database) -> dict[str, str]:
    """Return the cause of each commanded invoice."""
    rows = await database.read(
        lambda c: c.execute(
            sa.select(commands.c.subject, commands.c.cause_id).where(commands.c.kind == "create_invoice")
        ).all()
    )
    return {row.subject: row.cause_id for row in rows}


async def test_an_hourly_sync_is_due_at_each_full_hour_from_the_change_on(database: Database) -> None:
    begun = NOW + timedelta(minutes=20)
    await decided(database, *ready(), *stories.signed_deal("D-0"))
    assert await database.read(syncs_of, NOW + 5 * HOUR) == []
    await decided(database, frequency("hourly", begun), *stories.signed_deal())
    assert await due(database, begun + timedelta(minutes=39)) == []
    assert await due(database, NOW + HOUR) == ["hourly 2026-05-04T01:00:00Z"]
    assert await due(database, NOW + HOUR + timedelta(minutes=59)) == []
    assert (await invoices(database))["deal/D-1"] == "hourly 2026-05-04T01:00:00Z"
    assert await due(database, NOW + 2 * HOUR) == ["hourly 2026-05-04T02:00:00Z"]


async def test_after_an_outage_only_the_last_missed_sync_is_due(database: Database) -> None:
    await decided(database, *ready(), frequency("hourly"), *stories.signed_deal())
    assert await due(database, NOW + 30 * HOUR) == ["hourly 2026-05-05T06:00:00Z"]
    assert await due(database, NOW + 30.5 * HOUR) == []
    assert set(await invoices(database)) == {"deal/D-1"}


async def test_a_daily_sync_is_due_by_the_company_s_clock(database: Database) -> None:
    await decided(database, *ready(), frequency("daily 02:30"), *stories.signed_deal())
    half_past_nine = NOW + 9.5 * HOUR  # 02:30 in Los Angeles
    assert await due(database, half_past_nine - timedelta(seconds=1)) == []
    assert await due(database, half_past_nine) == ["daily 02:30 2026-05-04T09:30:00Z"]
    assert await due(database, half_past_nine + 24 * HOUR) == ["daily 02:30 2026-05-05T09:30:00Z"]
    # A zone whose 02:30 has passed today has missed nothing: its first sync is tomorrow's.
    noon = NOW + 36 * HOUR
    await decided(database, chosen_at(noon, {"time_zone": "Asia/Tokyo"}))
    assert await due(database, noon) == []
    assert await due(database, noon + 6 * HOUR) == ["daily 02:30 2026-05-05T17:30:00Z"]


async def test_nothing_is_due_without_a_connection_and_one_sync_once_it_is_back(database: Database) -> None:
    await decided(database, frequency("hourly"), *ready()[:1])
    assert await due(database, NOW + HOUR) == []
    await decided(database, *ready()[1:], expired())
    assert await due(database, NOW + 2 * HOUR) == []
    await decided(database, *ready()[1:])
    assert await due(database, NOW + 3 * HOUR) == ["hourly 2026-05-04T03:00:00Z"]


async def test_syncs_go_on_after_a_clock_that_was_ahead_was_set_back(database: Database) -> None:
    await decided(database, *ready(), frequency("hourly"))
    assert await due(database, NOW + 48 * HOUR) == ["hourly 2026-05-06T00:00:00Z"]
    assert await due(database, NOW + HOUR) == ["hourly 2026-05-04T01:00:00Z"]
    assert await due(database, NOW + HOUR) == []
    assert await due(database, NOW + 2 * HOUR) == ["hourly 2026-05-04T02:00:00Z"]


async def test_a_batch_of_many_deals_is_sent_in_portions_and_its_state_follows_from_the_log(
    database: Database,
) -> None:
    deals = [f"D-{number}" for number in range(9)]
    clock, size = FakeClock(NOW + HOUR), ShortTurns(2)
    with patch.object(view, "AT_ONCE", 3):
        await decided(database, *ready(), *(event for deal in deals for event in stories.signed_deal(deal)))
        await decided(database, frequency("hourly", NOW))
        late = [f"E-{number}" for number in range(9)]
        await decided(database, *(event for deal in late for event in stories.signed_deal(deal)))
        assert set(await invoices(database)) == {f"deal/{deal}" for deal in deals}
        (tick,) = await due(database, NOW + HOUR)
        await decided(database, *stories.signed_deal("F-1"))
        while await reconsidering.portions(database, clock, HOLDER, size):
            await runner.catch_up(database, clock, SUBSCRIPTIONS, HOLDER)
    batched = {subject for subject, cause in (await invoices(database)).items() if cause == tick}
    assert batched == {f"deal/{deal}" for deal in late}
    before = await database.read(kept)
    await database.transaction(manager.rebuild)
    assert await database.read(kept) == before


def kept(connection: sa.Connection) -> list[list[tuple[Any, ...]]]:
    """Return the process manager's state, and the waiting streams."""
    tables = (process_state, process_waits)
    return [sorted(tuple(row) for row in connection.execute(sa.select(table))) for table in tables]


async def test_a_batch_reaches_quickbooks_and_the_deal_says_when_until_then(ready: World) -> None:
    await ready.admin().change_settings({"sync_frequency": "hourly"})
    stopping = asyncio.Event()
    keepers = [asyncio.create_task(keep_time(ready.services, stopping)) for _ in range(2)]
    await ready.clock.sleep(60)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert ready.books() == []
    assert (await ready.services.database.read(left_to_do))[1] is None
    said = "The invoice is sent with the next batch (hourly), at 2026-05-05 06:00 (America/Los_Angeles)."
    assert (await ready.deals())["D-1"]["reason"] == said
    explained = await ready.explain()
    assert explained.first_unmet == "batch_not_due"
    assert (explained.gates[-1].reason, explained.gates[-1].action) == (said, "wait")
    await ready.clock.sleep((datetime(2026, 5, 5, 13, 0, 1, tzinfo=UTC) - ready.clock.now()).total_seconds())
    await ready.settle()
    (invoice,) = ready.books()
    told = (await ready.explain()).events
    assert [event.id for event in told if event.stream == catalog.SYNC_CLOCK] == [
        "hourly 2026-05-05T13:00:00Z"
    ]
    assert invoice["MetaData"]["CreateTime"] >= "2026-05-05T06:00"
    ticks = [r.event for r in await ready.log() if r.event.type == catalog.SYNC_DUE]
    assert [(tick.id, tick.payload.due) for tick in ticks] == [
        ("hourly 2026-05-05T13:00:00Z", datetime(2026, 5, 5, 13, tzinfo=UTC))
    ]
    stopping.set()
    await asyncio.gather(*keepers)
    found = await ready.services.database.read(violations, ready.clock.now(), Books({}))
    assert not any(found.values()), found


async def test_a_changed_frequency_and_a_hand_send_what_waits(ready: World) -> None:
    await ready.admin().change_settings({"sync_frequency": "daily 02:30"})
    await ready.send(*stories.signed_deal("D-1"), *stories.signed_deal("D-2"))
    await ready.settle()
    assert ready.books() == []
    await ready.admin().request_invoice("D-2")
    await ready.settle()
    assert len(ready.books()) == 1
    await ready.admin().change_settings({"sync_frequency": "real_time"})
    await ready.settle()
    assert [await ready.invoice_of(deal) is not None for deal in ("D-1", "D-2")] == [True, True]
    assert len(ready.books()) == 2
