"""Read large request bodies in chunks, with limits for each body and for all bodies in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Request
from msgspec import Struct

MIB = 1024 * 1024
HASHED_AT_ONCE_BYTES_MAX = MIB
READ_SECONDS_MAX = 60


class Body(Struct, frozen=True):
    """A request's body, unless it was too large.

    Attributes:
        content: The bytes; None if there were too many.
        whole: Whether the whole body was read.
    """

    content: bytes | None
    whole: bool = True


class Room:
    """A limit of memory for large bodies. A request that finds no room waits a little for others to finish."""

    def __init__(self, bytes_max: int, *, wait_seconds: float) -> None:
        self._free = bytes_max
        self._wait_seconds = wait_seconds
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[bool]:
        """Reserve `size` bytes for the context; yield False if there was no room."""
        async with self._changed:
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._changed.wait_for(lambda: self._free >= size)
            except TimeoutError:
                size = -1
            else:
                self._free -= size
        if size < 0:
            yield False
            return
        try:
            yield True
        finally:
            self._free += size
            async with self._changed:
                self._changed.notify_all()


async def read(
    request: Request[Any, Any, Any],
    bytes_max: int,
    read_bytes_max: int,
    update: Callable[[bytes], None],
    weight: int,
) -> Body:
    """Read a body, and pass each chunk to `update`.

    A body that is too large is still read, and dropped: a sender that is answered while it sends may never see the
    answer.

    Args:
        request: The request.
        bytes_max: The most bytes that are returned.
        read_bytes_max: The most bytes that are read if there are more than `bytes_max`.
        update: Called with each chunk.
        weight: How often `update` processes each byte; long work runs in another thread.

    Raises:
        TimeoutError: The sender took longer than a minute.
    """
    kept = bytearray()
    size = 0
    async with asyncio.timeout(READ_SECONDS_MAX):
        async for chunk in request.stream():
            size += len(chunk)
            if len(chunk) * weight > HASHED_AT_ONCE_BYTES_MAX:
                await asyncio.to_thread(update, chunk)
            else:
                update(chunk)
            if size > bytes_max:
                kept.clear()
            else:
                kept += chunk
            if size > read_bytes_max:
                return Body(None, whole=False)
    return Body(bytes(kept) if size <= bytes_max else None)
