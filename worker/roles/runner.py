"""Run subscriptions: one batch of each in one transaction, woken by new events, with polling as the fallback."""

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
from worker.runtime.repeating import ReportedPart, Retry, repeat
from worker.services import Services

PART = "process"
RETRY_SECONDS = 1.0
TURN_SECONDS_MAX = 0.05
TURN_EVENTS_MIN = 50
TURN_EVENTS_MAX = 1_600  # more than any subscription's batch size

_handled = Counter("q2c_events_handled_total", "Events handled, counted once for each subscription")

logger = structlog.get_logger()


async def follow(
    services: Services, following: Sequence[Subscription], holder: str, stopping: asyncio.Event
) -> None:
    """Keep subscriptions at the head of the log until `stopping` is set."""
    alone = services.environment.embedded  # no other process handles the log, and all writers take turns
    short = ShortTurns() if alone else None

    async def one() -> bool:
        handled = await turn(services.database, services.clock, following, holder, short)
        if handled:
            services.wake.all()
        return bool(handled)

    async def idle() -> None:
        if alone:
            services.arrivals.caught_up()
        await services.wake.wait(services.clock, services.environment.poll_seconds)

    try:
        await repeat(
            one,
            Retry("subscription.retry", RETRY_SECONDS, (CheckpointMoved, DatabaseUnavailable)),
            clock=services.clock,
            stopping=stopping,
            idle=idle,
            part=ReportedPart(services.health, PART),
        )
    finally:
        services.arrivals.not_followed()


class ShortTurns:
    """Adapts the number of events in a turn, where all writers take turns, so that other writers wait only briefly.

    A signed contract waits for a few turns until its request is sent, whichever workspace's events they handle.
    """

    def __init__(self, most: int = TURN_EVENTS_MAX) -> None:
        self._least, self._most = min(TURN_EVENTS_MIN, most), most
        self.events = self._least

    def note(self, seconds: float, handled: int) -> None:
        """Reduce the number of events after a long turn, and raise it after a full and short one."""
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
    """Handle the next batch of each subscription in one transaction; return the number of events."""
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
    """Handle a batch; return the result and its duration in seconds, without the wait for the database."""
    started = clock.monotonic()
    progress = subscriptions.advance(connection, due, holder, clock.now())
    return progress, clock.monotonic() - started


async def catch_up(database: Database, clock: Clock, following: Sequence[Subscription], holder: str) -> None:
    """Bring all subscriptions to the head once, while no other runner is active."""
    while await turn(database, clock, following, holder):
        pass
