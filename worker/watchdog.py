"""Ends a process that has work and gets nowhere: another one, or the next start, will do it.

A hang says nothing, so nobody comes to help; an exit is seen, and whatever supervises us starts us again.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable

import structlog
from msgspec import Struct

from events.clock import Clock
from events.errors import DatabaseUnavailable

CRASHED = 70  # EX_SOFTWARE of sysexits.h
LOOKS = 8  # in the time that no progress is tolerated
logger = structlog.get_logger()


class Stalled(Exception):
    """A part of this process has work and has made no progress for too long."""


class Progress(Struct, frozen=True):
    """How far a part got, and whether it has work that it could do now."""

    mark: object
    behind: bool


async def watch(clock: Clock, part: str, look: Callable[[], Awaitable[Progress]], patience: float) -> None:
    """Look from time to time, until cancelled.

    Raises:
        Stalled: For `patience` seconds there was work at every look, and the mark never moved.
    """
    last, since = None, clock.monotonic()
    while True:
        await clock.sleep(patience / LOOKS)
        try:
            async with asyncio.timeout(patience):
                progress = await look()
        except TimeoutError:
            raise Stalled(f"How far {part} got can't be seen: no answer in {patience:g} s") from None
        except DatabaseUnavailable:
            since = clock.monotonic()  # nobody gets on while the database is away, and others say so
            continue
        if not progress.behind or progress.mark != last:
            last, since = progress.mark, clock.monotonic()
        elif clock.monotonic() - since >= patience:
            raise Stalled(f"{part} has work and has made no progress for {patience:g} s")


async def keep_awake(clock: Clock, patience: float) -> None:
    """Show a thread that the event loop still turns, until cancelled; it ends the process when it does not."""
    beat = clock.monotonic()
    stopped = threading.Event()

    def guard() -> None:
        while not stopped.wait(patience / LOOKS):
            if clock.monotonic() - beat > patience:
                logger.critical("watchdog.loop_stalled", seconds=patience)
                os._exit(CRASHED)

    threading.Thread(target=guard, name="watchdog", daemon=True).start()
    try:
        while True:
            beat = clock.monotonic()
            await clock.sleep(patience / LOOKS)
    finally:
        stopped.set()


async def bounded(tasks: set[asyncio.Task[None]], seconds: float) -> None:
    """Wait for tasks to end, then cancel those that do not; end the process if even that does not end them."""
    if not tasks:
        return
    _, running = await asyncio.wait(tasks, timeout=seconds)
    for task in running:
        task.cancel()
    if running:
        _, running = await asyncio.wait(running, timeout=seconds)
    if running:
        logger.critical("worker.does_not_end", parts=sorted(task.get_name() for task in running))
        os._exit(CRASHED)
