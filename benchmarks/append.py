"""Appending: raw events decoded, deduplicated and stored, a thousand a transaction.

All contenders durably write the same events in batches of the same size, each to its own database on the same disk or
server. Ours gets bytes and does everything the doors do. The limit gets decoded rows, looks for no duplicates and writes
the same table. The peer's recorder gets its own prepared objects, and writes its own table, which has one index where the
log has four.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from benchmarks import peer, stores
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import BATCH_EVENTS, Feed, Grounds

BATCHES = 8
EVENTS = BATCHES * BATCH_EVENTS


@asynccontextmanager
async def _open(grounds: Grounds, directory: Path) -> AsyncIterator[Contenders]:
    async with grounds(directory) as ground, peer.running("eventsourcing_store") as theirs:
        await theirs.call("open", environment=ground.peer)
        feed = Feed(ground, directory)

        async def ours() -> Measured:
            batches = feed.ours(BATCHES)
            started = perf_counter()
            for batch in batches:
                await stores.receive(ground.database, batch)
            return {"rate": EVENTS / (perf_counter() - started)}

        async def limit() -> Measured:
            batches = feed.limit(BATCHES)
            started = perf_counter()
            for batch in batches:
                await ground.limit.append(batch)
            return {"rate": EVENTS / (perf_counter() - started)}

        async def recorder() -> Measured:
            done = await theirs.call("append", path=feed.peer(BATCHES))
            return {"rate": EVENTS / done["seconds"]}

        yield Contenders(ours=ours, limit=limit, peer=recorder)


SQLITE = Benchmark(
    name="append-sqlite",
    figures=(Figure("rate", "Append with decode and dedupe, SQLite", "events/s"),),
    open=lambda directory: _open(stores.on_sqlite, directory),
    limit="executemany into the same table",
    peer="eventsourcing's recorder",
)
POSTGRES = Benchmark(
    name="append-postgres",
    figures=(
        Figure(
            "rate",
            "Append with decode and dedupe, PostgreSQL",
            "events/s",
            (Goal("limit", 0.28, 0.5), Goal("peer", 0.8, 1.5)),
        ),
    ),
    open=lambda directory: _open(stores.on_postgres, directory),
    limit="COPY into the same table",
    peer="eventsourcing's recorder",
)
