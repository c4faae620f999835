"""Run long work beside the event loop, so that only the sender of a large body waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

INLINE_BYTES_MAX = 16 * 1024  # some milliseconds of work, whatever the content


async def aside(size: int, work: Callable[[], T]) -> T:
    """Run work over `size` bytes: at once if they are few, otherwise in another thread."""
    return work() if size <= INLINE_BYTES_MAX else await asyncio.to_thread(work)


class Turns:
    """Processes one workspace's large bodies one at a time, so others find a free thread and database writer."""

    def __init__(self) -> None:
        self._turns: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, workspace: str, size: int) -> AsyncIterator[None]:
        """Wait for the turn of a body of `size` bytes; a small one needs none."""
        if size <= INLINE_BYTES_MAX:
            yield
            return
        async with self._turns.setdefault(workspace, asyncio.Lock()):
            yield
