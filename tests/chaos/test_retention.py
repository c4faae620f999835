"""Kafka deletes unread messages: that is reported, the rest is read, and nothing hangs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from events.contract import catalog
from tests.chaos.fleet import Member
from tests.servers.processes import LOOPBACK
from tests.stories import deals, ids
from tests.worker.streams import TOKEN_KEY, Stream, open_stream
from worker.kafka import cluster, topics
from worker.kafka.positions import positions

PATIENCE_SECONDS = 60.0
READ, LOST, LEFT, NEW = range(30), range(30, 60), range(60, 80), range(80, 90)


@pytest_asyncio.fixture
async def stream(kafka_url: str, migrated_postgres_url: str) -> AsyncIterator[Stream]:
    async with open_stream(kafka_url, migrated_postgres_url, kafka_partitions=1) as opened:
        yield opened


@pytest_asyncio.fixture
async def member(stream: Stream, tmp_path: Path) -> AsyncIterator[Member]:
    """The real `q2c run ingest`."""
    environment = stream.environment
    variables = {
        "Q2C_DATABASE_URL": environment.database_url,
        "Q2C_TOKEN_KEYS": TOKEN_KEY,
        "Q2C_KAFKA_URL": environment.kafka_url or "",
        "Q2C_KAFKA_GROUP": environment.kafka_group,
        "Q2C_KAFKA_PARTITIONS": "1",
        "Q2C_KAFKA_SESSION_SECONDS": str(environment.kafka_session_seconds),
        "Q2C_KAFKA_TOPIC_NAMES": json.dumps(environment.kafka_topic_names),
    }
    async with httpx.AsyncClient(timeout=2) as http:
        made = Member("ingest", ("ingest",), tmp_path, http)
        made.join(variables)
        try:
            yield made
        finally:
            await made.leave()


async def drop_before(stream: Stream, offset: int) -> None:
    """Delete messages as retention does."""
    partition = TopicPartition(stream.environment.topic(catalog.DEALS), 0)
    async with cluster.admin(stream.environment) as admin:
        await admin.delete_records({partition: RecordsToDelete(offset)})


async def said_on_metrics(member: Member, sentence: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient() as http:
        url = f"http://{LOOPBACK}:{member.ops_port}/metrics"
        while sentence not in (await http.get(url)).text:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.2)


async def read_to_the_end(stream: Stream) -> None:
    """Wait until the stored and the committed offsets are at the end."""

    async def at_the_end() -> bool:
        found = await positions(stream.environment, stream.services.database)
        return all(at.lag == 0 and (at.committed or 0) == (at.stored or 0) for at in found)

    await stream.until(at_the_end)


async def test_messages_deleted_unread_are_reported(stream: Stream, member: Member) -> None:
    await stream.send(*deals(*READ))
    await stream.until_appended(len(READ))
    await read_to_the_end(stream)
    await member.leave()
    await stream.send(*deals(*LOST, *LEFT))
    await drop_before(stream, LOST.stop)
    (finding,) = await topics.check(stream.environment, stream.services.database)
    assert finding.kind == "events_lost"
    member.come_back()
    await stream.until_appended(len(READ) + len(LEFT))
    topic = stream.environment.topic(catalog.DEALS)
    await said_on_metrics(member, f'q2c_kafka_lost_events{{topic="{topic}"}} {len(LOST)}.0')
    assert "ingest.events_lost" in member.log.read_text()
    await stream.send(*deals(*NEW))
    await stream.until_appended(len(READ) + len(LEFT) + len(NEW))
    await read_to_the_end(stream)
    assert sorted(await stream.ids()) == sorted(ids(*READ, *LEFT, *NEW))
