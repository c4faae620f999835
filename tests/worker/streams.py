"""An installation on a real Kafka and a real database, with its own topics and group."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from aiokafka import TopicPartition

from events.clock import SystemClock, SystemEntropy
from events.contract import catalog
from events.contract.envelope import Recorded
from events.database.port import Database
from events.log import log, offsets
from events.log.offsets import Partition
from events.log.tables import dead_letters
from tests.events.samples import made, whole_log
from worker.demo.doors import Secrets, open_workspace
from worker.kafka import cluster, topics
from worker.kafka.messages import Message, Publishing, encode
from worker.kafka.publisher import Publisher
from worker.migrations.schema import migrate
from worker.runtime.environment import Environment
from worker.runtime.vault import Vault
from worker.runtime.wake import Wake
from worker.services import Services, open_database
from worker.sources.faust import ingest

DOCUSIGN_KEY = "bm90IGEgc2VjcmV0LCBvZiAzMiBieXRlcyBhcyB0aGV5IGE="
T = TypeVar("T")

PARTITIONS = 2
PATIENCE_SECONDS = 90.0
TOKEN_KEY = base64.urlsafe_b64encode(bytes(32)).decode()  # as Q2C_TOKEN_KEYS for a process of its own
LOOK_SECONDS = 0.02
STRUCTURED = [("content-type", b"application/cloudevents+json")]


class Stream:
    """Topics, a database, and the methods that tests need."""

    def __init__(self, services: Services, publisher: Publisher, secrets: Secrets) -> None:
        self.services = services
        self.publisher = publisher
        self.secrets = secrets

    @property
    def environment(self) -> Environment:
        return self.services.environment

    async def send(self, *documents: dict[str, Any], workspace: str = "acme") -> None:
        """Produce events as the front door does."""
        events = [made(document, workspace) for document in documents]
        topic = self.environment.topic
        await self.publisher.publish([encode(event, topic(event.topic or "")) for event in events])

    async def send_raw(
        self,
        value: bytes,
        headers: Iterable[tuple[str, bytes]] = (),
        key: bytes | None = b"key",
        topic: str = catalog.DEALS,
    ) -> None:
        """Produce raw messages, unlike our own clients."""
        await self.publisher.publish([Message(self.environment.topic(topic), key, value, list(headers))])

    async def log(self) -> list[Recorded]:
        return await self.services.database.read(whole_log)

    async def ids(self) -> list[str]:
        return [recorded.event.id for recorded in await self.log()]

    async def head(self) -> int:
        return await self.services.database.read(log.head)

    async def letters(self) -> Sequence[sa.RowMapping]:
        """Return every dead letter, in order of arrival."""
        statement = sa.select(dead_letters).order_by(dead_letters.c.number)
        return await self.services.database.read(lambda c: c.execute(statement).mappings().all())

    async def stored(self) -> dict[Partition, int]:
        return await self.services.database.read(offsets.stored, self.environment.kafka_group)

    async def ends(self, topic: str = catalog.DEALS) -> dict[Partition, int]:
        of = await cluster.partitions(self.environment, [self.environment.topic(topic)])
        return {at: kept.end for at, kept in (await cluster.offset_ranges(self.environment, of)).items()}

    async def read(self, topic: str) -> list[Any]:
        """Return every message of a topic, one partition after the other."""
        of = await cluster.partitions(self.environment, [self.environment.topic(topic)])
        kept = await cluster.offset_ranges(self.environment, of)
        messages: list[Any] = []
        async with cluster.consumer(self.environment) as consumer:
            for at in of:
                place = TopicPartition(*at)
                consumer.assign([place])
                consumer.seek(place, kept[at].beginning)
                while await consumer.position(place) < kept[at].end:
                    for found in (await consumer.getmany(place, timeout_ms=1000)).values():
                        messages += found
        return messages

    async def until(
        self, condition: Callable[[], Coroutine[Any, Any, bool]], *working: asyncio.Task[Any]
    ) -> None:
        """Wait for a condition, while other tasks run."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await condition():
                for task in working:
                    if task.done():
                        task.result()
                        raise AssertionError("it ended by itself")
                await asyncio.sleep(LOOK_SECONDS)

    async def until_appended(self, count: int, *working: asyncio.Task[Any]) -> None:
        async def appended() -> bool:
            return await self.head() >= count

        await self.until(appended, *working)

    def with_database(self, database: Database) -> Services:
        return msgspec.structs.replace(self.services, database=database)

    def with_publisher(self, publisher: Publishing | None = None) -> Services:
        return msgspec.structs.replace(self.services, publisher=publisher or self.publisher)


@asynccontextmanager
async def open_stream(kafka_url: str, database_url: str, **settings: Any) -> AsyncIterator[Stream]:
    """Create topics and a workspace `acme` for one test."""
    prefix = f"t{token_hex(5)}"
    names = {topic: f"{prefix}.{topic}" for topic in (*catalog.TOPICS_IN, *catalog.TOPICS_OUT)}
    environment = Environment.model_validate(
        {
            "kafka_url": kafka_url,
            "database_url": database_url,
            "kafka_group": prefix,
            "kafka_topic_names": names,
            "kafka_partitions": PARTITIONS,
            "kafka_session_seconds": 6,
            **settings,
        }
    )
    await topics.apply(environment)
    database = open_database(environment)
    await database.transaction(migrate)
    clock, entropy = SystemClock(), SystemEntropy()
    vault = Vault([TOKEN_KEY], entropy)
    services = Services(environment, database, clock, entropy, vault, Wake())
    given = await open_workspace(services, "acme", [DOCUSIGN_KEY])
    try:
        async with Publisher(environment) as publisher:
            yield Stream(services, publisher, given)
    finally:
        await database.close()


@asynccontextmanager
async def ingesting(stream: Stream, services: Services | None = None) -> AsyncIterator[asyncio.Task[None]]:
    """Run ingestion, and stop it gracefully."""
    stopping = asyncio.Event()
    task = asyncio.create_task(ingest(services or stream.services, stopping))
    try:
        yield task
    finally:
        stopping.set()
        await asyncio.wait({task}, timeout=40)
    task.result()
