"""Waiting: for more of the log, for a while, or to be told to stop."""

import asyncio

from events.clock import Clock


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


async def pause(clock: Clock, stopping: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until told to stop."""
    stopped = asyncio.ensure_future(stopping.wait())
    slept = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({stopped, slept}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        slept.cancel()
