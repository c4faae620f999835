"""Waiting: the cost of one changed setting that a hundred thousand deals wait on.

A thousand signed deals wait because automatic invoicing is switched off, and because they were won before the cut-over. Their state,
the keys that they wait on and their rows in the read model are copied 99 times under other names. Then the cut-over is set to
another day, which changes a gate of every deal, and the role `process` does its work until the last deal is reconsidered and
shown. The figure is the longest transaction: a contract that is signed meanwhile waits for it. A deal that does not show the new
day is an error, so that no figure is measured of deals that were never reconsidered.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from benchmarks import servers, stores, story
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK, HOLDER
from benchmarks.story import BEGINNING, WORKSPACE
from events.contract import catalog
from events.contract.administration import SettingsChanged
from events.contract.envelope import own_event
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import SqliteDatabase
from events.log import log
from projections import deals
from worker.quote_to_cash import keys
from worker.quote_to_cash.store import process_state, process_waits
from worker.roles import reconsidering
from worker.roles.runner import ShortTurns, turn
from worker.services import SUBSCRIPTIONS

P = ParamSpec("P")
T = TypeVar("T")
TOLD, COPIES = 1_000, 99
BATCH_EVENTS = 500
LATER = BEGINNING + timedelta(days=3650)
DEAL = "deal/"
# The column of each table that names a deal, and the prefix of the name.
NAMED = ((process_state, "stream", DEAL), (process_waits, "stream", DEAL), (deals.table, "deal", ""))
Lay = Callable[[Path], AbstractAsyncContextManager[Database]]


class NotWaiting(Exception):
    """Deals do not wait on the changed setting, so the benchmark would measure nothing."""


class Timed:
    """A `Database` that records the longest transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.longest_seconds = 0.0

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in a transaction, and record its duration."""
        started = perf_counter()
        done = await self._database.transaction(work, *args, **kwargs)
        self.longest_seconds = max(self.longest_seconds, perf_counter() - started)
        return done

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on a snapshot."""
        return await self._database.read(work, *args, **kwargs)

    async def close(self) -> None:
        """Close every connection."""
        await self._database.close()


@asynccontextmanager
async def _open(lay: Lay, directory: Path) -> AsyncIterator[Contenders]:
    async with lay(directory) as database:
        await _tell(database)
        await database.transaction(_copy)
        waiting = await database.read(_waiting)
        numbers = count(1)

        async def ours() -> Measured:
            timed, number = Timed(database), next(numbers)
            cut_over = LATER + timedelta(days=number)
            started = perf_counter()
            await timed.transaction(_choose, number, {"cut_over": cut_over.isoformat()})
            await _work_off(timed)
            whole = perf_counter() - started
            await database.read(_check, waiting, cut_over)
            return {"longest": timed.longest_seconds, "whole": whole}

        yield Contenders(ours=ours)


async def _tell(database: Database) -> None:
    """Send the events of deals until a thousand contracts are signed."""
    await stores.prepare(database)
    await database.transaction(_choose, 0, {"auto_invoice": "false", "cut_over": LATER.isoformat()})
    flow, signed = story.flow(), 0
    while signed < TOLD:
        batch = list(islice(flow, BATCH_EVENTS))
        signed += sum(message.attributes["type"] == catalog.CONTRACT_SIGNED for message in batch)
        await stores.receive(database, [message.structured for message in batch])
        await _work_off(database)


async def _work_off(database: Database) -> None:
    """Handle the log and reconsider deals in turns, as the role `process` does, until no work is left."""
    turns, size = ShortTurns(), ShortTurns(reconsidering.STREAMS_MAX)
    while True:
        handled = await turn(database, CLOCK, SUBSCRIPTIONS, HOLDER, turns)
        if not await reconsidering.portions(database, CLOCK, HOLDER, size) and not handled:
            return


def _choose(connection: sa.Connection, number: int, settings: dict[str, str]) -> None:
    event = own_event(
        catalog.SETTINGS_CHANGED,
        SettingsChanged(settings, "ada"),
        workspace=WORKSPACE,
        source="urn:coeffection:benchmark",
        time=CLOCK.now(),
        id=f"chosen-{number}",
    )
    log.append_own(connection, [event], CLOCK.now())


def _waiting(connection: sa.Connection) -> int:
    """Return the number of deals that wait on the cut-over.

    Raises:
        NotWaiting: They are not as many as the benchmark is about.
    """
    on_it = process_waits.c.key == keys.of_setting("cut_over")
    found = connection.execute(
        sa.select(sa.func.count()).select_from(process_waits).where(on_it)
    ).scalar_one()
    if found < TOLD * (1 + COPIES):
        raise NotWaiting(f"Only {found} deals wait on the cut-over, not {TOLD * (1 + COPIES)}")
    return found


def _check(connection: sa.Connection, waiting: int, cut_over: datetime) -> None:
    """Check that every waiting deal shows the new cut-over.

    Raises:
        NotWaiting: A deal shows another one.
    """
    new = deals.deals.c.gates.contains(f"{cut_over:%Y-%m-%d}")
    shown = connection.execute(sa.select(sa.func.count()).select_from(deals.deals).where(new)).scalar_one()
    if shown != waiting:
        raise NotWaiting(f"Of {waiting} deals that waited on the cut-over, {shown} show the new one")


def _copy(connection: sa.Connection) -> None:
    for table, column, prefix in NAMED:
        kept = sa.table(f"first_{table.name}", *(sa.column(each.name) for each in table.columns))
        first = f"CREATE TEMP TABLE {kept.name} AS SELECT * FROM {table.name} WHERE {column} LIKE '{prefix}%'"  # noqa: S608 - our own names
        connection.execute(sa.text(first))
        for number in range(COPIES):
            columns: list[Any] = [
                _renamed(each, prefix, number) if each.name == column else each for each in kept.columns
            ]
            connection.execute(table.insert().from_select(list(table.columns), sa.select(*columns)))
        connection.execute(sa.text(f"DROP TABLE {kept.name}"))
    connection.execute(sa.text("ANALYZE"))


def _renamed(column: sa.ColumnClause[Any], prefix: str, number: int) -> sa.ColumnElement[Any]:
    rest = sa.func.substr(column, len(prefix) + 1)
    return sa.literal(f"{prefix}{number:03}~", sa.Text).concat(rest)


@asynccontextmanager
async def _on_sqlite(directory: Path) -> AsyncIterator[Database]:
    database = SqliteDatabase(directory / "waiting.sqlite3")
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _on_postgres(directory: Path) -> AsyncIterator[Database]:
    with servers.postgres(directory) as server:
        database = PostgresDatabase(server.create_database("waiting"))
        try:
            yield database
        finally:
            await database.close()


def _figures(where: str) -> tuple[Figure, ...]:
    title = f"A changed setting, 100,000 deals waiting, {where}"
    return (
        Figure("longest", f"{title}: longest transaction", "s", (Goal("none", 0.5, 0.1, at_most=True),)),
        Figure("whole", f"{title}: until the last is shown", "s"),
    )


SQLITE = Benchmark(
    name="waiting-sqlite",
    figures=_figures("SQLite"),
    open=lambda directory: _open(_on_sqlite, directory),
    rounds=2,
)
POSTGRES = Benchmark(
    name="waiting-postgres",
    figures=_figures("PostgreSQL"),
    open=lambda directory: _open(_on_postgres, directory),
    rounds=2,
)
