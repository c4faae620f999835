"""The full path of an event: appended, decided with our own events and commands, and in all read models.

Batches of a thousand are received; after each, every subscription is brought to the head of the log, including our own
events. Only received events count, not our own events about them (three for four), nor how often each is handled (five
times). The limit only writes the received events into the same table. The peer appends batches too, and then runs one
projection with one upsert an event, as its runner does: it decides nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from benchmarks import peer, stores
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import BATCH_EVENTS, Feed, Grounds

BATCHES = 3
EVENTS = BATCHES * BATCH_EVENTS
EVENTS_OF_PEER = 400


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
                await stores.follow(ground.database)
            return {"rate": EVENTS / (perf_counter() - started)}

        async def limit() -> Measured:
            batches = feed.limit(BATCHES)
            started = perf_counter()
            for batch in batches:
                await ground.limit.append(batch)
            return {"rate": EVENTS / (perf_counter() - started)}

        async def projection() -> Measured:
            done = await theirs.call("full", path=feed.peer(1, EVENTS_OF_PEER))
            return {"rate": EVENTS_OF_PEER / done["seconds"]}

        yield Contenders(ours=ours, limit=limit, peer=projection)


SQLITE = Benchmark(
    name="full-sqlite",
    figures=(Figure("rate", "Full path, SQLite", "events/s", (Goal("limit", 0.04, 0.12),)),),
    open=lambda directory: _open(stores.on_sqlite, directory),
    limit="executemany into the same table",
    peer="one projection in eventsourcing, by the loop of its runner",
)
POSTGRES = Benchmark(
    name="full-postgres",
    figures=(
        Figure("rate", "Full path, PostgreSQL", "events/s", (Goal("limit", 0.05, 0.12), Goal("peer", 2, 5))),
    ),
    open=lambda directory: _open(stores.on_postgres, directory),
    limit="COPY into the same table",
    peer="one projection in eventsourcing's ProjectionRunner",
)
