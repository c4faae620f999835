"""The log has each event once, in one order without gaps, with concurrent writers and readers."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from events.contract import catalog, json
from events.contract.administration import InvoiceRequested
from events.contract.envelope import Event, Recorded, own_event
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import SqliteDatabase
from events.errors import ContradictoryEvent
from events.log import log
from events.log.log import AppendResult
from tests import stories
from tests.events.samples import NOW, Killed, account, made, whole_log


def ordered(by: str = "ada") -> Event:
    return own_event(
        catalog.INVOICE_REQUESTED,
        InvoiceRequested("D-1", by),
        workspace="acme",
        source="q2c",
        time=NOW,
        id="1",
    )


async def positions(database: Database) -> list[int]:
    return [recorded.position for recorded in await database.read(whole_log)]


async def test_appended_events_are_read_back_unchanged(database: Database) -> None:
    events = [
        account(1, traceparent="00-1", sequence=5),
        made(stories.deal("D-1", owner="Zoë 🦊", unknown={"kept": [1.50]})),
        ordered(),
    ]
    results = await database.transaction(log.append, events, NOW)
    assert results == [AppendResult("appended", n) for n in range(1, len(events) + 1)]
    read = await database.read(log.read, after=0, limit=10)
    assert read == [Recorded(n, NOW, event) for n, event in enumerate(events, start=1)]
    assert read[1].event.payload.owner == "Zoë 🦊"


async def test_a_repeated_event_is_a_duplicate_in_the_same_batch_and_in_the_next(database: Database) -> None:
    first = await database.transaction(log.append, [account(1), account(2), account(1)], NOW)
    assert [(result.outcome, result.position) for result in first] == [
        ("appended", 1),
        ("appended", 2),
        ("duplicate", 1),
    ]
    again = await database.transaction(log.append, [account(2), account(3)], NOW)
    assert [(result.outcome, result.position) for result in again] == [("duplicate", 2), ("appended", 3)]
    assert await positions(database) == [1, 2, 3]


async def test_an_event_with_another_time_and_trace_is_a_duplicate(database: Database) -> None:
    event = account(1)
    otherwise = account(1, time="2026-05-02T00:00:00Z", traceparent="00-2")
    results = await database.transaction(log.append, [event, otherwise], NOW)
    assert [result.outcome for result in results] == ["appended", "duplicate"]
    [recorded] = await database.read(whole_log)
    assert recorded.event == event


async def test_the_same_identity_with_other_content_changes_nothing(database: Database) -> None:
    one, other = account(1, name="Acme"), account(1, name="Bolt")
    await database.transaction(log.append, [one], NOW)
    [late] = await database.transaction(log.append, [other], NOW)
    assert late == AppendResult("conflict", 1, ("data.name",))
    in_one = await database.transaction(
        log.append, [account(2, name="Acme"), account(2, name="Bolt"), account(2, name="Acme")], NOW
    )
    assert [result.outcome for result in in_one] == ["appended", "conflict", "duplicate"]
    assert [r.event.payload.name for r in await database.read(whole_log)] == ["Acme", "Acme"]


async def test_an_event_of_another_workspace_or_source_is_no_duplicate(database: Database) -> None:
    events = [
        account(1, name="One"),
        account(1, name="Two", workspace="bolt"),
        account(1, name="Three", source="https://other.example"),
    ]
    results = await database.transaction(log.append, events, NOW)
    assert [result.outcome for result in results] == ["appended"] * 3
    assert [r.event for r in await database.read(log.read, after=0, limit=9, workspace="acme")] == [
        events[0],
        events[2],
    ]
    assert [r.event for r in await database.read(log.read, after=0, limit=9, workspace="bolt")] == [events[1]]


async def test_reads_of_one_topic_or_stream_hold_all_of_it_and_nothing_else(database: Database) -> None:
    events = [account(1), *map(made, stories.signed_deal("D-1")), *map(made, stories.signed_deal("D-2"))]
    await database.transaction(log.append, events, NOW)
    deals = await database.read(log.read, after=0, limit=9, topic=catalog.DEALS)
    assert [r.event for r in deals] == [e for e in events if e.type == catalog.DEAL_UPDATED]
    of_one = await database.read(log.read, after=0, limit=9, workspace="acme", stream="deal/D-1")
    assert [r.position for r in of_one] == [2, 3, 4]
    assert await database.read(log.read, after=3, limit=9, stream="deal/D-1") == of_one[2:]


async def test_a_topic_is_read_in_the_order_of_the_log_across_workspaces(database: Database) -> None:
    events = [account(n, workspace=workspace) for n in range(3) for workspace in ("bolt", "acme")]
    await database.transaction(log.append, events, NOW)
    read = await database.read(log.read, after=0, limit=9, topic=catalog.ACCOUNTS)
    assert [r.event for r in read] == events


async def test_any_number_of_duplicates_is_found(database: Database) -> None:
    size = 1001
    events = [account(n) for n in range(size)]
    await database.transaction(log.append, events, NOW)
    results = await database.transaction(log.append, events, NOW)
    assert [(result.outcome, result.position) for result in results] == [
        ("duplicate", n + 1) for n in range(size)
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_put_together_are_the_log(database: Database, limit: int) -> None:
    await database.transaction(log.append, [account(n) for n in range(7)], NOW)
    pages: list[Recorded] = []
    while page := await database.read(log.read, after=pages[-1].position if pages else 0, limit=limit):
        assert len(page) <= limit
        pages += page
    assert pages == await database.read(whole_log)
    assert len(pages) == 7


async def test_the_head_is_the_last_position(database: Database) -> None:
    assert await database.read(log.head) == 0
    await database.transaction(log.append, [], NOW)
    assert await database.read(log.head) == 0
    await database.transaction(log.append, [account(1), account(2)], NOW)
    assert await database.read(log.head) == 2


@pytest.mark.parametrize("failure", [ValueError, Killed])
async def test_a_rollback_leaves_no_event(database: Database, failure: type[BaseException]) -> None:
    def fail(connection: sa.Connection) -> None:
        assert log.append(connection, [account(2), account(3)], NOW)[1].position == 3
        raise failure

    first_free = (
        4 if isinstance(database, PostgresDatabase) else 2
    )  # PostgreSQL skips the number, which no code relies on

    await database.transaction(log.append, [account(1)], NOW)
    with pytest.raises(failure):
        await database.transaction(fail)
    assert await positions(database) == [1]
    [result] = await database.transaction(log.append, [account(3)], NOW)
    assert (result.outcome, result.position) == ("appended", first_free)


async def test_our_own_events_are_appended_once_and_never_contradicted(database: Database) -> None:
    await database.transaction(log.append_own, [ordered(), ordered()], NOW)
    await database.transaction(log.append_own, [ordered()], NOW)
    with pytest.raises(ContradictoryEvent, match="position 1"):
        await database.transaction(log.append_own, [account(1), ordered(by="bob")], NOW)
    assert [r.event for r in await database.read(whole_log)] == [ordered()]


async def test_instants_come_back_in_utc(database: Database) -> None:
    there = datetime(2026, 5, 5, 18, 30, 0, 123456, tzinfo=timezone(timedelta(hours=6, minutes=30)))
    [event] = [msgspec.structs.replace(account(1), time=there)]
    await database.transaction(log.append, [event], there)
    [recorded] = await database.read(whole_log)
    for instant in (recorded.recorded_at, recorded.event.time):
        assert (instant, instant.tzinfo) == (there, UTC)


async def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="needs a time zone"):
        await database.transaction(log.append, [account(1)], NOW.replace(tzinfo=None))
    assert await database.read(log.head) == 0


async def test_an_extension_is_text_in_the_log(database: Database) -> None:
    await database.transaction(log.append, [account(1, a='"', b="🦊", c="")], NOW)
    [recorded] = await database.read(whole_log)
    assert json.encode(recorded.event.extensions) == '{"a":"\\"","b":"🦊","c":""}'


async def tail(database: Database, until: int) -> list[int]:
    """Read from the last position on, as every subscription does."""
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < until:
            page = await database.read(log.read, after=seen[-1] if seen else 0, limit=5)
            seen += [recorded.position for recorded in page]
            await asyncio.sleep(0)
    return seen


async def test_a_reader_at_the_tail_misses_nothing_while_many_write(database: Database) -> None:
    async def write(writer: int) -> None:
        for n in range(10):
            await database.transaction(log.append, [account(writer * 100 + n), account(n)], NOW)

    expected = 6 * 10 + 10  # the writers' common events are there once
    seen, again, *_ = await asyncio.gather(
        tail(database, expected), tail(database, expected), *(write(writer) for writer in range(1, 7))
    )
    assert seen == again == list(range(1, expected + 1))
    assert await database.read(log.head) == expected


async def test_writers_of_two_processes_share_one_order(tmp_path: Path, sqlite: SqliteDatabase) -> None:
    other = SqliteDatabase(tmp_path / "log.db")
    outcomes: list[str] = []

    async def write(database: Database) -> None:
        for n in range(25):
            results = await database.transaction(log.append, [account(n)], NOW)
            outcomes.extend(result.outcome for result in results)

    seen, *_ = await asyncio.gather(tail(other, 25), write(sqlite), write(other))
    await other.close()
    assert seen == list(range(1, 26))
    assert sorted(outcomes) == ["appended"] * 25 + ["duplicate"] * 25
