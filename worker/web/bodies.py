"""Bodies of several megabytes: read as they come, measured, and never more of them in memory than there is room for."""

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
    """What was sent: its bytes, unless there were too many of them.

    Attributes:
        content: The bytes; none if there were too many.
        whole: Whether all that was sent was looked at.
    """

    content: bytes | None
    whole: bool = True


class Room:
    """Room in memory for bodies that are larger than usual. Whoever finds none waits a little for others to be done."""

    def __init__(self, bytes_max: int, *, wait_seconds: float) -> None:
        self._free = bytes_max
        self._wait_seconds = wait_seconds
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[bool]:
        """Take room for so many bytes, and give it back in the end; false if there was none."""
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
    """Read a body, handing on each part of it as it comes.

    One that is too large is read on and let go: a sender that is still sending when it is answered may never see the
    answer.

    Args:
        request: The request.
        bytes_max: How many bytes are kept.
        read_bytes_max: How many are looked at, if there are more than that.
        update: Takes each part.
        weight: How often it goes over each byte; what takes long is done in another thread.

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
