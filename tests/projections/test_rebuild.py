"""Read models rebuilt beside the live ones equal the fold of the log, whatever happens meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.clock import SystemClock
from events.contract.envelope import Event, from_structured
from events.database.port import Database
from events.log import log, subscriptions
from events.log.subscriptions import LEASE_SECONDS
from events.log.tables import subscriptions as readers
from projections import beside, rows, shape
from projections.all import PROJECTIONS
from projections.beside import NothingKept
from projections.deals import DEALS
from projections.fold import Fold
from projections.rebuild import BEHIND_EVENTS, fill_missing, rebuild
from tests import stories
from tests.fakes import FakeClock
from tests.world import World, open_world
from worker.actions.admin import ActionRefused
from worker.migrations import schema
from worker.quote_to_cash import manager
from worker.roles import runner
from worker.runtime.environment import Environment
from worker.sandbox.failing.trouble import KINDS
from worker.services import open_database
from worker.verification.scratch import differences, refolded


async def live_through_something(world: World, seed: int) -> None:
    """Run random actions and events on an installation."""
    random = Random(seed)
    await world.ready()
    events: list[Any] = [stories.account(f"A-{n}") for n in (1, 2)]
    for n in range(6):
        events += stories.signed_deal(f"D-{n}", account_id=f"A-{random.choice((1, 2, 3))}")
        events.append(stories.contract(random.choice(("declined", "voided")), f"D-{n}", f"C-other-{n}"))
        events.append(stories.deal(f"D-{n}", revision=2, stage=random.choice(("closed_won", "closed_lost"))))
    random.shuffle(events)
    actions = [
        lambda: world.admin().request_customer("A-2"),
        lambda: world.admin().request_invoice("D-1"),
        lambda: world.admin().change_settings({"paused": "true"}),
        lambda: world.admin().change_settings(
            {"paused": "false", "terms": random.choice(("Net 30", "Net 7"))}
        ),
        lambda: world.admin().map_account("A-3", "1"),
    ]
    for place in range(0, len(events), 5):
        world.trouble(*(random.choice([None, None, *KINDS]) for _ in range(3)), late_seconds=20)
        await world.send(*events[place : place + 5])
        with suppress(ActionRefused):  # the deal may arrive later, or have its invoice
            await random.choice(actions)()
        if random.random() < 0.5:
            await world.settle()
    await world.settle()


def shown(connection: sa.Connection) -> dict[str, list[Any]]:
    """Return every live row."""
    return {
        live.name: [tuple(row) for row in connection.execute(sa.select(live).order_by(*live.primary_key))]
        for projection in PROJECTIONS
        for live in projection.live
    }


def editions(connection: sa.Connection) -> int:
    """Return the largest number of editions with rows in a table."""
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    return max(len(set(connection.scalars(sa.select(table.c.edition)))) for table in tables)


def standing(connection: sa.Connection) -> list[str]:
    """Return the subscriptions of a projection."""
    names = connection.scalars(sa.select(readers.c.name).order_by(readers.c.name))
    return [name for name in names if name.startswith("deals")]


def unlike_the_log(connection: sa.Connection) -> list[str]:
    with refolded(connection, FakeClock().now()) as scratch:
        return list(differences(connection, scratch))


class Killed(Exception):
    """Simulate that the rebuilding process died."""


class Stepping:
    """A database that calls a function before each transaction, and after its commit before the answer."""

    def __init__(self, database: Database, happens: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._happens = happens

    async def transaction(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self._happens()
        done = await self._database.transaction(work, *args, **kwargs)
        await self._happens()
        return done

    async def read(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self._happens()
        return await self._database.read(work, *args, **kwargs)

    async def close(self) -> None:
        await self._database.close()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), page=st.integers(8, 60))
async def test_a_rebuild_equals_the_fold_of_the_log_despite_concurrent_events(
    tmp_path_factory: pytest.TempPathFactory, seed: int, page: int
) -> None:
    """Interrupt a rebuild by kills, new events, and switches to the previous edition and back."""
    async with open_world(tmp_path_factory.mktemp("world"), seed=seed % 100) as world:
        random = Random(seed)
        await live_through_something(world, seed)
        database, revisions, kills = world.services.database, iter(range(3, 10_000)), iter(range(6))

        async def happens() -> None:
            chance = random.random()
            if chance < 0.03 and next(kills, None) is not None:
                raise Killed
            if chance < 0.06:
                await world.send(stories.deal(f"D-{random.randrange(8)}", revision=next(revisions)))
            elif chance < 0.12:
                await world.follow()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(beside, "PAGE_EVENTS", page)
            patch.setattr(beside, "LAST_EVENTS", random.choice((5, 20)))
            patch.setattr(beside, "CLEARED_ROWS", random.choice((20, 100)))
            patch.setattr(beside, "REMEMBERED_ROWS_MAX", random.choice((0, 10, 1_000)))
            left = 3
            while left:
                with suppress(Killed, NothingKept):  # nothing, before the first
                    stepping, back = Stepping(database, happens), random.random() < 0.3
                    assert await rebuild(stepping, world.clock, f"r{random.random()}", PROJECTIONS, back=back)
                    left -= 1
                    assert await database.read(editions) <= 2
                world.clock.advance(LEASE_SECONDS)
        assert await database.read(unlike_the_log) == []
        await world.follow()
        assert await database.read(unlike_the_log) == []


@pytest.mark.parametrize("back", [False, True], ids=["anew", "back"])
async def test_a_rebuild_continues_after_a_kill_between_any_two_steps(
    ready: World, monkeypatch: pytest.MonkeyPatch, *, back: bool
) -> None:
    monkeypatch.setattr(beside, "PAGE_EVENTS", 25)
    monkeypatch.setattr(beside, "CLEARED_ROWS", 40)
    database = ready.services.database
    await ready.send(stories.account(), *stories.signed_deal())
    await ready.settle()
    before = await database.read(shown)
    await rebuild(database, ready.clock, "first", PROJECTIONS)
    for kill_at in range(1_000):
        steps = iter(range(kill_at))

        async def happens(steps: Iterator[int] = steps) -> None:
            if next(steps, None) is None:
                raise Killed

        with suppress(Killed):
            await rebuild(Stepping(database, happens), ready.clock, "killed", PROJECTIONS, back=back)
            break
        assert await database.read(shown) == before
        ready.clock.advance(LEASE_SECONDS)
        if await database.read(beside.is_filling, PROJECTIONS):
            assert await rebuild(database, ready.clock, "next", PROJECTIONS, back=back)
            assert await database.read(shown) == before
    else:
        pytest.fail("It never came to its end")
    assert kill_at > 5
    assert await database.read(shown) == before
    assert await database.read(standing) == ["deals_v1", "deals_v1.kept"]


async def test_going_back_shows_the_former_edition_up_to_date(ready: World) -> None:
    """Rows that a person changed by hand stay in the kept edition, which identifies it."""
    database, clock = ready.services.database, ready.clock
    with pytest.raises(NothingKept, match="deals has no previous rows"):
        await rebuild(database, clock, "r", PROJECTIONS, back=True)
    await ready.send(stories.deal("D-1"), stories.deal("D-2"))
    await ready.follow()
    spoil = DEALS.tables[0].update().where(DEALS.tables[0].c.deal == "D-1").values(name="Spoiled")
    await database.transaction(lambda connection: connection.execute(spoil))
    await rebuild(database, clock, "r", PROJECTIONS)
    assert (await ready.deals())["D-1"]["name"] != "Spoiled"
    await ready.send(stories.deal("D-3"), stories.deal("D-2", revision=2, name="Newer"))
    await ready.follow()
    for _ in range(2):
        await rebuild(database, clock, "r", PROJECTIONS, back=True)
        found = await ready.deals()
        assert (found["D-2"]["name"], sorted(found)) == ("Newer", ["D-1", "D-2", "D-3"])
    assert found["D-1"]["name"] != "Spoiled"
    await rebuild(database, clock, "r", PROJECTIONS, back=True)
    assert (await ready.deals())["D-1"]["name"] == "Spoiled"
    assert await database.read(unlike_the_log) != []


async def test_a_rebuild_yields_to_subscriptions(ready: World) -> None:
    database, clock = ready.services.database, ready.clock
    await ready.send(*(stories.deal(f"D-{n}") for n in range(BEHIND_EVENTS + 50)))
    await ready.follow()
    now = clock.now()
    behind = readers.update().where(readers.c.name == manager.NAME)
    await database.transaction(
        lambda connection: connection.execute(
            behind.values(position=0, holder="worker", leased_until=now + timedelta(seconds=LEASE_SECONDS))
        )
    )
    building = asyncio.create_task(rebuild(database, clock, "r", PROJECTIONS, following=[manager.NAME]))
    await clock.sleep(LEASE_SECONDS - 1)
    assert not building.done()
    await database.transaction(
        lambda connection: connection.execute(behind.values(position=log.head(connection)))
    )
    assert await building


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'q2c.sqlite3'}"


async def told(world: World, database: Database) -> None:
    """Create an installation with a copy of another's log."""
    await world.send(stories.account(), *stories.signed_deal())
    await world.settle()
    events = [recorded.event for recorded in await world.services.database.read(log.read, after=0, limit=500)]
    await database.transaction(schema.migrate)
    await database.transaction(log.append, events, world.clock.now())
    await runner.catch_up(database, SystemClock(), [each.subscription for each in PROJECTIONS], "old worker")


def second_version() -> tuple[Any, Any]:
    """The deals' read model of a later release."""
    [first] = DEALS.parts
    assert isinstance(first, Fold)
    columns = [column._copy() for column in first.table.c if column.name != "edition"]
    table = rows.table("deals", 2, *columns)
    return replace(DEALS, version=2, parts=(replace(first, table=table),)), table


async def test_a_new_version_is_filled_while_the_previous_one_continues(
    url: str, ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, clock = open_database(Environment(database_url=url)), SystemClock()
    await told(ready, database)
    one = sa.text("SELECT name FROM deals")
    before = (await database.read(shown))["deals"]
    older, (newer, table) = PROJECTIONS, second_version()
    try:
        monkeypatch.setattr(shape, "PROJECTIONS", (newer, *older[1:]))
        assert await database.read(schema.problem) == "has other read models than this code: deals_v2"
        await database.transaction(schema.migrate)
        assert (await database.read(schema.problem) or "").endswith("not filled yet: deals_v2")
        old = [projection.subscription for projection in older]
        await database.transaction(log.append, [event("D-9")], clock.now())
        await database.transaction(subscriptions.advance, old, "old worker", clock.now())
        assert len((await database.read(shown))["deals"]) == len(before) + 1
        shows = await database.read(lambda connection: len(connection.execute(one).all()))
        assert shows == len(before) + 1, "the view shows the version that is live"
        assert await fill_missing(database, clock, "new") == ["deals"]
        assert await database.read(schema.problem) is None
        await database.transaction(log.append, [event("D-10")], clock.now())
        await database.transaction(subscriptions.advance, [newer.subscription], "new worker", clock.now())
        assert await database.read(lambda connection: len(connection.execute(one).all())) == len(before) + 2
        assert len((await database.read(shown))["deals"]) == len(before) + 1, "the older one stays as it was"
        monkeypatch.setattr(shape, "PROJECTIONS", older)  # the older release again
        assert "views of other read models" in (await database.read(schema.problem) or "")
        await database.transaction(schema.migrate)
        await database.transaction(subscriptions.advance, old, "old worker", clock.now())
        assert len((await database.read(shown))["deals"]) == len(before) + 2
    finally:
        table.metadata.remove(table)
        await database.close()


def event(deal: str) -> Event:
    return from_structured(msgspec.json.encode(stories.deal(deal)), now=FakeClock().now(), workspace="acme")


async def test_of_two_concurrent_rebuilds_one_waits_for_the_other(
    url: str, ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "PAGE_EVENTS", 10)
    database = open_database(Environment(database_url=url))
    await told(ready, database)
    before = await database.read(shown)
    assert before["deals"]
    both = await asyncio.gather(*(rebuild(database, SystemClock(), name, PROJECTIONS) for name in "ab"))
    assert True in both
    assert await database.read(shown) == before
    assert await database.read(standing) == ["deals_v1", "deals_v1.kept"]
    await database.close()
