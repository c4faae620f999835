"""What comes in by HTTP: stored in one transaction with whatever comes at the same time.

A commit waits for the disk, and on SQLite everybody waits for it. So many senders at once take few transactions, and
one event among them waits for the transaction that runs and for its own.
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
from worker.runtime.group_commit import GroupCommit

GROUP_BYTES_MAX = 128 * 1024
CATCH_UP_SECONDS_MAX = 1.0
RECORD_BYTES_MIN = 1024  # as which a record counts that has fewer: some work is the same for all


class Request(Struct, frozen=True):
    """What one request brought, and when; and how many dead letters are kept."""

    records: Sequence[Record]
    at: datetime
    bounds: LetterLimits


class Arrivals:
    """Stores what requests bring, each whole."""

    def __init__(self) -> None:
        self._followed = False
        self._caught_up = asyncio.Event()
        self._urgent = GroupCommit(_receive, _size, GROUP_BYTES_MAX)
        self._patient = GroupCommit(_receive, _size, GROUP_BYTES_MAX, before=self._until_caught_up)

    async def store(
        self,
        database: Database,
        records: Sequence[Record],
        at: datetime,
        bounds: LetterLimits = LIMITS,
        *,
        urgent: bool = False,
    ) -> Sequence[Received]:
        """Store what a request brought; say what became of each record, in order.

        What is not urgent waits until what was stored before is handled, where this process does that too and all
        who write take turns: so a flood waits at the door, not in the log, where a contract would be behind it.

        Raises:
            DatabaseUnavailable: Nothing of it was stored, unless it was the answer that got lost.
        """
        group = self._urgent if urgent else self._patient
        return await group.store(database, Request(records, at, bounds))

    def caught_up(self) -> None:
        """Be told that all that was stored is handled, by the part of this process that handles it."""
        self._followed = True
        self._caught_up.set()

    def not_followed(self) -> None:
        """Be told that nothing here is handled any more."""
        self._followed = False
        self._caught_up.set()

    async def _until_caught_up(self) -> None:
        if self._followed:
            with contextlib.suppress(TimeoutError):  # what is slow to be handled is still taken
                async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
                    await self._caught_up.wait()
            self._caught_up.clear()


def _receive(connection: sa.Connection, requests: Sequence[Request]) -> list[list[Received]]:
    records = [record for request in requests for record in request.records]
    results = iter(intake.receive(connection, records, requests[-1].at, requests[-1].bounds))
    return [[next(results) for _ in request.records] for request in requests]


def _size(request: Request) -> int:
    return sum(max(len(record.raw), RECORD_BYTES_MIN) for record in request.records)
