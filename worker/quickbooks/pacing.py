"""Staying within QuickBooks' limits: 10 requests a second, 500 a minute and 10 at once for each realm.

It counts the requests of this process; while a realm passes from one process to another, QuickBooks' own
refusal (429) is what keeps them apart: it is definite, so nothing is lost by it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from events.clock import Clock
from worker.quickbooks.errors import Throttled

# One after the other rather than ten at once, and a little below the limits: requests arrive at other distances from
# each other than they left at, and one too many costs a minute of quiet.
WINDOWS = ((1, 0.11), (495, 60.0))
MARGIN_SECONDS = 0.001
CONCURRENT_MAX = 10
WAITING_MAX = 50
WAIT_SECONDS_MAX = 15.0


class _Realm:
    """What one realm did lately. There are as many as realms, and each is of bounded size."""

    def __init__(self) -> None:
        self.starts: deque[float] = deque(maxlen=max(count for count, _ in WINDOWS))
        self.running = asyncio.Semaphore(CONCURRENT_MAX)
        self.first_in_line = asyncio.Lock()
        self.waiting = 0
        self.quiet_until = float("-inf")


class Pacing:
    """Lets requests of a realm go in the order in which they asked, no faster than its limits allow.

    It never waits for long: who would have to is told `Throttled`, and holds no slot meanwhile.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._realms: defaultdict[str, _Realm] = defaultdict(_Realm)

    @asynccontextmanager
    async def slot(self, realm: str) -> AsyncIterator[None]:
        """Wait for this realm's turn, and hold one of its places until the request is over.

        Raises:
            Throttled: The realm is held, too many wait already, or its turn is too far off.
        """
        self.refuse_if_held(realm)
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

    def hold(self, realm: str, seconds: float) -> None:
        """Let nothing of a realm start for so long: QuickBooks asked for quiet."""
        paced = self._realms[realm]
        paced.quiet_until = max(paced.quiet_until, self._clock.monotonic() + seconds)

    def refuse_if_held(self, realm: str) -> None:
        """Say no while a realm is held, also to whoever had its turn and was busy since.

        Raises:
            Throttled: The realm is held.
        """
        if self._realms[realm].quiet_until > self._clock.monotonic():
            raise Throttled("QuickBooks rate-limited the company")

    async def _start(self, realm: str) -> None:
        """Wait until a request may go, and note when it went rather than when it was due.

        The realm may be held while this waits, so it looks again after each sleep.
        """
        starts = self._realms[realm].starts
        while True:
            self.refuse_if_held(realm)
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
