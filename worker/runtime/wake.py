"""Wait for new events, for a time, or for a stop."""

import asyncio

from events.clock import Clock


class Wake:
    """Wakes the readers of the log when there may be new events."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def all(self) -> None:
        """Wake every waiting task."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Wait until woken, at most `seconds`."""
        woken = asyncio.ensure_future(self._event.wait())
        slept = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()


async def pause(clock: Clock, stopping: asyncio.Event, seconds: float) -> None:
    """Wait `seconds`, or until `stopping` is set."""
    stopped = asyncio.ensure_future(stopping.wait())
    slept = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({stopped, slept}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        slept.cancel()
