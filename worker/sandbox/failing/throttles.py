"""QuickBooks' limits on requests, and its meter of reads."""

from collections import Counter, defaultdict, deque
from datetime import datetime, timedelta

from msgspec import Struct

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """The most requests that a company takes; None is no limit.

    Attributes:
        per_minute: Requests in any 60 seconds.
        per_second: Requests in any second.
        batches_per_minute: Batches in any 60 seconds.
        reads_per_month: Reads in a calendar month, after which reads are refused.
    """

    per_minute: int | None = 500
    per_second: int | None = 10
    batches_per_minute: int | None = 40
    reads_per_month: int | None = 500_000


NO_LIMITS = Limits(None, None, None, None)


class Throttle:
    """Counts the requests of each company; a refused one does not count, but is in `refused`."""

    def __init__(self, limits: Limits = NO_LIMITS) -> None:
        self.limits = limits
        self.reads: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self._requests: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._batches: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def refuses(self, realm: str, now: datetime, *, batch: bool, read: bool) -> bool:
        """Return whether a request is one too many, and count it if it is not."""
        limits, requests, month = self.limits, self._requests[realm], f"{now:%Y-%m}"
        if limits == NO_LIMITS:
            self.reads[realm, month] += read
            return False
        batches = self._batches[realm]
        for instants in (requests, batches):
            while instants and instants[0] <= now - MINUTE:
                instants.popleft()
        within_second = sum(instant > now - SECOND for instant in list(requests)[-(limits.per_second or 0) :])
        full = (
            _reached(len(requests), limits.per_minute)
            or _reached(within_second, limits.per_second)
            or (batch and _reached(len(batches), limits.batches_per_minute))
            or (read and _reached(self.reads[realm, month], limits.reads_per_month))
        )
        if full:
            self.refused[realm] += 1
            return True
        requests.append(now)
        if batch:
            batches.append(now)
        self.reads[realm, month] += read
        return False


def _reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
