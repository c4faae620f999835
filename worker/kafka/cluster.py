"""Ask Kafka for the offsets of partitions and of consumer groups.

Only this module, `worker.kafka.publisher`, `worker.kafka.topics` and `worker.sources` use Kafka's client. Every call has a
time limit, and raises `BrokerUnavailable` if Kafka does not carry out the request.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    KafkaError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import OffsetAndMetadata
from msgspec import Struct

from events.log.offsets import Offsets, Partition
from worker.kafka.brokers import connection
from worker.kafka.header_names import forgive
from worker.kafka.messages import BrokerUnavailable
from worker.runtime.environment import Environment

REQUEST_SECONDS_MAX = 10
ADMIN_SECONDS_MAX = 30
PEEK_MILLISECONDS = 2_000
MESSAGE_BYTES_MAX = 1024 * 1024 + 128 * 1024  # an event of 1 MiB, its attributes, and Kafka's framing


class TopicMissing(BrokerUnavailable):
    """The topic does not exist; an admin has to create it."""


class GroupActive(BrokerUnavailable):
    """The group's offsets can't be changed while it has members."""


class OffsetRange(Struct, frozen=True):
    """The first offset that a partition still has, and the offset that its next message will have."""

    beginning: int
    end: int


@asynccontextmanager
async def admin(environment: Environment) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open a client that reads and changes the state of the brokers.

    Raises:
        BrokerUnavailable: The brokers can't be reached, or refuse.
    """
    client = AIOKafkaAdminClient(**connection(environment), request_timeout_ms=REQUEST_SECONDS_MAX * 1000)
    with reaching():
        async with asyncio.timeout(ADMIN_SECONDS_MAX):
            try:
                await client.start()
                yield client
            finally:
                await client.close()


@asynccontextmanager
async def consumer(
    environment: Environment, group: str | None = None, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer with assigned partitions; it joins no group, and commits nothing by itself.

    Raises:
        BrokerUnavailable: The brokers can't be reached, or refuse.
    """
    forgive()
    opened = AIOKafkaConsumer(
        **connection(environment),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",  # an offset that does not exist is an error, and is not skipped
        request_timeout_ms=REQUEST_SECONDS_MAX * 1000,
        **options,
    )
    with reaching():
        try:
            await opened.start()
            yield opened
        finally:
            await _close(opened)


async def partitions(environment: Environment, topics: Sequence[str]) -> list[Partition]:
    """Return every partition of topics.

    Raises:
        BrokerUnavailable: The brokers can't be reached, or refuse.
        TopicMissing: A topic does not exist.
    """
    async with admin(environment) as client:
        described = await client.describe_topics(list(topics))
    for topic in described:
        if topic["error_code"] == UnknownTopicOrPartitionError.errno:
            raise missing({topic["topic"]})
        expect(topic["error_code"], f"describe {topic['topic']}")
    return sorted((topic["topic"], part["partition"]) for topic in described for part in topic["partitions"])


async def offset_ranges(environment: Environment, of: Sequence[Partition]) -> dict[Partition, OffsetRange]:
    """Return the offsets that each partition still has."""
    async with consumer(environment) as client:
        beginnings = _ours(await client.beginning_offsets(_theirs(of)))
        ends = _ours(await client.end_offsets(_theirs(of)))
    return {partition: OffsetRange(beginnings[partition], ends[partition]) for partition in of}


async def has_messages(environment: Environment, beyond: Offsets) -> bool:
    """Return whether there is a message at these offsets or later.

    There may be none before the end: the marker of a transaction's end takes an offset too.
    """
    async with consumer(environment) as client:
        client.assign(_theirs(list(beyond)))
        for partition, offset in beyond.items():
            client.seek(TopicPartition(*partition), offset)
        return bool(await client.getmany(timeout_ms=PEEK_MILLISECONDS, max_records=1))


async def committed(environment: Environment, group: str, of: Sequence[Partition]) -> dict[Partition, int]:
    """Return a group's committed offset of each partition that has one."""
    async with consumer(environment, group) as client:
        at = _theirs(of)
        client.assign(at)
        found = await asyncio.gather(*(client.committed(partition) for partition in at))
    known = zip(at, found, strict=True)
    return _ours({partition: offset for partition, offset in known if offset is not None})


async def commit(environment: Environment, group: str, offsets: Offsets) -> None:
    """Commit offsets for a group, whose members must all be stopped.

    Raises:
        BrokerUnavailable: The brokers can't be reached, or refuse.
        GroupActive: The group has members.
    """
    async with consumer(environment, group) as client:
        client.assign(_theirs(list(offsets)))
        try:
            await client.commit(
                {TopicPartition(*at): OffsetAndMetadata(to, "") for at, to in offsets.items()}
            )
        except CommitFailedError as error:
            raise GroupActive(
                f"Consumer group {group!r} has members: stop them first. A process that was killed, or that has a"
                f" Q2C_KAFKA_INSTANCE_ID, leaves the group only after {environment.kafka_session_seconds} s"
            ) from error


async def _close(opened: AIOKafkaConsumer) -> None:
    """Close a consumer. After a failed request, its own stop() is cancelled halfway."""
    await _turn()  # its stop() fails if one of its tasks has not started yet
    try:
        await opened.stop()
    except asyncio.CancelledError:
        if are_cancelled():
            raise
    finally:
        await opened._client.close()  # noqa: SLF001 - there is no public method, and closing it twice does no harm


def are_cancelled() -> bool:
    """Return whether our own task is being cancelled; Kafka's client lets cancellations of its own tasks escape."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _turn() -> None:
    """Let every ready task run once."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


@contextmanager
def reaching() -> Iterator[None]:
    """Convert the errors of Kafka's client to BrokerUnavailable."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"Kafka can't be reached, or refuses the connection: {error!r}") from error
    except asyncio.CancelledError as error:
        if are_cancelled():
            raise
        raise BrokerUnavailable(
            "Kafka's client cancelled the request, because its connection failed"
        ) from error


def expect(code: int, what: str, message: str | None = None) -> None:
    """Check the error code of Kafka's answer.

    Raises:
        BrokerUnavailable: Kafka refused; the message says what, and why.
    """
    if code:
        said = for_code(code)
        raise BrokerUnavailable(f"Kafka refused to {what}: {message or said.description or said.message}")


def missing(topics: set[str]) -> TopicMissing:
    """Return the error that names missing topics."""
    return TopicMissing(
        f"Kafka has no topic {', '.join(sorted(topics))}: create missing topics with q2c topics apply"
    )


def _theirs(of: Sequence[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*partition) for partition in of]


def _ours(found: dict[TopicPartition, int]) -> dict[Partition, int]:
    return {(partition.topic, partition.partition): offset for partition, offset in found.items()}
