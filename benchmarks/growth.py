"""Growth: the cost of an event's full path in an installation with a long log.

Three installations have 10,000, 100,000 and 1,000,000 events in their logs. All get the same deals and outcomes; then the
rows of the larger two are copied, each copy under other names, in every growing table: the log, the state of deals,
commands, read models. In each round, all get the same new events in turns, which are received and handled by every
subscription; the ratio is of the seconds that this takes to those of the smallest, which grows to some 20,000 meanwhile.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from benchmarks import outcomes, servers, stores, story
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK
from benchmarks.story import Message
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import SqliteDatabase
from events.log import log
from events.log.tables import log as events
from events.log.tables import subscriptions
from projections import deals, integration_log, invoices
from worker.commands.table import commands
from worker.quote_to_cash.store import process_state, process_waits

SMALLEST, *LARGER = ("10k", "100k", "1m")
COPIES = {"10k": 0, "100k": 9, "1m": 99}
FIRST_EVENTS = 10_000
BATCH_EVENTS = 500
TURNS = 2
# The columns of each growing table that differ between copies; positions continue.
NAMED: dict[sa.Table, tuple[str, ...]] = {
    events: ("id", "stream", "subject"),
    process_state: ("stream",),
    process_waits: ("key", "stream"),
    commands: ("request_id", "subject"),
    deals.table: ("deal",),
    invoices.table: ("invoice_id", "deal"),
    integration_log.table: ("about",),
}
_SEQUENCE = "SELECT setval(pg_get_serial_sequence('events', 'position'), (SELECT max(position) FROM events))"

Lay = Callable[[Path], AbstractAsyncContextManager[dict[str, Database]]]


@asynccontextmanager
async def _open(lay: Lay, directory: Path) -> AsyncIterator[Contenders]:
    async with lay(directory) as databases:
        flow = story.flow()
        await _tell(databases, flow)
        for size, database in databases.items():
            await database.transaction(_copy, COPIES[size])

        async def ours() -> Measured:
            seconds = dict.fromkeys(databases, 0.0)
            for turn in range(TURNS):
                batch = [message.structured for message in islice(flow, BATCH_EVENTS)]
                for size in reversed(databases) if turn % 2 else databases:
                    started = perf_counter()
                    await stores.receive(databases[size], batch)
                    await stores.follow(databases[size])
                    seconds[size] += perf_counter() - started
            return {size: seconds[size] / seconds[SMALLEST] for size in LARGER}

        yield Contenders(ours=ours)


async def _tell(databases: dict[str, Database], flow: Iterator[Message]) -> None:
    """Prepare all installations, and fill them to the size of the smallest."""
    for database in databases.values():
        await stores.prepare(database)
    while await databases[SMALLEST].read(log.head) < FIRST_EVENTS:
        batch = [message.structured for message in islice(flow, BATCH_EVENTS)]
        for database in databases.values():
            await stores.receive(database, batch)
            await stores.follow(database)
            await outcomes.settle(database, CLOCK.now())
            await stores.follow(database)


def _copy(connection: sa.Connection, copies: int) -> None:
    """Copy all rows `copies` times, in the order of the log, and move every subscription to the head."""
    first = log.head(connection)
    for table, named in NAMED.items():
        kept = sa.table(f"first_{table.name}", *(sa.column(column.name) for column in table.columns))
        connection.execute(sa.text(f"CREATE TEMP TABLE {kept.name} AS SELECT * FROM {table.name}"))  # noqa: S608 - our own names
        for number in range(1, copies + 1):
            columns = [_copied(column, named, number, first) for column in kept.columns]
            statement = table.insert().from_select(list(table.columns), sa.select(*columns))
            connection.execute(statement)
        connection.execute(sa.text(f"DROP TABLE {kept.name}"))
    connection.execute(subscriptions.update().values(position=log.head(connection)))
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(_SEQUENCE))
    connection.execute(sa.text("ANALYZE"))


def _copied(
    column: sa.ColumnClause[Any], named: tuple[str, ...], number: int, first: int
) -> sa.ColumnElement[Any]:
    """Return a column of a copy. Its names sort before those of new deals, as old deals' names do."""
    if column.name == "position":
        return column + number * first
    return sa.literal(f"{number:03}~", sa.Text).concat(column) if column.name in named else column


@asynccontextmanager
async def _on_sqlite(directory: Path) -> AsyncIterator[dict[str, Database]]:
    databases = {size: SqliteDatabase(directory / f"{size}.sqlite3") for size in COPIES}
    try:
        yield dict(databases)
    finally:
        for database in databases.values():
            await database.close()


@asynccontextmanager
async def _on_postgres(directory: Path) -> AsyncIterator[dict[str, Database]]:
    with servers.postgres(directory) as server:
        databases = {size: PostgresDatabase(server.create_database(size)) for size in COPIES}
        try:
            yield dict(databases)
        finally:
            for database in databases.values():
                await database.close()


def _figures(where: str) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            size,
            f"Cost of an event among {size}, {where}",
            "of that among 10k",
            (Goal("none", 1.25, 1.1, at_most=True),),
        )
        for size in LARGER
    )


SQLITE = Benchmark(
    name="growth-sqlite",
    figures=_figures("SQLite"),
    open=lambda directory: _open(_on_sqlite, directory),
    rounds=5,
)
POSTGRES = Benchmark(
    name="growth-postgres",
    figures=_figures("PostgreSQL"),
    open=lambda directory: _open(_on_postgres, directory),
    rounds=5,
)
