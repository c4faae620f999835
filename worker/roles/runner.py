"""Runs subscriptions: a batch of each in one transaction, woken at once, polling as the fallback."""

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from prometheus_client import Counter

from events.clock import Clock
from events.database.port import Database
from events.errors import CheckpointMoved, DatabaseUnavailable
from events.log import subscriptions
from events.log.subscriptions import Subscription, TurnResult
from worker.runtime.wake import pause
from worker.services import Services

PART = "process"
RETRY_SECONDS = 1.0
TURN_SECONDS_MAX = 0.05
TURN_EVENTS_MIN = 50
TURN_EVENTS_MAX = 1_600  # more than any subscription takes

_handled = Counter("q2c_events_handled_total", "Events handled, counted once for each subscription")

logger = structlog.get_logger()


async def follow(
    services: Services, following: Sequence[Subscription], holder: str, stopping: asyncio.Event
) -> None:
    """Keep subscriptions at the head of the log, until told to stop."""
    alone = (
        services.environment.embedded
    )  # nobody else handles the log, and whoever writes waits for its turn
    short = ShortTurns() if alone else None
    try:
        while not stopping.is_set():
            try:
                handled = await turn(services.database, services.clock, following, holder, short)
            except (CheckpointMoved, DatabaseUnavailable) as error:
                logger.warning("subscription.retry", problem=str(error))
                services.health.bad(PART, str(error))
                await pause(services.clock, stopping, RETRY_SECONDS)
                continue
            services.health.good(PART)
            if handled:
                services.wake.all()
                continue
            if alone:
                services.arrivals.caught_up()
            await services.wake.wait(services.clock, services.environment.poll_seconds)
    finally:
        services.arrivals.not_followed()


class ShortTurns:
    """How many events a turn takes where all who write take turns: as many as are handled while nobody minds waiting.

    A contract that was signed waits for a few turns until its request is sent, whosever events they are.
    """

    def __init__(self, most: int = TURN_EVENTS_MAX) -> None:
        self._least, self._most = min(TURN_EVENTS_MIN, most), most
        self.events = self._least

    def note(self, seconds: float, handled: int) -> None:
        """Take fewer after a turn that was long, and more after one that was full and short."""
        if seconds > TURN_SECONDS_MAX:
            self.events = max(self.events // 2, self._least)
        elif seconds < TURN_SECONDS_MAX / 2 and handled >= self.events:
            self.events = min(self.events * 2, self._most)


async def turn(
    database: Database,
    clock: Clock,
    following: Sequence[Subscription],
    holder: str,
    short: ShortTurns | None = None,
) -> int:
    """Handle one batch of each subscription that has one, in one transaction; return how many events."""
    names = [subscription.name for subscription in following]
    pending = await database.read(subscriptions.pending, names, holder, clock.now())
    if not pending:
        return 0
    due = [subscription for subscription in following if subscription.name in pending]
    if short is not None:
        due = [replace(each, batch_size=min(each.batch_size, short.events)) for each in due]
    progress, seconds = await database.transaction(_advance, due, holder, clock)
    if short is not None:
        short.note(seconds, progress.handled)
    _handled.inc(progress.handled)
    logger.debug("subscriptions.turn", names=pending, handled=progress.handled, seconds=round(seconds, 4))
    return progress.handled


def _advance(
    connection: sa.Connection, due: Sequence[Subscription], holder: str, clock: Clock
) -> tuple[TurnResult, float]:
    """Handle a batch; return how many seconds that took, without the waiting before."""
    started = clock.monotonic()
    progress = subscriptions.advance(connection, due, holder, clock.now())
    return progress, clock.monotonic() - started


async def catch_up(database: Database, clock: Clock, following: Sequence[Subscription], holder: str) -> None:
    """Bring all to the head once, where nothing else runs."""
    while await turn(database, clock, following, holder):
        pass
