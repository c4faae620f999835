"""Ends a process that has work and gets nowhere: another one, or the next start, will do it.

A hang says nothing, so nobody comes to help; an exit is seen, and whatever supervises us starts us again.
"""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog
from msgspec import Struct

from events.clock import Clock
from events.errors import DatabaseUnavailable

CRASHED = 70  # EX_SOFTWARE of sysexits.h
LOOKS = 8  # in the time that no progress is tolerated
SAY_SECONDS_MAX = 5.0
PLACES_SHOWN_MAX = 5
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
            raise Stalled(f"The progress of {part} can't be seen: no answer for {patience:g} s") from None
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
    loop_thread = threading.get_ident()
    stopped = threading.Event()

    def guard() -> None:
        while not stopped.wait(patience / LOOKS):
            if clock.monotonic() - beat > patience:
                leave("watchdog.loop_stalled", seconds=patience, at=_where(loop_thread))

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
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if not late:
        return
    _, running = await asyncio.wait(late, timeout=seconds)
    if running:
        leave("worker.does_not_end", parts=sorted(task.get_name() for task in running))
    logger.warning("worker.cancelled", parts=sorted(task.get_name() for task in late), seconds=seconds)


def leave(why: str, **said: object) -> NoReturn:
    """End the process at once, saying why; it ends even if nobody reads what it says."""
    # A log that is not read blocks whoever writes to it, and one that is closed raises.
    deadline = threading.Timer(SAY_SECONDS_MAX, os._exit, (CRASHED,))
    deadline.daemon = True
    deadline.start()
    try:
        logger.critical(why, **said)
    finally:
        os._exit(CRASHED)


def _where(thread: int) -> list[str]:
    """Name the places in the code where a thread stands, the innermost last."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way, in spite of its name
    stack = traceback.extract_stack(frame)[-PLACES_SHOWN_MAX:] if frame is not None else []
    return [f"{place.filename}:{place.lineno} {place.name}" for place in stack]
