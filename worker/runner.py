"""Runs subscriptions: a batch of each in one transaction, woken at once, polling as the fallback."""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from events import subscriptions
from events.clock import Clock
from events.database import Database
from events.errors import CheckpointMoved, DatabaseUnavailable
from events.subscriptions import Subscription
from worker.services import Services
from worker.wake import pause

PART = "process"
RETRY_SECONDS = 1.0

_handled = Counter("q2c_events_handled_total", "Events handled, once for each subscription")

logger = structlog.get_logger()


async def follow(
    services: Services, following: Sequence[Subscription], holder: str, stopping: asyncio.Event
) -> None:
    """Keep subscriptions at the head of the log, until told to stop."""
    while not stopping.is_set():
        try:
            handled = await turn(services.database, services.clock, following, holder)
        except (CheckpointMoved, DatabaseUnavailable) as error:
            logger.warning("subscription.retry", problem=str(error))
            services.health.bad(PART, str(error))
            await pause(services.clock, stopping, RETRY_SECONDS)
            continue
        services.health.good(PART)
        if handled:
            services.wake.all()
        else:
            await services.wake.wait(services.clock, services.environment.poll_seconds)


async def turn(database: Database, clock: Clock, following: Sequence[Subscription], holder: str) -> int:
    """Handle one batch of each subscription that has one, in one transaction; return how many events."""
    names = [subscription.name for subscription in following]
    pending = await database.read(subscriptions.pending, names, holder, clock.now())
    if not pending:
        return 0
    due = [subscription for subscription in following if subscription.name in pending]
    started = clock.monotonic()
    progress = await database.transaction(subscriptions.advance, due, holder, clock.now())
    _handled.inc(progress.handled)
    seconds = round(clock.monotonic() - started, 4)
    logger.debug("subscriptions.turn", names=pending, handled=progress.handled, seconds=seconds)
    return progress.handled


async def catch_up(database: Database, clock: Clock, following: Sequence[Subscription], holder: str) -> None:
    """Bring all to the head once, where nothing else runs."""
    while await turn(database, clock, following, holder):
        pass
