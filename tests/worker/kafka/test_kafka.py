"""Cancellations inside Kafka's client do not cancel our tasks."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from events.contract import catalog
from tests.worker.streams import Stream, open_stream
from worker.kafka import cluster
from worker.kafka.messages import BrokerUnavailable


@pytest_asyncio.fixture
async def stream(kafka_url: str, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    async with open_stream(kafka_url, migrated_postgres_url) as opened:
        yield opened


async def test_a_request_that_fails_while_a_consumer_closes_cancels_no_other_task(stream: Stream) -> None:
    topic = stream.environment.topic(catalog.DEALS)
    async with cluster.consumer(stream.environment) as consumer:
        found = consumer.partitions_for_topic(topic) or await cluster.partitions(stream.environment, [topic])
        # The state of a request that waits for a retry; a cancellation there escapes the client.
        consumer._fetcher._pending_tasks.add(asyncio.create_task(asyncio.sleep(60)))
    assert len(found) == 2
    assert all(not connection.connected() for connection in consumer._client._conns.values())


async def test_a_task_that_is_cancelled_while_its_consumer_closes_is_cancelled(stream: Stream) -> None:
    async def use() -> None:
        async with cluster.consumer(stream.environment):
            await asyncio.sleep(60)

    task = asyncio.create_task(use())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_inside_the_client_means_broker_unavailable() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    with pytest.raises(BrokerUnavailable, match="cancelled the request"), cluster.reaching():
        await future


async def test_a_time_limit_within_is_still_one() -> None:
    async def limited() -> None:
        async with asyncio.timeout(0.01):
            with cluster.reaching():
                await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await limited()


async def test_a_message_that_the_client_cancels_may_be_sent_again(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stream.send_raw(b"first")
    producer = stream.publisher._producer
    assert producer is not None

    async def send(*_: object, **__: object) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        return future

    monkeypatch.setattr(producer, "send", send)
    with pytest.raises(BrokerUnavailable, match="dropped messages"):
        await stream.send_raw(b"second")
    await stream.send_raw(b"second")  # by another producer
    assert [message.value for message in await stream.read(catalog.DEALS)] == [b"first", b"second"]
