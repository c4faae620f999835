"""Read the final state: Kafka's topics, the log, dead letters, QuickBooks' books."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from events.contract import catalog
from events.log.tables import dead_letters, kafka_offsets, subscriptions
from events.log.tables import log as events
from tests.chaos.ground import Books, Ground
from tests.chaos.messages import EXPECTED, Identity
from worker.runtime.environment import DEAD_LETTERS

POLL_MILLISECONDS = 1_000
PARTITION_BYTES_MAX = 8 * 1024 * 1024
ARRIVING = [name for name, kind in catalog.TYPES.items() if kind.direction == "in"]


class Sent(Struct, frozen=True):
    """The content of the incoming topics.

    Attributes:
        messages: The number of messages, with repeats.
        good: The identities of the valid messages.
        bad: The place of each other message, as `kafka:TOPIC:PARTITION:OFFSET`, and its expected reason.
    """

    messages: int
    good: set[Identity]
    bad: dict[str, str]


class Logged(Struct, frozen=True):
    """The content of the database.

    Attributes:
        arrived: Every event from outside, with repeats.
        outgoing: Every outgoing event, by topic and position.
        says: The content of each outgoing event, by position.
        dead: The origin and the reason of each dead letter.
        redelivered: The number of repeats of dead letters at the same place; the log does not count repeated events.
        head: The last position.
        checkpoints: The position of each subscription.
        offsets: The next offset of each partition of the incoming topics.
    """

    arrived: list[Identity]
    outgoing: dict[str, dict[int, Identity]]
    says: dict[int, str]
    dead: dict[str, str]
    redelivered: int
    head: int
    checkpoints: dict[str, int]
    offsets: dict[tuple[str, int], int]


class Published(Struct, frozen=True):
    """A message of an outgoing topic."""

    key: bytes | None
    sequence: int
    identity: Identity
    says: str


class Relayed(Struct, frozen=True):
    """The content of the outgoing topics and of the topics of dead letters, each partition in order.

    Attributes:
        events: The messages of each topic, in reading order.
        letters: The origin of each dead letter, by topic.
    """

    events: dict[str, list[Published]]
    letters: dict[str, list[str]]


class Found(Struct, frozen=True):
    """The whole final state; books by workspace."""

    sent: Sent
    logged: Logged
    relayed: Relayed
    books: Mapping[str, Books]


async def read_all(ground: Ground, http: httpx.AsyncClient, workspaces: Sequence[str]) -> Found:
    """Read the whole final state; the workspaces are in the order of the sandbox's companies."""
    sandbox = ground.sandbox
    realms = zip(workspaces, sandbox.realms, strict=True)
    return Found(
        sent=await read_sent(ground.kafka),
        logged=await ground.services.database.read(read_logged),
        relayed=await read_relayed(ground.kafka),
        books={workspace: await sandbox.books(http, realm) for workspace, realm in realms},
    )


async def read_sent(kafka: Mapping[str, Any]) -> Sent:
    """Read the incoming topics from beginning to end."""
    messages, good, bad = 0, set(), {}
    async for record in _records(kafka, catalog.TOPICS_IN):
        headers = _headers(record)
        messages += 1
        if EXPECTED in headers:
            bad[f"kafka:{record.topic}:{record.partition}:{record.offset}"] = headers[EXPECTED].decode()
        else:
            good.add(_identity(headers))
    return Sent(messages, good, bad)


def read_logged(connection: sa.Connection) -> Logged:
    """Read the database, with plain SQL."""
    identity = (events.c.workspace, events.c.source, events.c.id)
    arrived = [
        tuple(row) for row in connection.execute(sa.select(*identity).where(events.c.type.in_(ARRIVING)))
    ]
    outgoing: dict[str, dict[int, Identity]] = {topic: {} for topic in catalog.TOPICS_OUT}
    says: dict[int, str] = {}
    statement = sa.select(events.c.topic, events.c.position, events.c.data, *identity).where(
        events.c.topic.in_(catalog.TOPICS_OUT)
    )
    for topic, position, data, workspace, source, name in connection.execute(statement):
        outgoing[topic][position], says[position] = (workspace, source, name), data
    letters = connection.execute(
        sa.select(dead_letters.c.origin, dead_letters.c.reason, dead_letters.c.seen)
    ).all()
    return Logged(
        arrived=arrived,
        outgoing=outgoing,
        says=says,
        dead={letter.origin: letter.reason for letter in letters},
        redelivered=sum(letter.seen - 1 for letter in letters),
        head=connection.scalar(sa.select(sa.func.max(events.c.position))) or 0,
        checkpoints={
            row.name: row.position
            for row in connection.execute(sa.select(subscriptions.c.name, subscriptions.c.position))
        },
        offsets={
            (row.topic, row.partition): row.next_offset
            for row in connection.execute(sa.select(kafka_offsets))
        },
    )


async def read_relayed(kafka: Mapping[str, Any]) -> Relayed:
    """Read the outgoing topics and those of dead letters from beginning to end."""
    published: dict[str, list[Published]] = {topic: [] for topic in catalog.TOPICS_OUT}
    async for record in _records(kafka, catalog.TOPICS_OUT):
        headers = _headers(record)
        sequence = int(headers["ce_sequence"])
        said = (record.value or b"").decode()
        published[record.topic].append(Published(record.key, sequence, _identity(headers), said))
    topics = [topic + DEAD_LETTERS for topic in catalog.TOPICS_IN]
    letters: dict[str, list[str]] = {topic: [] for topic in topics}
    async for record in _records(kafka, topics):
        letters[record.topic].append(_headers(record)["origin"].decode())
    return Relayed(published, letters)


def holds(connection: sa.Connection, identities: frozenset[Identity]) -> bool:
    """Return whether the log has all of some events."""
    names = sorted({name for _, _, name in identities})
    statement = sa.select(events.c.workspace, events.c.source, events.c.id).where(events.c.id.in_(names))
    return identities <= {tuple(row) for row in connection.execute(statement)}


async def _records(kafka: Mapping[str, Any], topics: Sequence[str]) -> AsyncIterator[ConsumerRecord]:
    """Read topics from their beginning to their current end."""
    consumer = AIOKafkaConsumer(
        **kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=PARTITION_BYTES_MAX,
    )
    await consumer.start()
    try:
        left = await _partitions(kafka, topics)
        consumer.assign(left)
        ends = await consumer.end_offsets(left)
        left = [partition for partition in left if ends[partition]]
        while left:
            batches = await consumer.getmany(*left, timeout_ms=POLL_MILLISECONDS)
            for records in batches.values():
                for record in records:
                    yield record
            left = [partition for partition in left if await consumer.position(partition) < ends[partition]]
    finally:
        await consumer.stop()


async def _partitions(kafka: Mapping[str, Any], topics: Sequence[str]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**kafka)
    await admin.start()
    try:
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]


def _headers(record: ConsumerRecord) -> dict[str, bytes]:
    return dict(record.headers)


def _identity(headers: dict[str, Any]) -> Identity:
    workspace, source, name = (headers[f"ce_{name}"].decode() for name in ("workspace", "source", "id"))
    return workspace, source, name
