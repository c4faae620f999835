"""What comes in by HTTP: stored in one transaction with whatever comes at the same time.

A commit waits for the disk, and on SQLite everybody waits for it. So many senders at once take few transactions, and
one event among them waits for the transaction that runs and for its own.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from events import intake
from events.database import Database
from events.intake import Received, Record
from worker.group_commit import GroupCommit

GROUP_BYTES_MAX = 512 * 1024
RECORD_BYTES_MIN = 1024  # as which a record counts that has fewer: some work is the same for all


class Request(Struct, frozen=True):
    """What one request brought, and when."""

    records: Sequence[Record]
    at: datetime


class Arrivals:
    """Stores what requests bring, each whole."""

    def __init__(self) -> None:
        self._group = GroupCommit(_receive, _size, GROUP_BYTES_MAX)

    async def store(self, database: Database, records: Sequence[Record], at: datetime) -> Sequence[Received]:
        """Store what a request brought; say what became of each record, in order.

        Raises:
            DatabaseUnavailable: Nothing of it was stored, unless it was the answer that got lost.
        """
        return await self._group.store(database, Request(records, at))


def _receive(connection: sa.Connection, requests: Sequence[Request]) -> list[list[Received]]:
    records = [record for request in requests for record in request.records]
    results = iter(intake.receive(connection, records, requests[-1].at))
    return [[next(results) for _ in request.records] for request in requests]


def _size(request: Request) -> int:
    return sum(max(len(record.raw), RECORD_BYTES_MIN) for record in request.records)
