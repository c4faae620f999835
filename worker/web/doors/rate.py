"""How many events a token may send: so many a second, and a burst at once. Each process counts for itself."""

import math
from collections.abc import Hashable

from events.clock import Clock

_SLACK_SECONDS = 1e-6  # more than floats of a monotonic clock lose, less than anybody waits


class Rate:
    """A bucket of events for each token, which refills all the time.

    Of a bucket one number is kept: when it will be full again. One that is full is as good as none, so those of idle
    tokens are forgotten, and there are never more than tokens that sent within the last two times of refilling.

    Args:
        clock: Where the time comes from.
        per_second: Events that a bucket gains a second; 0 for no limit.
        burst: Events that a full bucket holds.
    """

    def __init__(self, clock: Clock, per_second: int, burst: int) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._full_at: dict[Hashable, float] = {}
        self._swept_at = clock.monotonic()

    def take(self, token: Hashable, events: int) -> int:
        """Take so many events, at most the burst, from a token's bucket.

        Returns:
            0 if they are taken; else in how many whole seconds they will fit if nobody takes any meanwhile,
            and none is taken.
        """
        if not self._per_second:
            return 0
        now = self._clock.monotonic()
        refilled = self._burst / self._per_second
        if now - self._swept_at >= refilled:
            self._sweep(now)
        full_at = max(self._full_at.get(token, now), now) + events / self._per_second
        lacking = full_at - now - refilled
        if lacking > _SLACK_SECONDS:
            return math.ceil(lacking - _SLACK_SECONDS)
        self._full_at[token] = full_at
        return 0

    @property
    def said(self) -> str:
        """The limit in words."""
        return f"A token may send {self._per_second} events a second, and up to {self._burst} at once after a pause."

    def __len__(self) -> int:
        """Return how many buckets are remembered."""
        return len(self._full_at)

    def _sweep(self, now: float) -> None:
        self._full_at = {token: full_at for token, full_at in self._full_at.items() if full_at > now}
        self._swept_at = now
