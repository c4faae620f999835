"""Commands carried out while QuickBooks answers at once: claimed, recorded as sent, finished with their outcome.

All contenders carry out commands that are due, each on its own PostgreSQL database. Ours is the shipped dispatcher with a
client that answers without HTTP: it claims fairly over companies, records each command before it is sent, and stores each
outcome with its event. The limit claims and completes the same rows in batches of fifty, two statements a batch, and
records nothing. The peer's tasks do nothing; its worker fetches and finishes them, sixteen at once, its fastest number.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa

from benchmarks import peer, servers, stub
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK, HOLDER
from benchmarks.story import WORKSPACE
from events.contract import catalog
from events.contract.administration import ConnectionAuthorized
from events.contract.envelope import own_event
from events.database import bulk, postgres
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from worker.commands import table
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, commands, realms
from worker.migrations import schema
from worker.quickbooks.calls import BeforeSending
from worker.quickbooks.client import QuickBooksClient
from worker.runtime.wake import Wake

COMMANDS = 5_000
JOBS = 1_000
COMPANIES = 25
BATCH = 50
BODY = msgspec.json.encode({"Line": stub.INVOICE["Invoice"]["Line"], "CustomerRef": {"value": "1"}}).decode()
_CLAIM = """
    UPDATE commands SET status = 'leased', fence = fence + 1, attempts = attempts + 1
    WHERE request_id IN (
        SELECT request_id FROM commands WHERE status = 'ready' ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING request_id, body
"""
_COMPLETE = "UPDATE commands SET status = 'done' WHERE request_id = ANY($1)"


class AtOnce(QuickBooksClient):
    """A client of a QuickBooks that answers at once."""

    def __init__(self) -> None:  # without the real client's HTTP and tokens
        self.left = 0
        self.all_sent = asyncio.Event()
        self._numbers = count(1)

    async def write(
        self,
        realm: str,  # noqa: ARG002 - the real client's parameter, here and below
        entity: str,  # noqa: ARG002
        body: bytes,  # noqa: ARG002
        request_id: str,  # noqa: ARG002
        *,
        before_sending: BeforeSending | None = None,
    ) -> dict[str, Any]:
        """Return an invoice."""
        if before_sending is not None:
            await before_sending()
        self.left -= 1
        if self.left == 0:
            self.all_sent.set()
        return {**stub.INVOICE["Invoice"], "Id": str(next(self._numbers))}


@asynccontextmanager
async def _open(directory: Path) -> AsyncIterator[Contenders]:
    with servers.postgres(directory) as server:
        urls = {name: server.create_database(name) for name in ("ours", "limit", "peer")}
        mine, bare = PostgresDatabase(urls["ours"]), PostgresDatabase(urls["limit"])
        connection = await postgres.connect(urls["limit"])
        numbers = count(1)
        try:
            for database in (mine, bare):
                await database.transaction(schema.migrate)
                await database.transaction(connect)
            async with peer.running("procrastinate_worker") as theirs:
                await theirs.call("open", url=urls["peer"])

                async def ours() -> Measured:
                    await mine.transaction(add, [next(numbers) for _ in range(COMMANDS)], CLOCK.now())
                    return {"rate": COMMANDS / await _dispatched(mine)}

                async def limit() -> Measured:
                    await bare.transaction(add, [next(numbers) for _ in range(COMMANDS)], CLOCK.now())
                    return {"rate": COMMANDS / await _claimed(connection)}

                async def worker() -> Measured:
                    return {"rate": JOBS / (await theirs.call("work", jobs=JOBS))["seconds"]}

                yield Contenders(ours=ours, limit=limit, peer=worker)
        finally:
            await connection.close()
            await mine.close()
            await bare.close()


async def _dispatched(database: Database) -> float:
    """Let the dispatcher carry out due commands; return the seconds that it took."""
    client = AtOnce()
    client.left = COMMANDS
    dispatcher = Dispatcher(database, CLOCK, client, Timing(), Wake(), HOLDER)
    stopping = asyncio.Event()
    started = perf_counter()
    running = asyncio.create_task(dispatcher.run(stopping))
    await client.all_sent.wait()
    stopping.set()
    await running
    return perf_counter() - started


async def _claimed(connection: asyncpg.Connection) -> float:
    started = perf_counter()
    while claimed := await connection.fetch(_CLAIM, BATCH):
        await connection.execute(_COMPLETE, [row["request_id"] for row in claimed])
    return perf_counter() - started


def connect(connection: sa.Connection, companies: int = COMPANIES) -> None:
    """Connect companies, each to its own workspace."""
    rows = [
        {
            "realm": f"realm-{n}",
            "workspace": f"{WORKSPACE}-{n}",
            "connected": True,
            "paused": False,
            "time_zone": "UTC",
        }
        for n in range(companies)
    ]
    bulk.insert(connection, realms, rows)


def add(connection: sa.Connection, numbers: Sequence[int], now: datetime, companies: int = COMPANIES) -> None:
    """Add commands, spread over companies; delete finished ones."""
    made = []
    for number in numbers:
        realm, workspace = f"realm-{number % companies}", f"{WORKSPACE}-{number % companies}"
        key = CommandKey(workspace, f"deal/D-{number}", "create_invoice", 0, 1)
        cause = own_event(
            catalog.CONNECTION_AUTHORIZED,
            ConnectionAuthorized(realm, now),
            workspace=workspace,
            source="urn:coeffection:benchmark",
            time=now,
            id=f"cause-{number}",
        )
        made.append((NewCommand(key, realm, request_id(realm, key), BODY), cause))
    table.add(connection, made, now)
    connection.execute(commands.delete().where(commands.c.status == "done"))


COMMANDS_AT_ONCE = Benchmark(
    name="commands",
    figures=(
        Figure(
            "rate",
            "Commands claimed and completed, PostgreSQL",
            "commands/s",
            (Goal("peer", 4, 8), Goal("limit", 0.3, 0.5)),
        ),
    ),
    open=_open,
    limit=f"claimed and completed in batches of {BATCH}",
    peer="procrastinate's worker",
)
