"""Staying within QuickBooks' limits: 10 requests a second and 500 a minute for each realm.

It counts the requests of this process. Where several processes serve one realm, QuickBooks' own refusal
(429) is what keeps them apart: it is definite, so nothing is lost by it.
"""

from collections import deque

from events.clock import Clock

WINDOWS = ((10, 1.0), (500, 60.0))
MARGIN_SECONDS = 0.001


class Pacing:
    """Waits before a request for as long as its realm's limits ask."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._starts: dict[str, deque[float]] = {}

    async def turn(self, realm: str) -> None:
        """Wait for this realm's turn. Requests of one realm start in the order in which they asked."""
        starts = self._starts.setdefault(realm, deque(maxlen=max(count for count, _ in WINDOWS)))
        now = self._clock.monotonic()
        start = now
        for count, seconds in WINDOWS:
            if len(starts) >= count:
                start = max(start, starts[-count] + seconds + MARGIN_SECONDS)
        starts.append(start)
        if start > now:
            await self._clock.sleep(start - now)
