"""Events of any Kafka client, in any mode and compression, are appended to the log."""

import asyncio
from collections.abc import Callable
from typing import Any

import confluent_kafka
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from events.contract import catalog
from tests.worker.sources.clients import bare, binary, deal, structured
from tests.worker.streams import Stream, ingesting
from worker.kafka import cluster
from worker.kafka.brokers import connection

FLUSH_SECONDS_MAX = 20


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_events_of_another_kafka_client_are_read(stream: Stream, compression: str) -> None:
    """Produce with librdkafka, which most languages use."""
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": ",".join(stream.environment.kafka_brokers),
            "compression.type": compression,
            "linger.ms": 50,
        }
    )
    topic = stream.environment.topic(catalog.DEALS)
    written: list[Callable[[dict[str, Any]], Any]] = [binary, structured, bare]
    for number in range(30):
        value, headers = written[number % 3](deal(number))
        producer.produce(topic, value, key=f"acme/D-{number}", headers=headers)
    assert producer.flush(FLUSH_SECONDS_MAX) == 0
    async with ingesting(stream) as task:
        await stream.until_appended(30, task)
    assert sorted(await stream.ids()) == sorted(deal(number)["id"] for number in range(30))
    assert await stream.letters() == []


async def test_the_mark_of_a_transaction_is_nothing_to_wait_for(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction's end marker takes an offset, so the last message is before the partition's end."""
    topic = stream.environment.topic(catalog.DEALS)
    producer = AIOKafkaProducer(**connection(stream.environment), transactional_id=topic)
    await producer.start()
    for number in range(3):
        async with producer.transaction():
            value, headers = binary(deal(number))
            await producer.send_and_wait(topic, value, b"key", partition=0, headers=headers)
    await producer.stop()
    monkeypatch.setattr(cluster, "PEEK_MILLISECONDS", 300)
    environment = stream.environment.model_copy(update={"watchdog_seconds": 2.0})
    async with ingesting(stream, msgspec.structs.replace(stream.services, environment=environment)) as task:
        await stream.until_appended(3, task)
        assert sum((await stream.ends()).values()) > sum((await stream.stored()).values())
        await asyncio.wait({task}, timeout=6)
        assert not task.done()
        await stream.send_raw(*structured(deal(3)))
        await stream.until_appended(4, task)
    assert sorted(await stream.ids()) == [deal(number)["id"] for number in range(4)]
