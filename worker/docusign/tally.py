"""Count DocuSign's messages at the door: written at once if few come, once a second if many do."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

import structlog
from prometheus_client import Counter, Gauge

from events.clock import Clock
from events.database.port import Database
from events.errors import DatabaseUnavailable
from worker.docusign import reception
from worker.docusign.reception import ACCEPTED, Count, Noted

WRITE_SECONDS = 1.0
messages_total = Counter(
    "q2c_docusign_messages_total", "Messages from DocuSign, by outcome", ["workspace", "outcome"]
)
accepted_at = Gauge(
    "q2c_docusign_accepted_timestamp_seconds",
    "When a message from DocuSign was accepted last",
    ["workspace"],
)
logger = structlog.get_logger()


class Tally:
    """Counts messages by outcome. A crash loses the counts that are not written yet, at most the last second's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._outcomes: dict[tuple[str, str], Count] = {}
        self._verified: dict[int, datetime] = {}
        self._written_at: float | None = None
        self._writing: asyncio.Task[None] | None = None

    async def note(self, workspace: str, *outcomes: str, verified: Iterable[int] = ()) -> None:
        """Count a message under each of its outcomes, and record the keys that matched it."""
        now = self._clock.now()
        for outcome in outcomes:
            messages_total.labels(workspace, outcome).inc()
            known = self._outcomes.get((workspace, outcome))
            self._outcomes[workspace, outcome] = known.and_again(now) if known else Count(1, now, now)
        if ACCEPTED in outcomes:
            accepted_at.labels(workspace).set(now.timestamp())
        self._verified.update(dict.fromkeys(verified, now))
        if self._writing is not None and not self._writing.done():
            return
        wait = 0.0
        if self._written_at is not None:
            wait = max(0.0, self._written_at + WRITE_SECONDS - self._clock.monotonic())
        if wait:
            self._writing = asyncio.create_task(self._later(wait), name="docusign tally")
        else:
            await self._write()

    async def _later(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self._write()

    async def _write(self) -> None:
        noted = Noted(self._outcomes, self._verified)
        self._outcomes, self._verified = {}, {}
        self._written_at = self._clock.monotonic()
        try:
            await self._database.transaction(reception.write, noted)
        except DatabaseUnavailable as error:
            # The counts may have been written all the same; counting twice is better than hiding a refusal.
            logger.warning("docusign.not_counted", problem=str(error))
            for key, count in noted.outcomes.items():
                later = self._outcomes.get(key)
                self._outcomes[key] = count.and_then(later) if later else count
            self._verified = {**noted.verified, **self._verified}
            self._writing = asyncio.create_task(self._later(WRITE_SECONDS), name="docusign tally")
