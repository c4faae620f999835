"""Store the records of concurrent HTTP requests in one transaction.

A commit waits for the disk, and on SQLite all writers wait for it. So many concurrent requests take few transactions, and
each waits only for the running transaction and its own.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events.database.port import Database
from events.log import intake
from events.log.dead_letters import LIMITS, LetterLimits
from events.log.intake import Received, Record
from worker.runtime.group_commit import CommitQueue

GROUP_BYTES_MAX = 128 * 1024
CATCH_UP_SECONDS_MAX = 1.0
RECORD_BYTES_MIN = 1024  # a smaller record counts as this size, since some work does not depend on the size


class Submission(Struct, frozen=True):
    """The records of one HTTP request, the instant of its arrival, and the limits of dead letters."""

    records: Sequence[Record]
    at: datetime
    limits: LetterLimits


class Arrivals:
    """Stores the records of HTTP requests, each request whole."""

    def __init__(self) -> None:
        self._followed = False
        self._caught_up = asyncio.Event()
        self._urgent = CommitQueue(_receive, _size, GROUP_BYTES_MAX)
        self._patient = CommitQueue(_receive, _size, GROUP_BYTES_MAX, before=self._until_caught_up)

    async def store(
        self,
        database: Database,
        records: Sequence[Record],
        at: datetime,
        limits: LetterLimits = LIMITS,
        *,
        urgent: bool = False,
    ) -> Sequence[Received]:
        """Store the records of a request; return the result of each, in order.

        On SQLite, if this process also handles the log, a request that is not urgent waits until the stored events are
        handled: so a burst waits at the door, not in the log, where a contract would queue behind it.

        Raises:
            DatabaseUnavailable: Nothing of the request was stored, unless only the answer to the commit was lost.
        """
        group = self._urgent if urgent else self._patient
        return await group.store(database, Submission(records, at, limits))

    def caught_up(self) -> None:
        """Note that all stored events are handled; the part of this process that handles the log calls this."""
        self._followed = True
        self._caught_up.set()

    def not_followed(self) -> None:
        """Note that this process no longer handles the log."""
        self._followed = False
        self._caught_up.set()

    async def _until_caught_up(self) -> None:
        if self._followed:
            with contextlib.suppress(TimeoutError):  # if handling is slow, the request is stored all the same
                async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
                    await self._caught_up.wait()
            self._caught_up.clear()


def _receive(connection: sa.Connection, requests: Sequence[Submission]) -> list[list[Received]]:
    records = [record for request in requests for record in request.records]
    results = iter(intake.receive(connection, records, requests[-1].at, requests[-1].limits))
    return [[next(results) for _ in request.records] for request in requests]


def _size(request: Submission) -> int:
    return sum(max(len(record.raw), RECORD_BYTES_MIN) for record in request.records)
