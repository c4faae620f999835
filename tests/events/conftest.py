"""Every implementation of the `Database` port, empty; a further one needs a line here."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase, SqliteDatabase
from events.log.tables import dead_letter_totals, dead_letters, kafka_offsets, log, metadata, subscriptions
from tests.events.samples import effects

IMPLEMENTATIONS: dict[str, Callable[[Path], Database]] = {
    "sqlite": SqliteDatabase,
    "inline": InlineDatabase,
}
TABLES = [log, subscriptions, dead_letters, dead_letter_totals, kafka_offsets]


def empty_tables(connection: sa.Connection) -> None:
    """Delete the rows of earlier tests, if the database outlives them."""
    metadata.drop_all(connection, tables=TABLES)
    metadata.create_all(connection, tables=TABLES)
    effects.drop(connection, checkfirst=True)
    effects.create(connection)


@pytest_asyncio.fixture(params=[*IMPLEMENTATIONS, "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database, once for each implementation."""
    if request.param == "postgres":
        opened: Database = PostgresDatabase(request.getfixturevalue("module_postgres_url"))
    else:
        opened = IMPLEMENTATIONS[request.param](tmp_path / "log.db")
    await opened.transaction(empty_tables)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """The implementation with its own threads, for tests that need them."""
    opened = SqliteDatabase(tmp_path / "log.db")
    await opened.transaction(empty_tables)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def postgres(module_postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    """The implementation with many writers, for tests that need them."""
    opened = PostgresDatabase(module_postgres_url)
    await opened.transaction(empty_tables)
    yield opened
    await opened.close()
