"""Runs subscriptions: a batch of each in one transaction, woken at once, polling as the fallback."""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Gauge

from events import log, subscriptions
from events.clock import Clock
from events.database import Database
from events.errors import CheckpointMoved, DatabaseUnavailable
from events.subscriptions import Subscription

RETRY_SECONDS = 1.0

_handled = Counter("q2c_events_handled_total", "Events handled, once for each subscription")
_position = Gauge("q2c_log_head", "Last position of the log")

logger = structlog.get_logger()


class Wake:
    """Tells everything that follows the log that there may be more of it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def all(self) -> None:
        """Wake everything that waits."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Wait until woken, at most that long."""
        woken = asyncio.ensure_future(self._event.wait())
        slept = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()


async def follow(
    database: Database,
    clock: Clock,
    following: Sequence[Subscription],
    holder: str,
    wake: Wake,
    *,
    poll_seconds: float,
) -> None:
    """Keep subscriptions at the head of the log, until cancelled."""
    while True:
        try:
            handled = await turn(database, clock, following, holder)
        except (CheckpointMoved, DatabaseUnavailable) as error:
            logger.warning("subscription.retry", problem=str(error))
            await clock.sleep(RETRY_SECONDS)
            continue
        if handled:
            wake.all()
        else:
            await wake.wait(clock, poll_seconds)


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


async def observe_head(database: Database) -> int:
    """Return the head of the log, and show it in the metrics."""
    head = await database.read(log.head)
    _position.set(head)
    return head
