"""Databases of a running installation: with tables, a connected workspace, and everything mapped.

Each benchmark of a database gets three on the same disk or server: ours, the limit's and the peer's. All are as durable as
the product's: a commit is on the disk.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from benchmarks import servers, story
from benchmarks.limits import RawLog, RawPostgres, RawSqlite, Row, as_text, rows
from benchmarks.measure import NAMES, Name
from benchmarks.story import ACCOUNTS, BEGINNING, PRODUCTS, WORKSPACE, Message
from events.clock import SystemClock
from events.contract import catalog
from events.contract.administration import AccountMapped, ConnectionAuthorized, ProductMapped, SettingsChanged
from events.contract.envelope import Event, from_structured, own_event
from events.contract.quickbooks import CompanyObserved, CustomerObserved, ItemObserved, Named
from events.contract.values import Fact
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import SqliteDatabase
from events.log import intake, log
from worker.commands.table import commands
from worker.migrations import schema
from worker.roles import runner
from worker.runtime.garbage import seldom_collected
from worker.services import SUBSCRIPTIONS

REALM = "4620816365000000001"
HOLDER = "benchmark"
BATCH_EVENTS = 1_000
CLOCK = SystemClock()
_SETTINGS = {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00+00:00", "income_account": "Services"}
_COMPANY = CompanyObserved(
    realm=REALM,
    company_name="Benchmark, Inc.",
    country="US",
    home_currency="USD",
    multicurrency=False,
    custom_transaction_numbers=False,
    time_zone="America/Los_Angeles",
    terms=(Named("3", "Net 30"),),
    tax_codes=(Named("TAX", "Tax"), Named("NON", "Non")),
    income_accounts=(Named("1", "Services"),),
)


class Ground(Struct, frozen=True):
    """The three databases of a benchmark.

    Attributes:
        database: Ours, ready to invoice.
        limit: The log's table alone.
        peer: The environment variables with `eventsourcing`'s database.
        written: Converts rows of the log for the limit's driver.
    """

    database: Database
    limit: RawLog
    peer: dict[str, str]
    written: Callable[[Sequence[Row]], Sequence[Row]]


Grounds = Callable[[Path], AbstractAsyncContextManager[Ground]]


class Feed:
    """The same events for all contenders, each in its own form; no event is used twice."""

    def __init__(self, ground: Ground, directory: Path) -> None:
        self._ground = ground
        self._directory = directory
        self._flows = {name: story.flow() for name in NAMES}

    def ours(self, batches: int, size: int = BATCH_EVENTS) -> list[list[bytes]]:
        """Return events as received bytes."""
        return [[message.structured for message in batch] for batch in self._next("ours", batches, size)]

    def limit(self, batches: int, size: int = BATCH_EVENTS) -> list[Sequence[Row]]:
        """Return rows of the log."""
        return [self._ground.written(rows(batch)) for batch in self._next("limit", batches, size)]

    def peer(self, batches: int, size: int = BATCH_EVENTS) -> str:
        """Write a file for the peer; return its path."""
        taken = [
            [(each.attributes["subject"], each.attributes["type"], each.data.decode()) for each in batch]
            for batch in self._next("peer", batches, size)
        ]
        return self.written_for_peer(taken)

    def written_for_peer(self, batches: Sequence[Sequence[tuple[str, str, str]]]) -> str:
        """Write batches of subject, type and data for the peer; return the file's path."""
        path = self._directory / "peer.json"
        path.write_bytes(msgspec.json.encode(batches))
        return str(path)

    def _next(self, name: Name, batches: int, size: int) -> list[list[Message]]:
        return [list(islice(self._flows[name], size)) for _ in range(batches)]


@asynccontextmanager
async def on_sqlite(directory: Path) -> AsyncIterator[Ground]:
    """Create three SQLite files: WAL, synchronous FULL."""
    database = SqliteDatabase(directory / "ours.sqlite3")
    limit = await RawSqlite.open(directory / "limit.sqlite3")
    try:
        await prepare(database)
        with seldom_collected():  # as the roles do
            yield Ground(
                database,
                limit,
                {
                    "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                    "SQLITE_DBNAME": str(directory / "peer.sqlite3"),
                },
                as_text,
            )
    finally:
        await limit.close()
        await database.close()


@asynccontextmanager
async def on_postgres(directory: Path) -> AsyncIterator[Ground]:
    """Start a PostgreSQL server with its defaults, fsync on, with three databases."""
    with servers.postgres(directory) as server:
        urls = {name: server.create_database(name) for name in ("ours", "limit", "peer")}
        database = PostgresDatabase(urls["ours"])
        limit = await RawPostgres.open(urls["limit"])
        try:
            await prepare(database)
            with seldom_collected():  # as the roles do
                yield Ground(database, limit, _peer_on_postgres(urls["peer"]), list)
        finally:
            await limit.close()
            await database.close()


async def receive(database: Database, batch: Sequence[bytes]) -> None:
    """Receive a batch as the doors do: decode each event outside the transaction, store all in one."""
    now = CLOCK.now()
    records = [intake.record(raw, HOLDER, WORKSPACE, lambda body: _decoded(body, now)) for raw in batch]
    await database.transaction(intake.receive, records, now)


async def follow(database: Database) -> None:
    """Bring every subscription to the head of the log."""
    await runner.catch_up(database, CLOCK, SUBSCRIPTIONS, HOLDER)


def _decoded(raw: bytes, now: datetime) -> Event:
    return from_structured(raw, now=now, workspace=WORKSPACE)


def _peer_on_postgres(url: str) -> dict[str, str]:
    parts = sa.make_url(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.database or "",
        "POSTGRES_HOST": parts.host or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "",
    }


async def prepare(database: Database) -> None:
    """Create the tables, connect the workspace, map everything."""
    await database.transaction(schema.migrate)
    await database.transaction(_set_up, CLOCK.now())
    await follow(database)
    # The requests to QuickBooks count as answered.
    await database.transaction(lambda connection: connection.execute(commands.delete()))


def _set_up(connection: sa.Connection, now: datetime) -> None:
    """Append the events of an admin and of the first reading of the company."""
    facts: list[tuple[str, Fact]] = [
        (catalog.CONNECTION_AUTHORIZED, ConnectionAuthorized(REALM, BEGINNING)),
        (catalog.SETTINGS_CHANGED, SettingsChanged(_SETTINGS, "ada")),
        (catalog.COMPANY_OBSERVED, _COMPANY),
        *((catalog.ACCOUNT_MAPPED, AccountMapped(f"A-{n}", str(n), "ada")) for n in range(1, ACCOUNTS + 1)),
        *((catalog.PRODUCT_MAPPED, ProductMapped(product, "1", "ada")) for product, *_ in PRODUCTS),
        *(
            (catalog.CUSTOMER_OBSERVED, CustomerObserved(REALM, str(n), currency="USD", reading=1))
            for n in range(1, ACCOUNTS + 1)
        ),
        (catalog.ITEM_OBSERVED, ItemObserved(REALM, "1", type="Service", reading=len(PRODUCTS))),
    ]
    events = [
        own_event(
            kind,
            fact,
            workspace=WORKSPACE,
            source="urn:coeffection:benchmark",
            time=BEGINNING,
            id=f"set-up-{number}",
        )
        for number, (kind, fact) in enumerate(facts)
    ]
    log.append_own(connection, events, now)
