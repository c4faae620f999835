"""The servers that other tests rely on: they answer, they keep what they acknowledged, they ask for the right papers."""

import asyncio
import secrets
from collections.abc import Iterator

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.servers.errors import NotOurs
from tests.servers.kafka import KafkaServer, running_kafka
from tests.servers.postgres import PostgresServer, running_postgres

RECORDS = 20


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with running_postgres(own=True) as server:
        yield server


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[KafkaServer]:
    with running_kafka(own=True) as server:
        yield server


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def produce(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for number in range(RECORDS):
            await producer.send_and_wait(topic, str(number).encode())


async def consume(bootstrap: str, topic: str) -> list[int]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        return [int((await asyncio.wait_for(consumer.getone(), 30)).value) for _ in range(RECORDS)]


async def test_a_database_is_fresh(postgres_server: PostgresServer, postgres_url: str) -> None:
    await ask(postgres_url, "CREATE TABLE kept (n int)")
    name = postgres_url.rpartition("/")[2]
    again = postgres_server.create_database(name)  # inside a running loop, too
    assert again == postgres_url
    assert await ask(again, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == 0


async def test_postgres_is_durable_and_roomy(own_postgres: PostgresServer) -> None:
    assert await ask(own_postgres.url, "SHOW fsync") == "on"
    assert await ask(own_postgres.url, "SHOW synchronous_commit") == "on"
    assert await ask(own_postgres.url, "SHOW max_connections") == "200"


async def test_postgres_recovers_what_was_committed(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database("recovered")
    await ask(url, "CREATE TABLE kept (n int)")
    await ask(url, "INSERT INTO kept SELECT generate_series(1, 1000)")
    pid = own_postgres.pid
    own_postgres.stop_immediate()
    with pytest.raises(OSError, match="Connect call failed"):
        await ask(url, "SELECT 1")
    own_postgres.start()
    assert own_postgres.pid != pid
    assert await ask(url, "SELECT count(*) FROM kept") == 1000


async def test_kafka_answers(kafka_server: KafkaServer) -> None:
    topic = f"answers-{secrets.token_hex(4)}"
    await produce(kafka_server.bootstrap, topic)
    assert await consume(kafka_server.bootstrap, topic) == list(range(RECORDS))


async def test_a_killed_kafka_comes_back_with_its_records(own_kafka: KafkaServer) -> None:
    await produce(own_kafka.bootstrap, "kept")
    own_kafka.kill()
    await asyncio.to_thread(own_kafka.start)
    assert await consume(own_kafka.bootstrap, "kept") == list(range(RECORDS))


def test_a_given_server_is_not_stopped() -> None:
    with pytest.raises(NotOurs, match="own=True"):
        KafkaServer("127.0.0.1:9092").kill()
    with pytest.raises(NotOurs, match="own=True"):
        PostgresServer("postgresql://somebody@127.0.0.1/theirs").stop_immediate()
