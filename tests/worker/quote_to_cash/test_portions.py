"""Deals that wait on one change are reconsidered in portions, with the same result as at once, and delay nothing."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract.envelope import Event
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.log import log
from tests import stories, world
from tests.events.samples import made
from tests.fakes import FakeClock
from tests.worker.quote_to_cash.given import NOW, chosen_at, given, observed, ready
from worker.commands.table import commands
from worker.quote_to_cash import keys, manager, reconsiderations, view
from worker.quote_to_cash.decide import decide
from worker.quote_to_cash.reconsiderations import reconsiderations as rows
from worker.quote_to_cash.store import process_state, process_waits
from worker.roles import reconsidering, runner
from worker.roles.runner import ShortTurns
from worker.services import SUBSCRIPTIONS

# Names whose order by a collation differs from that by code points, before and after the streams of deals.
DEALS = ("D-1", "D-10", "D-2", "d-1", "D/1", "É", "~", "Z")
HOLDER = "test"


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened: Database
    if request.param == "sqlite":
        opened = InlineDatabase(tmp_path / "portions.sqlite3")
    else:
        opened = PostgresDatabase(request.getfixturevalue("postgres_url"))
    await opened.transaction(world.lay_tables)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


async def decided(database: Database, clock: FakeClock, *happened: Event | dict[str, Any]) -> None:
    """Append events, and bring every subscription to the head."""
    events = [made(item) if isinstance(item, dict) else item for item in happened]
    await database.transaction(log.append, events, NOW)
    await runner.catch_up(database, clock, SUBSCRIPTIONS, HOLDER)


async def reconsidered(database: Database, clock: FakeClock, streams: int) -> int:
    """Carry out all portions; return the number of transactions."""
    size, taken = ShortTurns(streams), 0
    while await reconsidering.portions(database, clock, HOLDER, size):
        taken += 1
        await runner.catch_up(database, clock, SUBSCRIPTIONS, HOLDER)
    return taken


def switched(value: str, *, times: int = 0) -> Event:
    """Return the event that switches automatic invoicing for the given time."""
    return chosen_at(NOW.replace(minute=times), {"auto_invoice": value})


def waiting_deals() -> Sequence[Event | dict[str, Any]]:
    """Return signed deals that wait for automatic invoicing."""
    signed = [event for deal in DEALS for event in stories.signed_deal(deal)]
    return [*ready(), switched("false"), *signed]


def kept(connection: sa.Connection) -> list[Any]:
    """Return the decisions: the state, the waiting streams, and the commands."""
    invoices = sa.select(commands.c.subject, commands.c.request_id, commands.c.body)
    return [
        sorted(tuple(row) for row in connection.execute(statement))
        for statement in (sa.select(process_state), sa.select(process_waits), invoices)
    ]


async def test_portions_lead_to_the_same_state_as_one_transaction(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    at_once = InlineDatabase(tmp_path / "at_once.sqlite3")
    await at_once.transaction(world.lay_tables)
    await decided(at_once, clock, *waiting_deals(), switched("true", times=1))
    wanted = await at_once.read(kept)
    await at_once.close()
    assert {subject for subject, *_ in wanted[2]} >= {f"deal/{deal}" for deal in DEALS}

    with patch.object(view, "AT_ONCE", 2):
        await decided(database, clock, *waiting_deals())
        await reconsidered(database, clock, 3)
        await decided(database, clock, switched("true", times=1))
        before = {subject for subject, *_ in (await database.read(kept))[2]}
        assert not before & set(DEALS)
        assert await reconsidered(database, clock, 3) > len(DEALS) // 3
    assert await database.read(kept) == wanted


async def test_a_change_that_waits_for_its_turn_makes_room_for_a_newer_one(
    database: Database, clock: FakeClock
) -> None:
    with patch.object(view, "AT_ONCE", 2):
        await decided(database, clock, *waiting_deals())
        await reconsidered(database, clock, 3)
        await decided(database, clock, switched("true", times=1), switched("false", times=2))
        (second,) = await database.read(_queued)
        for _ in range(2):  # no account waits, and the deals have begun
            await database.transaction(manager.go_on, "acme", 1, HOLDER, clock.now())
        await decided(database, clock, switched("true", times=3))
        await decided(database, clock, switched("false", times=4))
        begun, newest = await database.read(_queued)
        assert begun[0] == second[0]  # it has made progress, so it continues
        assert (second[1:], newest[1:]) == ((0, ""), (0, ""))
        await reconsidered(database, clock, 3)
        assert await database.read(_queued) == []
    assert not {subject for subject, *_ in (await database.read(kept))[2]} & set(DEALS)


async def test_new_events_go_first(database: Database, clock: FakeClock) -> None:
    with patch.object(view, "AT_ONCE", 2):
        await decided(database, clock, *waiting_deals(), switched("true", times=1))
        accounts = [made(stories.account(f"A-{n}")) for n in range(reconsidering.BEHIND_MAX)]
        await database.transaction(log.append, accounts, NOW)
        assert await database.read(reconsidering.due) == ["acme"]
        await database.transaction(log.append, [made(stories.account("A-last"))], NOW)
        assert not await reconsidering.portions(database, clock, HOLDER, ShortTurns(3))
        await runner.catch_up(database, clock, SUBSCRIPTIONS, HOLDER)
        assert await reconsidered(database, clock, 3)


def test_an_event_that_changes_nothing_of_a_workspace_wakes_no_deal() -> None:
    decider = given(*ready(paused="true"), *stories.signed_deal())
    with patch.object(view, "AT_ONCE", 0):
        assert decide(decider.view, observed()).many_wait_on == []
        assert decide(decider.view, observed(home_currency="CAD")).many_wait_on == [keys.COMPANY]


async def test_a_process_that_does_not_decide_reconsiders_nothing(
    database: Database, clock: FakeClock
) -> None:
    with patch.object(view, "AT_ONCE", 2):
        await decided(database, clock, *waiting_deals(), switched("true", times=1))
    queued = await database.read(_queued)
    assert await database.transaction(manager.go_on, "acme", 1, "another", clock.now()) is None
    assert await database.transaction(manager.go_on, "bolt", 1, HOLDER, clock.now()) is None
    assert await database.read(_queued) == queued


@pytest.mark.parametrize(
    "stream", ["account/A", "customer/1/2", "deal/D", "deal/\U0010fffe", "item/1", "workspace"]
)
def test_a_stream_is_in_one_stage_and_deals_are_in_the_last(stream: str) -> None:
    stages = [stage for stage in reconsiderations.STAGES if _holds(stage, stream)]
    assert len(stages) == 1
    assert (stages[0] == reconsiderations.STAGES[-1]) == stream.startswith("deal/")


def _holds(stage: reconsiderations.Range, stream: str) -> bool:
    return stage.after < stream and (stage.before is None or stream < stage.before)


def _queued(connection: sa.Connection) -> list[tuple[Any, ...]]:
    found = connection.execute(
        sa.select(rows.c.position, rows.c.stage, rows.c.after).order_by(rows.c.position)
    )
    return [tuple(row) for row in found]
