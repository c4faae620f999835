"""Run two transactions side by side on a real PostgreSQL: the second begins while the first is open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.util import await_only

from events.database.postgres import PostgresDatabase
from events.log.tables import metadata

PATIENCE_SECONDS = 4  # less than PostgreSQL's limit for an idle transaction
_WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class GivenUp(Exception):
    """Roll back the first transaction."""


class Both(NamedTuple):
    """The results or exceptions of both, and whether the second waited for the first."""

    first: Any
    second: Any
    waited: bool


async def beside(
    database: PostgresDatabase,
    first: Callable[[sa.Connection], Any],
    second: Callable[[sa.Connection], Any],
    *,
    rolled_back: bool = False,
) -> Both:
    """Run `first`; before it commits or rolls back, begin `second`, and wait until that waits or has ended."""
    done, go_on = asyncio.Event(), asyncio.Event()

    def held_open(connection: sa.Connection) -> Any:
        result = first(connection)
        done.set()
        await_only(go_on.wait())
        if rolled_back:
            raise GivenUp
        return result

    one = asyncio.create_task(database.transaction(held_open))
    try:
        await _either(one, done.wait())
        other = asyncio.create_task(database.transaction(second))
        waited = await _waits(database, other)
    finally:
        go_on.set()
    results = await asyncio.gather(one, other, return_exceptions=True)
    return Both(*results, waited)


def empty(connection: sa.Connection) -> None:
    """Create and empty every imported table."""
    metadata.create_all(connection)
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))


async def _either(one: asyncio.Task[Any], other: Awaitable[Any]) -> None:
    """Wait until one of both has ended; raise a failure of `one`."""
    ended = asyncio.ensure_future(other)
    await asyncio.wait({one, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if one.done():
        one.result()


async def _waits(database: PostgresDatabase, other: asyncio.Task[Any]) -> bool:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not other.done():
            if await database.read(lambda connection: connection.scalar(_WAITING)):
                return True
            await asyncio.sleep(0.01)
    return False
