"""Rebuilding the read models beside the live ones: a new edition of each is filled and made live, the oldest is deleted.

The log has the events of deals, with our own events and QuickBooks' outcomes; all of them count. Ours builds four read
models in tables, with checkpoints. The limit has a copy of the log: it reads position, type and data by the driver alone,
decodes each event once into the same structs and keeps the last of each row in memory, without formatting or storing. The
peer builds the same rows by the loop of its runner.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from benchmarks import outcomes, peer, stores
from benchmarks.limits import COLUMNS, Row
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import BATCH_EVENTS, CLOCK, HOLDER, Feed, Ground, Grounds
from events.contract import catalog
from events.log.tables import log
from projections.all import PROJECTIONS
from projections.deals import DEALS
from projections.rebuild import rebuild

BATCHES = 20
PEER_EVENTS = 2_000
Keys = Callable[[Any], Iterable[tuple[str, ...]]]
_DEAL: Keys = lambda payload: [(payload.deal_id,)]  # noqa: E731 - one of a table of functions
_ACCOUNT: Keys = lambda payload: [("account", payload.account_id)]  # noqa: E731 - as above
_PRODUCT: Keys = lambda payload: [("product", payload.product_id)]  # noqa: E731 - as above
# The keys of an event's rows in deals, invoices and mappings.
KEYS: tuple[dict[str, Keys], ...] = (
    {kind: _DEAL for fold in DEALS.parts for kind in fold.types},
    {catalog.INVOICE_STATE: lambda payload: [(payload.realm, payload.invoice_id)]},
    {
        catalog.DEAL_UPDATED: lambda payload: {("product", line.product_id) for line in payload.quote.lines},
        catalog.ACCOUNT_UPDATED: _ACCOUNT,
        catalog.ACCOUNT_MAPPED: _ACCOUNT,
        catalog.PRODUCT_MAPPED: _PRODUCT,
    },
)


@asynccontextmanager
async def _open(grounds: Grounds, directory: Path) -> AsyncIterator[Contenders]:
    async with grounds(directory) as ground, peer.running("eventsourcing_rows") as theirs:
        feed = Feed(ground, directory)
        for batch in feed.ours(BATCHES):
            await stores.receive(ground.database, batch)
            await stores.follow(ground.database)
            await outcomes.settle(ground.database, CLOCK.now())
        await stores.follow(ground.database)
        rows = await ground.database.read(_rows)
        await ground.limit.append(ground.written(rows))
        await theirs.call("open", environment=ground.peer)
        named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        for_peer = [(str(row["stream"]), str(row["type"]), str(row["data"])) for row in named]
        pages = [for_peer[start : start + BATCH_EVENTS] for start in range(0, len(rows), BATCH_EVENTS)]
        await theirs.call("append", path=feed.written_for_peer(pages))

        async def ours() -> Measured:
            started = perf_counter()
            await rebuild(ground.database, CLOCK, HOLDER, PROJECTIONS)
            return {"rate": len(rows) / (perf_counter() - started)}

        async def limit() -> Measured:
            started = perf_counter()
            await _folded(ground)
            return {"rate": len(rows) / (perf_counter() - started)}

        async def runner() -> Measured:
            done = await theirs.call("build", events=PEER_EVENTS)
            return {"rate": done["events"] / done["seconds"]}

        yield Contenders(ours=ours, limit=limit, peer=runner)


def _rows(connection: sa.Connection) -> list[Row]:
    columns = [log.c[name] for name in COLUMNS]
    return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(log.c.position))]


async def _folded(ground: Ground) -> dict[tuple[int, tuple[str, ...]], object]:
    kept: dict[tuple[int, tuple[str, ...]], object] = {}
    async for page in ground.limit.scan():
        for _, kind, data in page:
            payload = catalog.payload(kind, data)
            for place, keys in enumerate(KEYS):
                if kind in keys:
                    for key in keys[kind](payload):
                        kept[place, key] = payload
    return kept


_GOALS = (Goal("limit", 0.4, 0.6), Goal("peer", 10))
SQLITE = Benchmark(
    name="rebuild-sqlite",
    figures=(Figure("rate", "Rebuild of the read models, SQLite", "events/s", _GOALS),),
    open=lambda directory: _open(stores.on_sqlite, directory),
    limit="one cursor, decode, fold in memory",
    peer="eventsourcing, the same rows by the loop of its runner",
)
POSTGRES = Benchmark(
    name="rebuild-postgres",
    figures=(Figure("rate", "Rebuild of the read models, PostgreSQL", "events/s", _GOALS),),
    open=lambda directory: _open(stores.on_postgres, directory),
    limit="one cursor, decode, fold in memory",
    peer="eventsourcing, the same rows by the loop of its runner",
)
