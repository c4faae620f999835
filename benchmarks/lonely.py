"""One event that arrives alone: the time from its bytes to its commit.

Nothing else runs meanwhile, and there is a pause before each event, as where events are rare. Ours decodes, looks for a
duplicate, stores and commits, through the `Database` port with its hop to the writer's thread. The limit inserts one
decoded row into the same table by the driver and commits it; both wait for the disk.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from benchmarks import stores
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured, percentile
from benchmarks.stores import Feed, Grounds

T = TypeVar("T")

EVENTS = 200
PAUSE_SECONDS = 0.002


@asynccontextmanager
async def _open(grounds: Grounds, directory: Path) -> AsyncIterator[Contenders]:
    async with grounds(directory) as ground:
        feed = Feed(ground, directory)

        async def ours() -> Measured:
            return await latencies(feed.ours(EVENTS, 1), lambda one: stores.receive(ground.database, one))

        async def limit() -> Measured:
            return await latencies([row for (row,) in feed.limit(EVENTS, 1)], ground.limit.append_one)

        yield Contenders(ours=ours, limit=limit)


async def latencies(items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> Measured:
    """Run `work` on each item, one at a time; return the percentiles of its duration, in milliseconds."""
    milliseconds = []
    for item in items:
        await asyncio.sleep(PAUSE_SECONDS)
        started = perf_counter()
        await work(item)
        milliseconds.append((perf_counter() - started) * 1000)
    return {"p50": percentile(milliseconds, 50), "p99": percentile(milliseconds, 99)}


def _figures(where: str, floor: float, aim: float) -> tuple[Figure, ...]:
    title = f"One lonely event to its commit, {where}"
    return (
        Figure("p50", f"{title}, p50", "ms", (Goal("limit", floor, aim, at_most=True),)),
        Figure("p99", f"{title}, p99", "ms", (Goal("none", 15, at_most=True),)),
    )


SQLITE = Benchmark(
    name="lonely-sqlite",
    figures=_figures("SQLite", 2.5, 1.5),
    open=lambda directory: _open(stores.on_sqlite, directory),
    limit="one row inserted and fsynced",
)
POSTGRES = Benchmark(
    name="lonely-postgres",
    figures=_figures("PostgreSQL", 5.5, 3),
    open=lambda directory: _open(stores.on_postgres, directory),
    limit="one row inserted and fsynced",
)
