"""Pace requests within QuickBooks' limits: for each realm 10 a second, 500 a minute, 10 at once, and 40 batches a minute.

Only the requests of this process are counted. A realm's commands are sent by one process at a time; while the realm passes
from one process to another, QuickBooks' own refusal (429) enforces the limits: it is definite, so nothing is lost. Bulk
reads may be made by another process than commands, so the limits of both leave room for each other.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from events.clock import Clock
from worker.quickbooks.errors import Throttled
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
        self.paused_until = float("-inf")
        # Set by a 429, until a request succeeds: meanwhile, one request at a time tries.
        self.is_limited = False


class Pacing:
    """Starts the requests of a realm in their order, no faster than its limits allow.

    No request waits long, except a bulk read: it gets `Throttled` instead, and takes no slot meanwhile.

    After a 429, no request starts for `pause_seconds`; then one at a time, and after each one that does not succeed there
    is a pause again.
    """

    def __init__(self, clock: Clock, pause_seconds: float) -> None:
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._realms: defaultdict[str, _Realm] = defaultdict(_Realm)

    @asynccontextmanager
    async def slot(self, realm: str, turn: Turn = NEEDED) -> AsyncIterator[None]:
        """Wait for a slot of this realm, and keep it until the request has ended.

        Raises:
            Throttled: The realm is paused, too many requests wait already, or the wait would be too long.
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
                if paced.is_limited:
                    await held.enter_async_context(paced.trying)
                await held.enter_async_context(paced.running)
                async with paced.first_in_line:
                    await self._start(realm)
            finally:
                paced.waiting -= 1
            started = self._clock.monotonic()
            try:
                yield
            finally:
                if paced.is_limited and started >= paced.paused_until:
                    self.pause(realm)  # it did not succeed either

    def pause(self, realm: str) -> None:
        """Pause a realm, because QuickBooks rate-limited it."""
        paced = self._realms[realm]
        paced.is_limited = True
        paced.paused_until = max(paced.paused_until, self._clock.monotonic() + self._pause_seconds)

    def succeeded(self, realm: str) -> None:
        """Let several requests of a realm run at once again, because QuickBooks served one."""
        paced = self._realms[realm]
        if paced.paused_until <= self._clock.monotonic():
            paced.is_limited = False

    def try_one(self, realm: str) -> None:
        """Let one request at a time try: a realm was rate-limited before this process began to send for it."""
        self._realms[realm].is_limited = True

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
            Throttled: The realm is paused.
        """
        if self._realms[realm].paused_until > self._clock.monotonic():
            raise Throttled("QuickBooks rate-limited the company")

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
