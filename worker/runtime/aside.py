"""Work that takes long, beside the event loop: nobody waits for one large body but who sent it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

INLINE_BYTES_MAX = 16 * 1024  # some milliseconds, whatever they hold


async def aside(size: int, work: Callable[[], T]) -> T:
    """Do work over so many bytes: at once where they are few, else in another thread."""
    return work() if size <= INLINE_BYTES_MAX else await asyncio.to_thread(work)


class Turns:
    """Large bodies of one workspace come one after another, so others find a free thread and the writer of the database."""

    def __init__(self) -> None:
        self._turns: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def taken(self, workspace: str, size: int) -> AsyncIterator[None]:
        """Wait for the turn of a body of so many bytes; a small one needs none."""
        if size <= INLINE_BYTES_MAX:
            yield
            return
        async with self._turns.setdefault(workspace, asyncio.Lock()):
            yield
