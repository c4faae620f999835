"""`python -m benchmarks.readers WHO NAME EVENTS`: read a number of events from Kafka once, and print the rate.

Each reader is a process that exits without cleaning up, since Faust's remaining tasks may hang.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import perf_counter
from typing import Any, Concatenate, ParamSpec, TypeVar

import faust
import msgspec
import sqlalchemy as sa
import uvloop
from aiokafka import TopicPartition

from benchmarks import streams
from benchmarks.measure import Measured
from events.database.port import Database
from events.log import log, offsets, subscriptions
from worker.kafka import cluster
from worker.roles import supervisor
from worker.roles.role import Role
from worker.runtime import logs
from worker.runtime.environment import KAFKA, Environment
from worker.services import SUBSCRIPTIONS, open_services
from worker.sources import faust as ours

P = ParamSpec("P")
T = TypeVar("T")

LOOK_SECONDS = 0.02
AT_ONCE_MAX = 500


class Begun:
    """A database that records when the first batch is stored, its size, and the number of later events."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.at: float | None = None
        self.events = 0
        self.stored = 0

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a transaction."""
        if self.at is None and work is ours.store:
            self.at, self.events = perf_counter(), len(args[0])  # type: ignore[arg-type] # its records
        result = await self._inner.transaction(work, *args, **kwargs)
        if work is ours.store:
            self.stored += len(args[0])  # type: ignore[arg-type] # its records
        return result

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a reading transaction."""
        return await self._inner.read(work, *args, **kwargs)

    async def close(self) -> None:
        """Close it."""
        await self._inner.close()


async def read_by_ours(environment: Environment, group: str, events: int) -> Measured:
    """Run the roles `ingest` here and `process` beside it until every subscription has handled everything."""
    opened = await open_services(environment)
    database = Begun(opened.database)
    services = msgspec.structs.replace(opened, database=database)
    q2c = Path(sys.executable).with_name("q2c")
    beside = await asyncio.create_subprocess_exec(q2c, "run", "process", stdout=asyncio.subprocess.DEVNULL)
    working = asyncio.create_task(
        supervisor.run(services, (Role.INGEST,), host="127.0.0.1", port=0, ready=lambda _: None)
    )
    try:
        # Checking takes time too, so the first check comes after everything is stored.
        while database.stored < events or not await opened.database.read(_is_through, group, events):
            await asyncio.wait({working}, timeout=LOOK_SECONDS)
            if working.done():
                raise RuntimeError(f"The reader ended with {working.result()}")
        return _rate(events - database.events, database.at)
    finally:
        beside.kill()
        await beside.wait()


async def read_by_stock_faust(environment: Environment, name: str, events: int) -> Measured:
    """Run an application whose agent takes one event after another."""
    app = faust.App(
        name,
        broker=";".join(KAFKA + broker for broker in environment.kafka_brokers),
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
    )
    read = asyncio.Event()
    began: float | None = None

    @app.agent(app.topic(*streams.topics_in(environment)))
    async def take(stream: Any) -> None:
        nonlocal began
        number = 0
        async for _ in stream:
            began = began or perf_counter()
            number += 1
            if number == events:
                read.set()

    app.finalize()
    await app.start()
    await read.wait()
    return _rate(events - 1, began)


async def read_by_aiokafka(environment: Environment, _name: str, events: int) -> Measured:
    """Read batches as large as ours."""
    of = await cluster.partitions(environment, streams.topics_in(environment))
    began, first, number = None, 0, 0
    async with cluster.consumer(environment) as consumer:
        partitions = [TopicPartition(*partition) for partition in of]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while number < events:
            found = await consumer.getmany(timeout_ms=1_000, max_records=AT_ONCE_MAX)
            number += sum(map(len, found.values()))
            if began is None and found:
                began, first = perf_counter(), number
        return _rate(events - first, began)


def _is_through(connection: sa.Connection, group: str, events: int) -> bool:
    if sum(offsets.stored(connection, group).values()) < events:
        return False
    checkpoints = subscriptions.checkpoints(connection)
    head = log.head(connection)
    return all(checkpoints.get(subscription.name, 0) == head for subscription in SUBSCRIPTIONS)


def _rate(events: int, began: float | None) -> Measured:
    if began is None:
        raise RuntimeError("The reader read nothing")
    return {"rate": events / (perf_counter() - began)}


READERS: dict[str, Callable[[Environment, str, int], Coroutine[Any, Any, Measured]]] = {
    "ours": read_by_ours,
    "stock": read_by_stock_faust,
    "aiokafka": read_by_aiokafka,
}


async def _main() -> None:
    who, name, events = sys.argv[1:]
    environment = Environment()
    logs.configure(environment)
    measured = await READERS[who](environment, name, int(events))
    os.write(1, msgspec.json.encode(measured))
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(_main())
