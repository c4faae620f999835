"""Read events from Kafka again in bulk, from a time or an offset on.

Events that the log already has are dropped as duplicates. The consumer group of ingestion is not involved: its offsets,
in Kafka and in the database, do not change.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from events.contract import catalog
from events.log.intake import Received, Record
from events.log.offsets import Partition
from worker.kafka import cluster
from worker.runtime.garbage import seldom_collected
from worker.services import Services
from worker.sources import records
from worker.sources.records import Arrival

TRANSACTION_EVENTS_MAX = 1_000
POLL_MILLISECONDS = 1_000
PARTITION_BYTES_MAX = 4 * cluster.MESSAGE_BYTES_MAX

logger = structlog.get_logger()


async def replay(
    services: Services,
    topics: Sequence[str],
    beginning: datetime | int,
    *,
    transaction_events_max: int = TRANSACTION_EVENTS_MAX,
    advanced: Callable[[int], None] | None = None,
) -> Counter[str]:
    """Receive the messages of topics from a time or an offset on, up to their current end.

    Args:
        services: Open services.
        topics: Incoming topics, by their names in the catalog; empty means all.
        beginning: The earliest production time; or the first offset, in every partition.
        transaction_events_max: The most events in one transaction.
        advanced: Called after each transaction with its number of messages.

    Returns:
        The counts by outcome: appended, duplicate, conflict and dead.

    Raises:
        BrokerUnavailable: Kafka can't be reached, or refuses; or a topic is missing.
        DatabaseUnavailable: The database did not answer; earlier transactions are stored, and a repeat does no harm.
    """
    environment = services.environment
    named = [environment.topic(topic) for topic in topics or catalog.TOPICS_IN]
    of = await cluster.partitions(environment, named)
    counts: Counter[str] = Counter(appended=0, duplicate=0, conflict=0, dead=0)
    storing: asyncio.Task[list[Received]] | None = None
    reading = cluster.consumer(environment, max_partition_fetch_bytes=PARTITION_BYTES_MAX)
    with seldom_collected():
        async with reading as consumer:
            try:
                async for arrivals in _arrivals(consumer, of, beginning, transaction_events_max):
                    made = await records.read_all(arrivals, services.clock)
                    if storing is not None:
                        _count(counts, await storing, advanced)
                    storing = asyncio.ensure_future(_store(services, made))
                if storing is not None:
                    _count(counts, await storing, advanced)
            finally:
                if storing is not None:
                    storing.cancel()
    logger.info("replay.done", topics=named, outcomes=dict(counts))
    services.wake.all()
    return counts


async def _store(services: Services, made: Sequence[Record]) -> list[Received]:
    limits = services.environment.dead_letter_limits
    return await services.database.transaction(records.receive, made, services.clock.now(), limits)


def _count(counts: Counter[str], stored: Sequence[Received], advanced: Callable[[int], None] | None) -> None:
    counts.update(result.outcome for result in stored)
    if advanced is not None:
        advanced(len(stored))


async def _arrivals(
    consumer: AIOKafkaConsumer, of: Sequence[Partition], beginning: datetime | int, limit: int
) -> AsyncIterator[list[Arrival]]:
    """Yield messages in batches, each partition in order, up to its current end."""
    partitions = [TopicPartition(*partition) for partition in of]
    consumer.assign(partitions)
    starts = await _starts(consumer, partitions, beginning)
    ends = await consumer.end_offsets(partitions)
    left = {partition for partition in partitions if starts[partition] < ends[partition]}
    for partition in partitions:
        consumer.seek(partition, starts[partition])
    while left:
        found = await consumer.getmany(*left, timeout_ms=POLL_MILLISECONDS, max_records=limit)
        arrivals = [
            Arrival(
                message.topic,
                message.partition,
                message.offset,
                message.value,
                message.headers,
                message.timestamp / 1000,
            )
            for partition, messages in found.items()
            for message in messages
            if message.offset < ends[partition]
        ]
        if arrivals:
            yield arrivals
        # By position, not by message: the last offset may be the marker of a transaction's end.
        left = {partition for partition in left if await consumer.position(partition) < ends[partition]}


async def _starts(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], beginning: datetime | int
) -> dict[TopicPartition, int]:
    first = await consumer.beginning_offsets(partitions)
    if isinstance(beginning, int):
        return {partition: max(beginning, first[partition]) for partition in partitions}
    milliseconds = int(beginning.timestamp() * 1000)
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, milliseconds))
    ends = await consumer.end_offsets(partitions)
    return {
        partition: ends[partition] if (at := found.get(partition)) is None else at.offset
        for partition in partitions
    }
