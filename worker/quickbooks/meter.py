"""Count reads of QuickBooks as they are made, and refuse bulk reads once the month's budget is spent.

Counts are written in groups, at most once a second. A crash loses those that are not written yet.
"""

import asyncio
from collections import Counter
from datetime import datetime

import prometheus_client as prometheus
import structlog

from events.clock import Clock
from events.database.port import Database
from events.errors import DatabaseUnavailable
from worker.quickbooks import reads
from worker.quickbooks.errors import ReadsSpent
from worker.quickbooks.reads import Purpose, Supply
from worker.runtime.wake import pause

WRITE_SECONDS = 1.0
# How long the month's total is used without reading it again; other processes count reads too.
TOTAL_SECONDS = 30.0

_reads = prometheus.Counter("q2c_quickbooks_reads_total", "Reads of QuickBooks, by purpose", ["purpose"])
_of_month = prometheus.Gauge(
    "q2c_quickbooks_reads_of_month", "Reads of QuickBooks by all processes in this calendar month (UTC)"
)
_budget = prometheus.Gauge(
    "q2c_quickbooks_reads_of_month_max", "Reads of QuickBooks that the app has in a calendar month"
)
logger = structlog.get_logger()


class ReadMeter:
    """Counts the reads of this process, and compares all processes' reads with the app's budget."""

    def __init__(self, database: Database, clock: Clock, budget: int) -> None:
        self._database = database
        self._clock = clock
        self._reads_max = budget
        self._unwritten: Counter[tuple[str, str]] = Counter()
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._written_at = float("-inf")
        self._total = 0
        self._total_month = ""
        self._total_at = float("-inf")
        self._supply: Supply = "plenty"
        _budget.set(budget)

    def count(self, realm: str, reads_: int, purpose: Purpose) -> None:
        """Count reads that QuickBooks has served, or may have served; a write has none."""
        if not reads_:
            return
        self._unwritten[reads.month_of(self._clock.now()), realm] += reads_
        _reads.labels(purpose).inc(reads_)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later(), name="quickbooks reads")

    async def supply(self) -> Supply:
        """Return how sparing to be with reads now.

        Raises:
            DatabaseUnavailable: The month's reads could not be read.
        """
        now = self._clock.now()
        is_old = self._clock.monotonic() - self._total_at >= TOTAL_SECONDS
        if is_old or self._total_month != reads.month_of(now):
            self._note(await self._database.read(reads.reads_of_month, None, now), now)
        unwritten = sum(count for (month, _), count in self._unwritten.items() if month == self._total_month)
        return reads.supply(self._total + unwritten, self._reads_max)

    async def refuse_if_spent(self) -> None:
        """Refuse a bulk read if the month's budget is spent.

        Raises:
            ReadsSpent: Only needed reads are left until the month ends.
            DatabaseUnavailable: The month's reads could not be read.
        """
        if await self.supply() == "spent":
            raise ReadsSpent(reads.next_month(self._clock.now()))

    async def close(self) -> None:
        """Write the counts that are not written yet."""
        self._closing.set()
        if self._writing is not None:
            await self._writing
        if self._unwritten:
            await self._write()

    async def _write_later(self) -> None:
        """Write counts, at most once a second, until there are none."""
        while self._unwritten and not self._closing.is_set():
            wait = self._written_at + WRITE_SECONDS - self._clock.monotonic()
            if wait > 0:
                await pause(self._clock, self._closing, wait)
            await self._write()

    async def _write(self) -> None:
        counts, self._unwritten = self._unwritten, Counter()
        self._written_at = self._clock.monotonic()
        now = self._clock.now()
        try:
            self._note(await self._database.transaction(reads.add, counts, now), now)
        except DatabaseUnavailable as error:
            # They may have been written all the same; counting twice is better than exceeding the budget.
            self._unwritten.update(counts)
            logger.warning("quickbooks.reads_not_written", problem=str(error))

    def _note(self, total: int, now: datetime) -> None:
        """Keep the month's total, and log when it reaches a bound of the budget."""
        self._total, self._total_month = total, reads.month_of(now)
        self._total_at = self._clock.monotonic()
        _of_month.set(total)
        before, self._supply = self._supply, reads.supply(total, self._reads_max)
        if self._supply != before:
            log = logger.info if self._supply == "plenty" else logger.warning
            log("quickbooks.reads", supply=self._supply, reads_of_month=total, reads_max=self._reads_max)
