"""Time and randomness that tests control."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

# How many turns other tasks get before time advances: enough for tasks that don't sleep.
TURNS = 200
# How many turns in which no other task was ready show that they all sleep, or wait for a thread or a socket.
QUIET_TURNS = 20


class FakeClock:
    """Virtual time: it advances only while every task sleeps, and then at once to the next wake-up."""

    def __init__(self, start: datetime = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._jumped = timedelta()
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._ticker: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        """Return the current instant; `jump` changes it, as an operator or NTP would."""
        return self._start + timedelta(seconds=self._elapsed) + self._jumped

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of virtual time."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wakes_at = self._elapsed + max(seconds, 0.0)
        heapq.heappush(self._sleepers, (wakes_at, next(self._order), future))
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick())
        await future

    def advance(self, seconds: float) -> None:
        """Advance time without waiting for sleeping tasks."""
        self._elapsed += seconds

    def jump(self, by: timedelta) -> None:
        """Change the wall clock; the monotonic clock does not change."""
        self._jumped += by

    async def _tick(self) -> None:
        while self._sleepers:
            await _others()
            if not self._sleepers:
                return
            wakes_at, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, wakes_at)
            if not future.done():
                future.set_result(None)


async def _others() -> None:
    """Give other tasks their turns, until they have nothing to do."""
    loop: Any = asyncio.get_running_loop()  # only its private queue tells whether a task is ready
    quiet = 0
    for _ in range(TURNS):
        await asyncio.sleep(0)
        quiet = 0 if loop._ready else quiet + 1
        if quiet == QUIET_TURNS:
            return
