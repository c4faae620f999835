"""The log under PostgreSQL's concurrency: parallel writers, positions with gaps, two runners at once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from events.contract.envelope import Recorded
from events.database.postgres import PostgresDatabase
from events.errors import CheckpointMoved
from events.log import dead_letters, log, offsets, subscriptions, tables
from events.log.dead_letters import NewDeadLetter
from events.log.subscriptions import LEASE_SECONDS, Subscription, TurnResult
from tests.beside import Both, GivenUp, beside
from tests.events.samples import NOW, account, effects_of, note_effects

PARTITION = ("crm.deals.v1", 3)
LETTER = NewDeadLetter("acme", "http", "schema_invalid", "It is no event", b"?")


def append(*numbers: int, **fields: Any) -> Callable[[sa.Connection], list[log.AppendResult]]:
    return lambda connection: log.append(connection, [account(n, **fields) for n in numbers], NOW)


def handle(connection: sa.Connection, batch: Sequence[Recorded], _now: datetime) -> None:
    note_effects(connection, batch)


def turn(holder: str, batch_size: int = 500, later: float = 0) -> Callable[[sa.Connection], TurnResult]:
    reader = Subscription("reader", handle, batch_size)
    now = NOW + timedelta(seconds=later)
    return lambda connection: subscriptions.advance(connection, [reader], holder, now)


async def read_all(database: PostgresDatabase, page: int) -> list[int]:
    """Read page by page, as every reader of the log does."""
    seen: list[int] = []
    while found := await database.read(log.read, after=seen[-1] if seen else 0, limit=page):
        seen += [recorded.position for recorded in found]
    return seen


async def follow(database: PostgresDatabase, batch_size: int) -> list[int]:
    """Read as a subscription does, until it has handled every event."""
    while await database.read(subscriptions.pending, ["reader"], "a", NOW):
        assert (await database.transaction(turn("a", batch_size))).handled
    return await database.read(effects_of)


@pytest.mark.parametrize("page", [1, 2, 50])
async def test_positions_that_were_rolled_back_stop_no_reader_and_hide_nothing(
    postgres: PostgresDatabase, page: int
) -> None:
    await postgres.transaction(append(1))
    both = await beside(postgres, append(2, 3, 4), append(5), rolled_back=True)
    assert (type(both.first), both.waited) == (GivenUp, True)
    with pytest.raises(GivenUp):
        await postgres.transaction(_given_up)
    assert await read_all(postgres, page) == [1, 5]
    assert await follow(postgres, page) == [1, 5]
    await postgres.transaction(append(7, 8))
    assert await read_all(postgres, page) == [1, 5, 7, 8]
    assert await follow(postgres, page) == [1, 5, 7, 8]
    assert await postgres.read(log.head) == 8


def _given_up(connection: sa.Connection) -> None:
    append(6)(connection)
    raise GivenUp


@pytest.mark.parametrize(("name", "outcome"), [("Acme", "duplicate"), ("Acme Ltd", "conflict")])
async def test_the_same_event_from_two_sides_is_in_the_log_once(
    postgres: PostgresDatabase, name: str, outcome: str
) -> None:
    both = await beside(postgres, append(1), append(1, 2, name=name))
    assert both.waited
    assert [(result.outcome, result.position) for result in both.first] == [("appended", 1)]
    assert [(result.outcome, result.position) for result in both.second] == [(outcome, 1), ("appended", 2)]


async def test_concurrent_senders_of_an_unusable_message_store_one_dead_letter(
    postgres: PostgresDatabase,
) -> None:
    both = await beside(postgres, store_letters, store_letters)
    assert both == Both(None, None, waited=True)
    seen = sa.select(tables.dead_letters.c.seen)
    assert await postgres.read(lambda connection: connection.scalars(seen).all()) == [2]


def store_letters(connection: sa.Connection) -> None:
    dead_letters.store_letters(connection, [LETTER], NOW)


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
async def test_two_runners_at_once_handle_a_batch_once(postgres: PostgresDatabase, *, known: bool) -> None:
    await postgres.transaction(append(1, 2))
    if known:
        await postgres.transaction(subscriptions.lock, ["reader"])
    both = await beside(postgres, turn("a"), turn("b"))
    assert both == Both(TurnResult(2), TurnResult(0, leads=False), waited=True)
    assert await postgres.read(effects_of) == [1, 2]


async def test_a_runner_that_takes_over_continues_where_the_other_ended(postgres: PostgresDatabase) -> None:
    await postgres.transaction(append(1, 2, 3))
    both = await beside(postgres, turn("a", 1), turn("b", 1, later=LEASE_SECONDS))
    assert both == Both(TurnResult(1), TurnResult(1), waited=True)
    assert await postgres.read(effects_of) == [1, 2]


async def test_a_rebuild_and_a_runner_wait_for_each_other(postgres: PostgresDatabase) -> None:
    await postgres.transaction(append(1))
    await postgres.transaction(subscriptions.lock, ["reader"])
    both = await beside(postgres, lambda c: subscriptions.lock(c, ["reader"]), turn("a"))
    assert (both.second, both.waited) == (TurnResult(1), True)


async def test_one_process_leads_a_subscription_that_works_between_transactions(
    postgres: PostgresDatabase,
) -> None:
    both = await beside(postgres, *(lease(holder) for holder in "ab"))
    assert both == Both(0, None, waited=True)


async def test_a_process_that_was_overtaken_meanwhile_moves_nothing(postgres: PostgresDatabase) -> None:
    await postgres.transaction(lease("a"))
    both = await beside(postgres, move(5), move(3))
    assert (both.first, type(both.second), both.waited) == (None, CheckpointMoved, True)
    assert await postgres.read(subscriptions.checkpoints) == {"relay": 5}


def lease(holder: str) -> Callable[[sa.Connection], int | None]:
    return lambda connection: subscriptions.lease(connection, "relay", holder, NOW)


def move(after: int) -> Callable[[sa.Connection], None]:
    return lambda connection: subscriptions.move(connection, "relay", 0, after, "a", NOW)


@pytest.mark.parametrize("before", [None, 1], ids=["new", "known"])
async def test_offsets_of_two_owners_only_move_forward(
    postgres: PostgresDatabase, before: int | None
) -> None:
    if before is not None:
        await postgres.transaction(advance(before))
    both = await beside(postgres, advance(10), advance(5))
    assert both == Both(None, None, waited=True)
    assert await postgres.read(offsets.stored, "q2c") == {PARTITION: 10}


def advance(to: int) -> Callable[[sa.Connection], None]:
    return lambda connection: offsets.advance(connection, "q2c", {PARTITION: to}, NOW)
