"""The limit of the machine: the log's own table, written and read by the drivers alone."""

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import asyncpg

from benchmarks.story import WORKSPACE, Message
from events.clock import SystemClock
from events.contract import json
from events.contract.envelope import Event, from_structured
from events.database import postgres
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import SqliteDatabase
from events.log.tables import log

COLUMNS = tuple(column.name for column in log.columns if column.name != "position")
SCAN_ROWS = 5_000
_PLACES = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))
_INSERT = f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({_PLACES})"  # noqa: S608 - the columns' own names

Row = tuple[object, ...]


class RawLog(Protocol):
    """The product's table `events`, with every index, in a separate database."""

    async def append(self, batch: Sequence[Row]) -> None:
        """Write a batch in one transaction; return when it is on the disk."""
        ...

    async def append_one(self, row: Row) -> None:
        """Write one row in one transaction."""
        ...

    def scan(self) -> AsyncIterator[Sequence[tuple[int, str, str]]]:
        """Read position, type and data of every event, in order, in the driver's fastest way."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class RawSqlite:
    """The table on SQLite: `executemany`, WAL, synchronous FULL."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._insert = re.sub(r"\$\d+", "?", _INSERT)

    @classmethod
    async def open(cls, path: Path) -> "RawSqlite":
        """Create the table in a new file, and open it."""
        await _create(SqliteDatabase(path))
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return cls(connection)

    async def append(self, batch: Sequence[Row]) -> None:
        """Write a batch in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._insert, batch)
        self._connection.execute("COMMIT")

    async def append_one(self, row: Row) -> None:
        """Write one row; without BEGIN it is a transaction by itself."""
        self._connection.execute(self._insert, row)

    async def scan(self) -> AsyncIterator[Sequence[tuple[int, str, str]]]:
        """Read by one cursor."""
        cursor = self._connection.execute("SELECT position, type, data FROM events ORDER BY position")
        while page := cursor.fetchmany(SCAN_ROWS):
            yield page

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


class RawPostgres:
    """The table on PostgreSQL: binary COPY by asyncpg, fsync and synchronous_commit on."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "RawPostgres":
        """Create the table in an empty database, and connect."""
        await _create(PostgresDatabase(url))
        return cls(await postgres.connect(url))

    async def append(self, batch: Sequence[Row]) -> None:
        """Copy a batch in one transaction."""
        await self._connection.copy_records_to_table("events", records=batch, columns=COLUMNS)

    async def append_one(self, row: Row) -> None:
        """Insert one row by a prepared statement; without BEGIN it is a transaction by itself."""
        await self._connection.execute(_INSERT, *row)

    async def scan(self) -> AsyncIterator[Sequence[tuple[int, str, str]]]:
        """Read by one server-side cursor."""
        async with self._connection.transaction(readonly=True):
            cursor = await self._connection.cursor(
                "SELECT position, type, data FROM events ORDER BY position"
            )
            while page := await cursor.fetch(SCAN_ROWS):
                yield page

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def rows(batch: Sequence[Message]) -> list[Row]:
    """Return the log's rows of a batch, in the order of `COLUMNS`."""
    now = SystemClock().now()
    return [row(from_structured(message.structured, now=now, workspace=WORKSPACE), now) for message in batch]


def as_text(batch: Sequence[Row]) -> list[Row]:
    """Write instants in SQLite's form, so that its driver converts nothing."""
    return [tuple(str(value) if isinstance(value, datetime) else value for value in row) for row in batch]


def row(event: Event, now: datetime) -> Row:
    """Return the log's row of an event."""
    return (
        event.workspace,
        event.source,
        event.id,
        event.type,
        event.stream,
        event.subject,
        event.topic,
        event.time,
        now,
        json.encode(event.extensions),
        event.data,
    )


async def _create(database: Database) -> None:
    await database.transaction(lambda connection: log.metadata.create_all(connection, tables=[log]))
    await database.close()
