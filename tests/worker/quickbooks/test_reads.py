"""Reads are counted by company and month, as QuickBooks counts them, and kept within the app's budget."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.errors import DatabaseUnavailable
from tests import stories
from tests.fakes import FakeClock
from tests.worker.quickbooks.intuit import REALM, TOKEN_EXPIRED, bench, connect, create_tables, fault
from tests.world import World
from worker.quickbooks import reads
from worker.quickbooks.errors import NotSent, OutcomeUnknown, QuickBooksError, ReadsSpent
from worker.quickbooks.meter import TOTAL_SECONDS, ReadMeter
from worker.quickbooks.reads import quickbooks_reads

ITEM = {"Item": {"Id": "1"}, "time": "2026-05-05"}
MAY = datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC)


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened: Database
    if request.param == "sqlite":
        opened = InlineDatabase(tmp_path / "reads.sqlite3")
    else:
        opened = PostgresDatabase(request.getfixturevalue("postgres_url"))
    await opened.transaction(create_tables)
    yield opened
    await opened.close()


async def of_month(database: Database, now: datetime, realm: str | None = REALM) -> int:
    return await database.read(reads.reads_of_month, realm, now)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (0, "plenty"),
        (799, "plenty"),
        (800, "frugal"),
        (969, "frugal"),
        (970, "spent"),
        (1_000, "spent"),
        (2_000, "spent"),
    ],
)
def test_how_sparing_to_be(used: int, expected: str) -> None:
    assert reads.supply(used, 1_000) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (MAY, datetime(2026, 6, 1, tzinfo=UTC)),
        (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (
            datetime.fromisoformat("2026-06-01T01:30:00+02:00"),
            datetime(2026, 6, 1, tzinfo=UTC),
        ),
    ],
)
def test_months_are_those_of_utc(now: datetime, expected: datetime) -> None:
    assert reads.next_month(now) == expected
    assert reads.month_of(expected - timedelta(microseconds=1)) == reads.month_of(now)


async def test_counts_add_up_over_companies_months_and_processes(database: Database) -> None:
    clock = FakeClock(MAY)
    first, second = ReadMeter(database, clock, 100), ReadMeter(database, clock, 100)
    first.count(REALM, 2, "needed")
    second.count(REALM, 30, "bulk")
    second.count("other", 5, "needed")
    await asyncio.gather(first.close(), second.close())
    clock.advance(2)  # June
    third = ReadMeter(database, clock, 100)
    third.count(REALM, 1, "needed")
    await third.close()
    assert await of_month(database, MAY) == 32
    assert await of_month(database, MAY, realm=None) == 37
    assert await of_month(database, clock.now()) == 1
    assert await of_month(database, clock.now() + timedelta(days=40)) == 0


async def test_many_reads_take_few_transactions(tmp_path: Path) -> None:
    clock, written = FakeClock(), list[int]()

    class Recorded(InlineDatabase):
        async def transaction(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if work is reads.add:
                written.append(sum(args[0].values()))
            return await super().transaction(work, *args, **kwargs)

    database = Recorded(tmp_path / "reads.sqlite3")
    await database.transaction(create_tables)
    meter = ReadMeter(database, clock, 1_000)
    for _ in range(300):
        meter.count(REALM, 1, "bulk")
        await clock.sleep(0.01)
    await meter.close()
    assert sum(written) == 300
    assert len(written) <= 5
    await database.close()


async def test_counts_outlast_a_database_that_is_down(tmp_path: Path) -> None:
    down = True

    class Down(InlineDatabase):
        async def transaction(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if down and work is reads.add:
                raise DatabaseUnavailable("down")
            return await super().transaction(work, *args, **kwargs)

    database, clock = Down(tmp_path / "reads.sqlite3"), FakeClock()
    await database.transaction(create_tables)
    meter = ReadMeter(database, clock, 1_000)
    meter.count(REALM, 3, "needed")
    await clock.sleep(5)
    assert await of_month(database, clock.now()) == 0
    down = False
    await clock.sleep(5)
    assert await of_month(database, clock.now()) == 3
    down = True
    meter.count(REALM, 3, "needed")
    await asyncio.wait_for(meter.close(), 5)
    await database.close()


def no_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route", request=request)


def no_answer(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (lambda _: httpx.Response(200, json=ITEM), 1),
        (lambda _: httpx.Response(400, json=fault("610")), 1),
        (lambda _: httpx.Response(503), 3),
        (no_answer, 3),
        (no_connection, 0),
        (lambda _: httpx.Response(429, json=fault("3001")), 0),
        (lambda _: httpx.Response(401, content=TOKEN_EXPIRED), 0),
    ],
)
async def test_reads_that_quickbooks_may_have_served_are_counted(
    tmp_path: Path, answer: Any, counted: int
) -> None:
    async with bench(tmp_path, answer=answer) as one:
        await connect(one)
        with contextlib.suppress(QuickBooksError):
            await one.client.read(REALM, "Item", "1")
        await one.reads.close()
        assert await of_month(one.database, one.clock.now()) == counted


async def test_writes_are_not_counted(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: httpx.Response(200, json={"Invoice": {"Id": "1"}})) as one:
        await connect(one)
        await one.client.write(REALM, "Invoice", b"{}", "r")
        await one.reads.close()
        assert await one.database.read(lambda c: c.execute(sa.select(quickbooks_reads)).all()) == []


async def test_bulk_reads_stop_before_needed_ones_and_resume_with_the_month(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: httpx.Response(200, json=ITEM), reads_per_month=100) as one:
        await connect(one)
        now = one.clock.now()
        for _ in range(97):
            await one.client.read(REALM, "Item", "1", purpose="bulk")
        with pytest.raises(ReadsSpent) as refused:
            await one.client.read(REALM, "Item", "1", purpose="bulk")
        assert len(one.intuit.requests) == 97
        assert isinstance(refused.value, NotSent)
        assert refused.value.resumes_at == datetime(2026, 6, 1, tzinfo=UTC)
        for _ in range(10):
            await one.client.read(REALM, "Item", "1")
        one.clock.advance((refused.value.resumes_at - now).total_seconds())
        await connect(one)
        await one.client.read(REALM, "Item", "1", purpose="bulk")


async def test_reads_of_other_processes_are_noticed(tmp_path: Path) -> None:
    async with bench(tmp_path, reads_per_month=100) as one:
        assert await one.reads.supply() == "plenty"
        other = ReadMeter(one.database, one.clock, 100)
        other.count(REALM, 85, "bulk")
        await other.close()
        one.clock.advance(TOTAL_SECONDS)
        assert await one.reads.supply() == "frugal"


async def test_a_story_is_counted_as_the_sandbox_counts_it(ready: World) -> None:
    """With lost answers and failures on the way."""
    ready.trouble("lost_answer", "server_error", "half_body", "lost_before", writes_only=False)
    await ready.send(*stories.signed_deal())
    await ready.settle()
    assert len(ready.books()) == 1
    await ready.gateway.client.reads.close()
    now = ready.clock.now()
    metered = ready.sandbox.throttle.reads[ready.realm, reads.month_of(now)]
    assert metered > 3
    assert await of_month(ready.services.database, now, ready.realm) == metered


async def test_an_answer_that_never_comes_is_counted(tmp_path: Path) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with bench(tmp_path, answer=never, timeout_seconds=0.05) as one:
        await connect(one)
        with pytest.raises(OutcomeUnknown):
            await one.client.read(REALM, "Item", "1")
        await one.reads.close()
        assert await of_month(one.database, one.clock.now()) == 3
