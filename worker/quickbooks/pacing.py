"""Pace requests within QuickBooks' limits: 10 requests a second, 500 a minute and 10 at once for each realm.

Only the requests of this process are counted. While a realm passes from one process to another, QuickBooks' own
refusal (429) enforces the limits: it is definite, so nothing is lost.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from events.clock import Clock
from worker.quickbooks.errors import Throttled

# One after the other rather than ten at once, and a little below the limits: the distances between requests change on
# the way, and one request too many costs a pause of a minute.
WINDOWS = ((1, 0.11), (495, 60.0))
MARGIN_SECONDS = 0.001
CONCURRENT_MAX = 10
WAITING_MAX = 50
WAIT_SECONDS_MAX = 15.0


class _Realm:
    """The recent requests of one realm, of bounded size."""

    def __init__(self) -> None:
        self.starts: deque[float] = deque(maxlen=max(count for count, _ in WINDOWS))
        self.running = asyncio.Semaphore(CONCURRENT_MAX)
        self.first_in_line = asyncio.Lock()
        self.waiting = 0
        self.paused_until = float("-inf")


class Pacing:
    """Starts the requests of a realm in their order, no faster than its limits allow.

    No request waits long: it gets `Throttled` instead, and takes no slot meanwhile.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._realms: defaultdict[str, _Realm] = defaultdict(_Realm)

    @asynccontextmanager
    async def slot(self, realm: str) -> AsyncIterator[None]:
        """Wait for a slot of this realm, and keep it until the request has ended.

        Raises:
            Throttled: The realm is paused, too many requests wait already, or the wait would be too long.
        """
        self.refuse_if_paused(realm)
        paced = self._realms[realm]
        if paced.waiting >= WAITING_MAX:
            raise Throttled("Too many requests to this company are already waiting")
        paced.waiting += 1
        try:
            await paced.running.acquire()
        except BaseException:
            paced.waiting -= 1
            raise
        try:
            try:
                async with paced.first_in_line:
                    await self._start(realm)
            finally:
                paced.waiting -= 1
            yield
        finally:
            paced.running.release()

    def pause(self, realm: str, seconds: float) -> None:
        """Start no request of a realm for `seconds`, because QuickBooks rate-limited it."""
        paced = self._realms[realm]
        paced.paused_until = max(paced.paused_until, self._clock.monotonic() + seconds)

    def refuse_if_paused(self, realm: str) -> None:
        """Refuse a request while a realm is paused, even if it already has a slot.

        Raises:
            Throttled: The realm is paused.
        """
        if self._realms[realm].paused_until > self._clock.monotonic():
            raise Throttled("QuickBooks rate-limited the company")

    async def _start(self, realm: str) -> None:
        """Wait until a request may start, and record when it started rather than when it was due.

        The realm may be paused during the wait, so this is checked again after each sleep.
        """
        starts = self._realms[realm].starts
        while True:
            self.refuse_if_paused(realm)
            now = self._clock.monotonic()
            seconds = _seconds_to_wait(starts, now)
            if seconds <= 0:
                starts.append(now)
                return
            if seconds > WAIT_SECONDS_MAX:
                raise Throttled("This company's requests of this minute are used up")
            await self._clock.sleep(seconds + MARGIN_SECONDS)


def _seconds_to_wait(starts: deque[float], now: float) -> float:
    ends = (starts[-count] + seconds for count, seconds in WINDOWS if len(starts) >= count)
    return max((end - now for end in ends), default=0.0)
