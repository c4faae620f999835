"""Reconsider queued changes portion by portion, and handle new events first."""

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from events.clock import Clock
from events.database.port import Database
from events.log import log, subscriptions
from worker.quote_to_cash import manager, reconsiderations
from worker.roles.runner import RETRY_SECONDS, ShortTurns
from worker.runtime.repeating import Retry, repeat
from worker.services import SUBSCRIPTIONS, Services

# No portion begins while a subscription is further behind: a signed contract would queue behind the portion's events.
BEHIND_MAX = 300
STREAMS_MAX = 400
logger = structlog.get_logger()


async def reconsider(services: Services, holder: str, stopping: asyncio.Event) -> None:
    """Reconsider queued changes until `stopping` is set."""
    size = ShortTurns(STREAMS_MAX)

    async def turn() -> bool:
        done = await portions(services.database, services.clock, holder, size)
        if done:
            services.wake.all()
        return done

    await repeat(
        turn,
        Retry("reconsideration.retry", RETRY_SECONDS),
        clock=services.clock,
        stopping=stopping,
        idle=lambda: services.wake.wait(services.clock, services.environment.poll_seconds),
    )


async def portions(database: Database, clock: Clock, holder: str, size: ShortTurns) -> bool:
    """Reconsider one portion of each workspace with a queued change; return whether there was any."""
    waiting = await database.read(due)
    done = False
    for workspace in waiting:
        if done and not await database.read(due):
            break  # the subscriptions handle the portion's events first
        count, seconds = await database.transaction(_go_on, workspace, size.events, holder, clock)
        if count is not None:
            size.note(seconds, count)
            done = True
            logger.debug("reconsidered", workspace=workspace, streams=count, seconds=round(seconds, 4))
    return done


def due(connection: sa.Connection) -> Sequence[str]:
    """Return the workspaces with queued changes; none while a subscription is far behind."""
    workspaces = reconsiderations.workspaces(connection)
    return workspaces if workspaces and not is_behind(connection) else ()


def is_behind(connection: sa.Connection) -> bool:
    """Return whether any subscription has more than a few hundred events to handle."""
    positions = subscriptions.checkpoints(connection)
    behind = log.head(connection) - min(positions.get(each.name, 0) for each in SUBSCRIPTIONS)
    return behind > BEHIND_MAX


def _go_on(
    connection: sa.Connection, workspace: str, limit: int, holder: str, clock: Clock
) -> tuple[int | None, float]:
    started = clock.monotonic()
    count = manager.go_on(connection, workspace, limit, holder, clock.now())
    return count, clock.monotonic() - started
