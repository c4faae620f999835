"""Live ingestion: messages in Kafka's topics, read by Faust into the log and through every subscription.

All contenders read the same topics from their beginning, each in its own process with the same event loop, in a new
consumer group. The time begins with the first batch, which does not count, so starting and joining are not included. Ours
is `q2c run ingest` and `q2c run process` on PostgreSQL, one process each as in the compose file: they decode, check,
deduplicate and append, decide with our own events and commands, and write all read models; the time ends when every
subscription is at the head. The peer is stock Faust, except for the broker, bytes instead of JSON, and no web server; its
agent does nothing. The limit is Faust's own client, aiokafka, by itself.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec

from benchmarks import peer, streams
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.streams import Ground
from worker.runtime.environment import Environment

EVENTS = 20_000


class ReaderFailed(Exception):
    """A reader failed; the message has the end of its log."""


@asynccontextmanager
async def _open(directory: Path) -> AsyncIterator[Contenders]:
    async with streams.filled(directory, EVENTS) as ground:
        numbers = count(1)

        async def ours() -> Measured:
            name = f"ours_{next(numbers)}"
            return await _read(ground, "ours", name, await ground.installation(name))

        async def limit() -> Measured:
            return await _read(ground, "aiokafka", "limit", ground.reached)

        async def faust() -> Measured:
            return await _read(ground, "stock", f"stock-{next(numbers)}", ground.reached)

        yield Contenders(ours=ours, limit=limit, peer=faust)


async def _read(ground: Ground, who: str, name: str, environment: Environment) -> Measured:
    """Let one of `benchmarks.readers` read everything."""
    log = ground.directory / f"{who}.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "benchmarks.readers", who, name, str(EVENTS)),
            cwd=ground.directory,
            env=streams.variables(environment) | {"PYTHONPATH": str(peer.ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
        said, _ = await process.communicate()
    if process.returncode:
        raise ReaderFailed(f"{who} failed:\n{log.read_text()[-2000:]}")
    return msgspec.json.decode(said, type=Measured)


INGEST = Benchmark(
    name="ingest",
    figures=(Figure("rate", "Kafka to log and read models, Faust", "events/s", (Goal("peer", 0.2, 0.5),)),),
    open=_open,
    limit="aiokafka's getmany",
    peer="stock Faust, an agent that does nothing",
    rounds=5,
)
