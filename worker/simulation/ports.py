"""Time and randomness of a simulated host."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from events.clock import uuid7_of


class SimulatedClock:
    """The loop's virtual time; `jump` sets the wall clock as an operator or NTP would."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start.astimezone(UTC)
        self._jumped = timedelta()

    def now(self) -> datetime:
        """Return the current instant."""
        return self._start + timedelta(seconds=self._loop.time()) + self._jumped

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of virtual time."""
        await asyncio.sleep(seconds)

    def jump(self, by: timedelta) -> None:
        """Change the wall clock; the monotonic clock does not change."""
        self._jumped += by


class SeededEntropy:
    """Randomness from a seed."""

    def __init__(self, seed: int | str = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - a simulation repeats itself

    def uuid7(self, now: datetime) -> UUID:
        """Return a UUID that sorts by time."""
        return uuid7_of(now, self._random.getrandbits(74))

    def token(self) -> str:
        """Return text that looks unguessable."""
        return self._random.randbytes(32).hex()

    def nonce(self, size_bytes: int) -> bytes:
        """Return bytes that look unguessable."""
        return self._random.randbytes(size_bytes)

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`."""
        return self._random.uniform(low, high)
