"""On PostgreSQL many transactions write at once; a reader at the head must skip no event that commits late."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
import sqlalchemy as sa

from events.database.postgres import PostgresDatabase
from events.log import log, tables
from tests.events.samples import NOW, account

WRITERS = 6
SEED = 20260505


async def tail(database: PostgresDatabase, until: int) -> list[int]:
    """Read page by page from the last position, as every subscription does."""
    seen: list[int] = []
    async with asyncio.timeout(60):
        while not seen or seen[-1] < until:
            page = await database.read(log.read, after=seen[-1] if seen else 0, limit=50)
            seen += [recorded.position for recorded in page]
    return seen


async def write(database: PostgresDatabase, numbers: Iterator[int], total: int, random: Random) -> None:
    while batch := [
        number for number in (next(numbers) for _ in range(random.randint(1, 7))) if number < total
    ]:
        await database.transaction(log.append, [account(number) for number in batch], NOW)


async def write_and_tail(database: PostgresDatabase, total: int) -> tuple[list[int], list[int]]:
    """Return the positions that a reader at the head saw, and all positions."""
    numbers = iter(range(10**9))
    random = Random(SEED)
    writing = asyncio.gather(*(write(database, numbers, total, random) for _ in range(WRITERS)))
    seen, _ = await asyncio.gather(tail(database, total), writing)
    kept = await database.read(
        lambda c: list(c.scalars(sa.select(tables.log.c.position).order_by("position")))
    )
    return seen, kept


async def slow_and_quick(database: PostgresDatabase) -> list[int]:
    """Append in a long transaction, and meanwhile in a short one; read after each commit."""

    def slowly(connection: sa.Connection) -> None:
        log.append(connection, [account(1)], NOW)
        connection.execute(sa.select(sa.func.pg_sleep(0.5)))

    slow = asyncio.create_task(database.transaction(slowly))
    await asyncio.sleep(0.1)
    await database.transaction(log.append, [account(2)], NOW)
    seen = [recorded.position for recorded in await database.read(log.read, after=0, limit=9)]
    await slow
    late = await database.read(log.read, after=seen[-1], limit=9)
    return seen + [recorded.position for recorded in late]


async def test_a_reader_at_the_tail_skips_nothing_while_many_write(postgres: PostgresDatabase) -> None:
    seen, kept = await write_and_tail(postgres, 3000)
    assert seen == kept
    assert len(kept) == 3000


async def test_a_later_append_commits_later(postgres: PostgresDatabase) -> None:
    assert await slow_and_quick(postgres) == [1, 2]


async def test_without_the_lock_a_reader_skips_a_late_commit(
    postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lock, the two tests above would fail."""
    monkeypatch.setattr(log, "acquire", lambda *_: None)
    assert await slow_and_quick(postgres) == [2]
