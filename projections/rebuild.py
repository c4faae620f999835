"""Rebuild read models beside the live ones, page by page, while all other work continues.

An interrupted rebuild is continued by the next call. If two processes rebuild, one of them does it, and the other waits.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from events.clock import Clock
from events.database.port import Database
from events.errors import CheckpointMoved
from events.log import log, subscriptions
from projections import beside, shape
from projections.beside import Filling, Memory
from projections.projection import Projection

BEHIND_EVENTS = 300  # a rebuild waits for subscriptions that are further behind
GIVE_WAY_SECONDS = 0.05
WAIT_SECONDS = 0.5

Told = Callable[[int, int], None]


async def rebuild(
    database: Database,
    clock: Clock,
    holder: str,
    projections: Sequence[Projection],
    *,
    back: bool = False,
    following: Collection[str] = (),
    told: Told | None = None,
) -> bool:
    """Fill an edition of each projection beside the live one, and let it take over.

    Args:
        database: The database.
        clock: The clock.
        holder: This process's name in leases; no two processes have the same.
        projections: The projections to rebuild.
        back: Whether to return to the previous edition, brought up to date, instead of filling a new one.
        following: The subscriptions for which the rebuild waits, beside those of read models.
        told: Called with the position that was reached and the head.

    Returns:
        Whether this process did it; False if another did.

    Raises:
        NothingKept: `back` was given, and there is no previous edition.
    """
    waiting = False
    while not waiting or await database.read(beside.is_filling, projections):
        try:
            fillings = await database.transaction(beside.begin, projections, holder, clock.now(), back=back)
            if fillings is not None:
                await _fill(database, clock, holder, fillings, following, told)
                while await database.transaction(beside.clear, projections):
                    await _give_way(database, clock, following)
                return True
        except CheckpointMoved:
            pass  # another process has begun at the same moment, or taken over while this one was stopped
        waiting = True
        await clock.sleep(WAIT_SECONDS)
    return False


async def fill_missing(
    database: Database,
    clock: Clock,
    holder: str,
    *,
    following: Collection[str] = (),
    told: Told | None = None,
) -> list[str]:
    """Fill the read models of which this version has no rows yet; return the names of those that this process filled."""
    while missing := await database.read(shape.unfilled):
        if await rebuild(database, clock, holder, missing, following=following, told=told):
            return [projection.name for projection in missing]
    return []


async def _fill(
    database: Database,
    clock: Clock,
    holder: str,
    fillings: Sequence[Filling],
    following: Collection[str],
    told: Told | None,
) -> None:
    memory = Memory(fillings)
    while True:
        page = await database.read(beside.read, fillings, memory)
        if page is None:
            if await database.transaction(beside.take_over, fillings, memory):
                return
        else:
            await database.transaction(beside.store, page, holder, clock.now())
            memory.trim()
            fillings = page.after(fillings)
            if told is not None:
                told(page.end, await database.read(log.head))
        await _give_way(database, clock, following)


async def _give_way(database: Database, clock: Clock, following: Collection[str]) -> None:
    """Wait while a subscription is behind."""
    while await database.read(_behind, following, clock.now()):
        await clock.sleep(GIVE_WAY_SECONDS)


def _behind(connection: sa.Connection, following: Collection[str], now: datetime) -> bool:
    """Return whether a subscription that a process leads is behind; read models of every version count."""
    until = log.head(connection) - BEHIND_EVENTS
    return any(
        reader.position < until
        and subscriptions.is_led(reader, now)
        and (reader.name in following or _VERSION.fullmatch(reader.name) is not None)
        for reader in subscriptions.all_readers(connection)
    )


_VERSION = re.compile(r"[a-z_]+_v\d+")
