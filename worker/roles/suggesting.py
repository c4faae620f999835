"""Compare accounts with customers and products with items portion by portion, and handle new events first."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog

from events.clock import Clock
from events.database.port import Database
from events.log import subscriptions
from worker.roles.reconsidering import is_behind
from worker.roles.runner import RETRY_SECONDS, ShortTurns
from worker.runtime.aside import aside
from worker.runtime.repeating import Retry, repeat
from worker.services import Services
from worker.suggesting import portions
from worker.suggesting.indexes import Indexes
from worker.suggesting.listening import NAME
from worker.suggesting.portions import Portion

COMPARED_MAX = 400  # objects of the CRM or of QuickBooks in a portion
logger = structlog.get_logger()


async def suggest(services: Services, holder: str, stopping: asyncio.Event) -> None:
    """Compare what is due, until `stopping` is set."""
    size, indexes = ShortTurns(COMPARED_MAX), Indexes()

    async def turn() -> bool:
        done = await compare(services.database, services.clock, holder, size, indexes)
        if done:
            services.wake.all()
        return done

    await repeat(
        turn,
        Retry("suggestion.retry", RETRY_SECONDS),
        clock=services.clock,
        stopping=stopping,
        idle=lambda: services.wake.wait(services.clock, services.environment.poll_seconds),
    )


async def compare(database: Database, clock: Clock, holder: str, size: ShortTurns, indexes: Indexes) -> bool:
    """Compare one portion of each workspace with something due; return whether there was any."""
    waiting = await database.read(due, holder, clock.now())
    done = False
    for workspace in waiting:
        if done and not await database.read(due, holder, clock.now()):
            break  # the subscriptions handle the portion's events first
        if not await database.read(_is_in_memory, workspace, indexes):
            await _read(database, workspace, indexes)
        portion, seconds = await database.transaction(_go_on, workspace, indexes, size.events, holder, clock)
        if portion is not None:
            indexes.note(portion.company)
            size.note(seconds, portion.count)
            done = True
            logger.debug("suggested", workspace=workspace, compared=portion.count, seconds=round(seconds, 4))
    return done


def due(connection: sa.Connection, holder: str, now: datetime) -> Sequence[str]:
    """Return the workspaces with something to compare; none while a subscription is far behind, or another process leads."""
    waiting = portions.workspaces(connection)
    if not waiting or is_behind(connection):
        return ()
    led = (each for each in subscriptions.all_readers(connection) if each.name == NAME)
    return () if any(subscriptions.is_led_by_other(each, holder, now) for each in led) else waiting


def _is_in_memory(connection: sa.Connection, workspace: str, indexes: Indexes) -> bool:
    company = portions.matched(connection, workspace)
    return company is not None and indexes.of(company) is not None


async def _read(database: Database, workspace: str, indexes: Indexes) -> None:
    """Read the index of a workspace; a large one beside the event loop."""
    rows = await database.read(portions.read, workspace)
    if rows is not None:
        indexes.put(await aside(rows.size, lambda: portions.index_of(rows)))


def _go_on(
    connection: sa.Connection, workspace: str, indexes: Indexes, limit: int, holder: str, clock: Clock
) -> tuple[Portion | None, float]:
    started = clock.monotonic()
    portion = portions.go_on(connection, workspace, indexes, limit, holder, clock.now())
    return portion, clock.monotonic() - started
