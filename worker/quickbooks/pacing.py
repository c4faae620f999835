"""Pace requests within QuickBooks' limits: for each realm 10 a second, 500 a minute, 10 at once, and 40 batches a minute.

Only the requests of this process are counted. A realm's commands are sent by one process at a time; while the realm passes
from one process to another, QuickBooks' own refusal (429) enforces the limits: it is definite, so nothing is lost. Bulk
reads may be made by another process than commands, so the limits of both leave room for each other.
"""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from msgspec import Struct

from events.clock import Clock
from worker.quickbooks.errors import NotAnswering, Throttled
from worker.quickbooks.reads import Purpose

Windows = tuple[tuple[int, float], ...]

# The requests that may start in so many seconds. One after the other rather than ten at once, and a little below the
# limits: the distances between requests change on the way, and one request too many costs a pause of a minute.
WINDOWS: Windows = ((1, 0.121), (488, 60.0))
# Bulk reads are evenly spaced, so that a process that begins to send commands meanwhile stays within the limits too.
BULK_WINDOWS: Windows = ((1, 1.34),)
BULK_BESIDE_COMMANDS: Windows = ((1, 7.5),)
BATCH_WINDOWS: dict[Purpose, Windows] = {"needed": ((30, 60.0),), "bulk": ((8, 60.0),)}
MARGIN_SECONDS = 0.001
LOOK_AGAIN_SECONDS = 1.0
CONCURRENT_MAX = 10
WAITING_MAX = 100
WAIT_SECONDS_MAX = 15.0
# After so many failures in a row, one request at a time tries, after pauses that double from the first to the longest.
FAILURES_MAX = 5
FIRST_PAUSE_SECONDS = 5.0
PAUSE_SECONDS_MAX = 300.0

logger = structlog.get_logger()


class Turn(Struct, frozen=True):
    """The way in which a request waits for its turn.

    Attributes:
        purpose: Bulk reads let all other requests go first, and get a small share meanwhile.
        is_batch: Whether it is a batch, of which QuickBooks takes fewer.
        beside_commands: Whether commands of the realm are due, in any process.
    """

    purpose: Purpose = "needed"
    is_batch: bool = False
    beside_commands: bool = False


NEEDED = Turn()


class _Starts:
    """When the last requests of one kind started."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.times: deque[float] = deque(maxlen=max(count for count, _ in windows))

    def seconds_to_wait(self, now: float, windows: Windows | None = None) -> float:
        """Return how long the next request has to wait; negative or zero if it may start now."""
        times = self.times
        ends = (times[-count] + seconds for count, seconds in windows or self.windows if len(times) >= count)
        return max((end - now for end in ends), default=0.0)


class _Realm:
    """The recent requests of one realm, of bounded size."""

    def __init__(self) -> None:
        self.starts = _Starts(WINDOWS)
        self.bulk = _Starts(BULK_WINDOWS)
        self.batches = {purpose: _Starts(windows) for purpose, windows in BATCH_WINDOWS.items()}
        self.running = asyncio.Semaphore(CONCURRENT_MAX)
        self.first_in_line = asyncio.Lock()
        self.first_bulk = asyncio.Lock()
        self.trying = asyncio.Lock()
        self.waiting = 0
        # Needed requests in a row that had no answer, or one that QuickBooks failed.
        self.failures = 0
        self.paused_until = -math.inf
        self.pause_seconds = 0.0
        self.is_rate_limited = False
        # Set by a pause, until a request succeeds: meanwhile, one request at a time tries.
        self.tries_one = False


class Pacing:
    """Starts the requests of a realm in their order, no faster than its limits allow.

    No request waits long, except a bulk read: it gets `Throttled` instead, and takes no slot meanwhile.

    After a 429, no request starts for `pause_seconds`; after several failures in a row, none for some seconds. Then one at
    a time tries, and after each failure there is a pause again, twice as long.
    """

    def __init__(self, clock: Clock, pause_seconds: float) -> None:
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._realms: defaultdict[str, _Realm] = defaultdict(_Realm)

    @asynccontextmanager
    async def slot(self, realm: str, turn: Turn = NEEDED) -> AsyncIterator[None]:
        """Wait for a slot of this realm, and keep it until the request has ended.

        Raises:
            Throttled: The realm is rate-limited, too many requests wait already, or the wait would be too long.
            NotAnswering: QuickBooks failed at the last requests of the realm.
        """
        self.refuse_if_paused(realm)
        paced = self._realms[realm]
        if turn.purpose == "bulk":
            await self._let_others_go_first(realm, turn)
        if paced.waiting >= WAITING_MAX:
            raise Throttled("Too many requests to this company are already waiting")
        async with AsyncExitStack() as held:
            paced.waiting += 1
            try:
                if paced.tries_one:
                    await held.enter_async_context(paced.trying)
                await held.enter_async_context(paced.running)
                async with paced.first_in_line:
                    await self._start(realm)
            finally:
                paced.waiting -= 1
            yield

    def pause(self, realm: str) -> None:
        """Pause a realm, because QuickBooks rate-limited it."""
        self._realms[realm].is_rate_limited = True
        self._pause(realm, self._pause_seconds)

    def failed(self, realm: str, started: float, purpose: Purpose = "needed") -> None:
        """Pause a realm, if QuickBooks failed at several requests in a row, or at the one that tried.

        `started` is when the request started, by the monotonic clock. Failures of bulk reads pause a realm only if they
        tried: sync makes pauses of its own, and a list that can't be read must not delay invoices.
        """
        paced = self._realms[realm]
        if paced.tries_one:
            if started >= paced.paused_until:
                paced.is_rate_limited = False
                longer = max(2 * paced.pause_seconds, FIRST_PAUSE_SECONDS)
                self._pause(realm, min(longer, PAUSE_SECONDS_MAX))
        elif purpose == "needed":
            paced.failures += 1
            if paced.failures >= FAILURES_MAX:
                self._pause(realm, FIRST_PAUSE_SECONDS)

    def succeeded(self, realm: str) -> None:
        """Let several requests of a realm run at once again, because QuickBooks served one."""
        paced = self._realms[realm]
        paced.failures = 0
        if paced.tries_one and paced.paused_until <= self._clock.monotonic():
            paced.tries_one = paced.is_rate_limited = False
            logger.info("quickbooks.resumed", realm=realm)

    def try_one(self, realm: str, paused_seconds: float) -> None:
        """Let one request at a time try: a realm was paused for so long before this process began to send for it."""
        paced = self._realms[realm]
        if not paced.tries_one:
            paced.tries_one, paced.pause_seconds = True, paused_seconds

    def takes_batch(self, realm: str, purpose: Purpose) -> bool:
        """Return whether a batch may start now, and count it if so."""
        batches, now = self._realms[realm].batches[purpose], self._clock.monotonic()
        if batches.seconds_to_wait(now) > 0:
            return False
        batches.times.append(now)
        return True

    def refuse_if_paused(self, realm: str) -> None:
        """Refuse a request while a realm is paused, even if it already has a slot.

        Raises:
            Throttled: QuickBooks rate-limited the realm.
            NotAnswering: QuickBooks failed at the last requests of the realm.
        """
        paced = self._realms[realm]
        seconds = paced.paused_until - self._clock.monotonic()
        if seconds <= 0:
            return
        if paced.is_rate_limited:
            raise Throttled("QuickBooks rate-limited the company")
        raise NotAnswering(seconds)

    def _pause(self, realm: str, seconds: float) -> None:
        paced = self._realms[realm]
        if not paced.tries_one:
            reason = "rate_limited" if paced.is_rate_limited else "not_answering"
            logger.warning("quickbooks.paused", realm=realm, reason=reason, seconds=seconds)
        paced.tries_one, paced.failures, paced.pause_seconds = True, 0, seconds
        paced.paused_until = max(paced.paused_until, self._clock.monotonic() + seconds)

    async def _let_others_go_first(self, realm: str, turn: Turn) -> None:
        """Wait until a bulk read may join the line: one at a time, and seldom while other requests wait."""
        paced = self._realms[realm]
        async with paced.first_bulk:
            while True:
                now = self._clock.monotonic()
                is_beside = turn.beside_commands or paced.waiting > 0
                seconds = paced.bulk.seconds_to_wait(now, BULK_BESIDE_COMMANDS if is_beside else None)
                if turn.is_batch:
                    seconds = max(seconds, paced.batches["bulk"].seconds_to_wait(now))
                if seconds <= 0:
                    paced.bulk.times.append(now)
                    if turn.is_batch:
                        paced.batches["bulk"].times.append(now)
                    return
                await self._clock.sleep(min(seconds + MARGIN_SECONDS, LOOK_AGAIN_SECONDS))
                self.refuse_if_paused(realm)

    async def _start(self, realm: str) -> None:
        """Wait until a request may start, and record when it started rather than when it was due.

        The realm may be paused during the wait, so this is checked again after each sleep.
        """
        starts = self._realms[realm].starts
        while True:
            self.refuse_if_paused(realm)
            now = self._clock.monotonic()
            seconds = starts.seconds_to_wait(now)
            if seconds <= 0:
                starts.times.append(now)
                return
            if seconds > WAIT_SECONDS_MAX:
                raise Throttled("This company's requests of this minute are used up")
            await self._clock.sleep(seconds + MARGIN_SECONDS)
