"""End a process that has work but makes no progress: another process, or its restart, continues the work.

A hang stays unnoticed; an exit is noticed, and the supervisor restarts the process.
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
LOOKS = 8  # checks during the longest time without progress
SAY_SECONDS_MAX = 5.0
PLACES_SHOWN_MAX = 5
logger = structlog.get_logger()


class Stalled(Exception):
    """A part of this process has work, but has made no progress for too long."""


class Progress(Struct, frozen=True):
    """A mark that changes with a part's progress, and whether the part has work that it could do now."""

    mark: object
    behind: bool


async def watch(clock: Clock, part: str, look: Callable[[], Awaitable[Progress]], patience: float) -> None:
    """Check a part's progress at intervals, until cancelled.

    Raises:
        Stalled: For `patience` seconds, every check found work and the same mark.
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
            since = (
                clock.monotonic()
            )  # no part makes progress without the database, and other checks report that
            continue
        if not progress.behind or progress.mark != last:
            last, since = progress.mark, clock.monotonic()
        elif clock.monotonic() - since >= patience:
            raise Stalled(f"{part} has work, but has made no progress for {patience:g} s")


async def keep_awake(clock: Clock, patience: float) -> None:
    """Show a thread that the event loop still runs, until cancelled; the thread ends the process if the loop is stuck."""
    beat = clock.monotonic()
    loop_thread = threading.get_ident()
    stopped = threading.Event()

    def guard() -> None:
        while not stopped.wait(patience / LOOKS):
            if clock.monotonic() - beat > patience:
                exit_process("watchdog.loop_stalled", seconds=patience, at=_where(loop_thread))

    threading.Thread(target=guard, name="watchdog", daemon=True).start()
    try:
        while True:
            beat = clock.monotonic()
            await clock.sleep(patience / LOOKS)
    finally:
        stopped.set()


async def bounded(tasks: set[asyncio.Task[None]], seconds: float) -> None:
    """Wait for tasks to end, then cancel the rest; end the process if a cancelled task does not end."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if not late:
        return
    _, running = await asyncio.wait(late, timeout=seconds)
    if running:
        exit_process("worker.does_not_end", parts=sorted(task.get_name() for task in running))
    logger.warning("worker.cancelled", parts=sorted(task.get_name() for task in late), seconds=seconds)


def exit_process(why: str, **said: object) -> NoReturn:
    """Log the reason and end the process at once, even if nobody reads the log."""
    # Writing to a log that is not read blocks, and writing to a closed one raises.
    deadline = threading.Timer(SAY_SECONDS_MAX, os._exit, (CRASHED,))
    deadline.daemon = True
    deadline.start()
    try:
        logger.critical(why, **said)
    finally:
        os._exit(CRASHED)


def _where(thread: int) -> list[str]:
    """Return a thread's stack as places in the code, the innermost last."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way, in spite of its name
    stack = traceback.extract_stack(frame)[-PLACES_SHOWN_MAX:] if frame is not None else []
    return [f"{place.filename}:{place.lineno} {place.name}" for place in stack]
