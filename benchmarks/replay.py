"""Bulk replay: Kafka's topics, read from the beginning into an empty log, in one process.

Ours is `q2c replay`'s own function: it decodes, checks, hashes, looks for duplicates and appends, a thousand at a
time. The limit reads the same messages with the same client, and inserts the same rows into the same table on the same
server in transactions of the same size, each one statement over arrays; its rows are prepared, it decodes nothing and
looks for no duplicates. The time of both includes finding the topics' partitions and connecting.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import asyncpg
from aiokafka import TopicPartition

from benchmarks import limits, streams
from benchmarks.limits import COLUMNS, Row
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK
from events.database import postgres
from worker.kafka import cluster
from worker.runtime.environment import Environment
from worker.services import open_services
from worker.sources.replay import TRANSACTION_EVENTS_MAX, replay

EVENTS = 20_000
_INSTANTS = {"time", "recorded_at"}
_ARRAYS = ", ".join(
    f"${place}::{'timestamptz' if name in _INSTANTS else 'text'}[]"
    for place, name in enumerate(COLUMNS, start=1)
)
_INSERT = f"INSERT INTO events ({', '.join(COLUMNS)}) SELECT * FROM unnest({_ARRAYS})"  # noqa: S608 - the columns' own names


@asynccontextmanager
async def _open(directory: Path) -> AsyncIterator[Contenders]:
    async with streams.filled(directory, EVENTS) as ground:
        services = await open_services(await ground.installation("ours"))
        url = (await ground.installation("bare")).database_url
        mine = await postgres.connect(services.environment.database_url)
        bare = await postgres.connect(url)
        now = CLOCK.now()
        rows = [limits.row(event, now) for event in ground.events]
        try:

            async def ours() -> Measured:
                await mine.execute("TRUNCATE events")
                started = perf_counter()
                counts = await replay(services, (), 0)
                seconds = perf_counter() - started
                return {"rate": counts["appended"] / seconds}

            async def limit() -> Measured:
                await bare.execute("TRUNCATE events")
                started = perf_counter()
                await _replayed(ground.reached, bare, rows)
                return {"rate": EVENTS / (perf_counter() - started)}

            yield Contenders(ours=ours, limit=limit)
        finally:
            await mine.close()
            await bare.close()
            await services.database.close()


async def _replayed(environment: Environment, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """For each batch of messages, insert as many rows."""
    of = await cluster.partitions(environment, streams.topics_in(environment))
    async with cluster.consumer(environment) as consumer:
        partitions = [TopicPartition(*partition) for partition in of]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        done = 0
        while done < len(rows):
            found = await consumer.getmany(timeout_ms=1_000, max_records=TRANSACTION_EVENTS_MAX)
            batch = rows[done : done + sum(map(len, found.values()))]
            if batch:
                await connection.execute(_INSERT, *(list(column) for column in zip(*batch, strict=True)))
            done += len(batch)


REPLAY = Benchmark(
    name="replay",
    figures=(Figure("rate", "Kafka to log, bulk replay", "events/s", (Goal("limit", 0.4, 0.7),)),),
    open=_open,
    limit="aiokafka's getmany, one INSERT a batch",
    rounds=5,
)
