"""The loop of every background task: take turns, wait when there is nothing to do, and retry what fails for a while."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from msgspec import Struct

from events.clock import Clock
from events.errors import DatabaseUnavailable
from worker.runtime.health import Health
from worker.runtime.wake import pause

logger = structlog.get_logger()


class Retry(Struct, frozen=True):
    """How a task retries a turn that failed.

    Attributes:
        event: The name of its log line, such as `schedule.retry`.
        seconds: How long it waits before the next turn.
        errors: The errors that pass by themselves; any other one ends the task.
    """

    event: str
    seconds: float
    errors: tuple[type[Exception], ...] = (DatabaseUnavailable,)


class ReportedPart(Struct, frozen=True):
    """The part of the process that is unhealthy from a failed turn until one succeeds."""

    health: Health
    name: str


async def repeat(
    turn: Callable[[], Awaitable[bool]],
    retry: Retry,
    *,
    clock: Clock,
    stopping: asyncio.Event,
    idle: Callable[[], Awaitable[None]] | None = None,
    part: ReportedPart | None = None,
) -> None:
    """Take turns until `stopping` is set.

    Args:
        turn: Takes a turn; returns whether more may be left to do at once.
        retry: What to do when a turn fails.
        clock: The clock.
        stopping: Set when the process stops.
        idle: Waits until the next turn, when nothing is left to do; by default as long as before a retry.
        part: What `/readyz` reports while turns fail; none if other parts report the same.
    """
    while not stopping.is_set():
        try:
            more = await turn()
        except retry.errors as error:
            logger.warning(retry.event, problem=str(error))
            if part is not None:
                part.health.bad(part.name, str(error))
            await pause(clock, stopping, retry.seconds)
            continue
        if part is not None:
            part.health.good(part.name)
        if not more:
            await (idle() if idle is not None else pause(clock, stopping, retry.seconds))
