"""Runs subscriptions: each turn in one transaction, woken at once, polling as the fallback."""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Gauge

from events import log, subscriptions
from events.clock import Clock
from events.database import Database
from events.errors import CheckpointMoved, DatabaseUnavailable
from events.subscriptions import Subscription

POLL_SECONDS = 0.2
RETRY_SECONDS = 1.0

_handled = Counter("q2c_events_handled_total", "Events handled", ["subscription"])
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
    database: Database, clock: Clock, subscription: Subscription, holder: str, wake: Wake
) -> None:
    """Keep one subscription at the head of the log, until cancelled."""
    while True:
        try:
            more = await turn(database, clock, subscription, holder)
        except (CheckpointMoved, DatabaseUnavailable) as error:
            logger.warning("subscription.retry", subscription=subscription.name, problem=str(error))
            await clock.sleep(RETRY_SECONDS)
            continue
        if more:
            wake.all()
        else:
            await wake.wait(clock, POLL_SECONDS)


async def turn(database: Database, clock: Clock, subscription: Subscription, holder: str) -> int:
    """Handle one batch, if there is one; return how many events it held."""
    now = clock.now()
    if not await database.read(subscriptions.pending, subscription.name, holder, now):
        return 0
    started = clock.monotonic()
    progress = await database.transaction(subscriptions.advance, subscription, holder, now)
    if progress.handled:
        _handled.labels(subscription.name).inc(progress.handled)
        logger.debug(
            "subscription.turn",
            subscription=subscription.name,
            events=progress.handled,
            seconds=round(clock.monotonic() - started, 4),
        )
    return progress.handled


async def catch_up(database: Database, clock: Clock, following: Sequence[Subscription], holder: str) -> None:
    """Bring all to the head once, where nothing else runs."""
    while sum([await turn(database, clock, subscription, holder) for subscription in following]):
        pass


async def observe_head(database: Database) -> int:
    """Return the head of the log, and show it in the metrics."""
    head = await database.read(log.head)
    _position.set(head)
    return head
