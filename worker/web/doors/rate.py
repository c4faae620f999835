"""Rate limits of tokens: a number of events a second, and a burst. Each process counts for itself."""

import math
from collections.abc import Hashable

from events.clock import Clock

_SLACK_SECONDS = 1e-6  # more than the rounding errors of a monotonic clock, less than a noticeable wait


class Rate:
    """A token bucket of events for each API token.

    A bucket is stored as one number: when it will be full again. A full bucket need not be stored, so idle tokens'
    buckets are deleted: there are at most as many as tokens that sent within the last two refill times.

    Args:
        clock: The clock.
        per_second: Events that a bucket gains a second; 0 for no limit.
        burst: Events in a full bucket.
    """

    def __init__(self, clock: Clock, per_second: int, burst: int) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._full_at: dict[Hashable, float] = {}
        self._swept_at = clock.monotonic()

    def take(self, token: Hashable, events: int) -> int:
        """Take events, at most the burst, from a token's bucket: all or none.

        Returns:
            0 if they were taken; otherwise after how many whole seconds they will fit if no others are taken meanwhile.
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
    def sentence(self) -> str:
        """The limit in a sentence."""
        return f"A token may send {self._per_second} events a second, and up to {self._burst} at once after a pause."

    def __len__(self) -> int:
        """Return the number of stored buckets."""
        return len(self._full_at)

    def _sweep(self, now: float) -> None:
        self._full_at = {token: full_at for token, full_at in self._full_at.items() if full_at > now}
        self._swept_at = now
