"""The servers of other tests: they answer, keep acknowledged data, and require the right certificates and passwords."""

import asyncio
import os
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError

from tests.servers import kafka, packages, postgres
from tests.servers.errors import Missing, NotOurs, NotSecured
from tests.servers.kafka import KafkaServer, running_kafka
from tests.servers.postgres import PostgresServer, running_postgres

RECORDS = 20


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with running_postgres(own=True) as server:
        yield server


@pytest.fixture(scope="module")
def secured_kafka() -> Iterator[KafkaServer]:
    with running_kafka(secured=True) as server:
        yield server


@pytest.fixture(scope="module")
def secured_postgres() -> Iterator[PostgresServer]:
    with running_postgres(secured=True) as server:
        yield server


def credentials(server: KafkaServer) -> dict[str, object]:
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": server.username,
        "sasl_plain_password": server.password,
        "ssl_context": ssl.create_default_context(cafile=str(server.ca_file)),
    }


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def produce(bootstrap: str, topic: str, **security: object) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **security)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, **security) as producer:
        for number in range(RECORDS):
            await producer.send_and_wait(topic, str(number).encode())


async def consume(bootstrap: str, topic: str, **security: object) -> list[int]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", **security)
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


async def test_postgres_recovers_committed_rows(own_postgres: PostgresServer) -> None:
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


async def test_a_given_server_is_left_as_it_was(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(postgres.VARIABLE, own_postgres.url)
    with running_postgres() as server:
        assert server.url == own_postgres.url
        server.create_database("passing")
        with pytest.raises(NotOurs, match="own=True"):
            server.stop_immediate()
    assert await ask(own_postgres.url, "SELECT count(*) FROM pg_database WHERE datname = 'passing'") == 0


def test_a_given_kafka_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kafka.VARIABLE, "kafka://127.0.0.1:9092")
    with running_kafka() as server:
        assert server.bootstrap == "127.0.0.1:9092"
        with pytest.raises(NotOurs, match="own=True"):
            server.kill()
        with pytest.raises(NotSecured, match="secured=True"):
            _ = server.ca_file


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that the server's user can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


async def test_a_named_directory_keeps_its_data(open_directory: Path) -> None:
    with running_postgres(open_directory / "server") as server:
        await ask(server.url, "CREATE TABLE kept (n int)")
    with running_postgres(open_directory / "server") as server:
        assert await ask(server.url, "SELECT count(*) FROM kept") == 0


def test_a_missing_program_is_named_with_the_command_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "_java_found", lambda: None)
    with pytest.raises(Missing, match="sudo apt-get install -y default-jre-headless"):
        packages.java()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_server_ends_with_a_killed_test_run() -> None:
    code = """if True:
        import threading, time
        from tests.servers.postgres import running_postgres
        def begin():
            server = running.__enter__()
            print(server.pid, server.log.parent, flush=True)
        running = running_postgres(own=True)
        starter = threading.Thread(target=begin)
        starter.start()
        starter.join()  # whose end is not ours
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        pid, directory = killed.stdout.readline().split()
        assert Path("/proc", pid).exists()
        killed.kill()
    deadline = time.monotonic() + 20
    while (alive := Path("/proc", pid).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive
    shutil.rmtree(directory)


async def test_a_secured_postgres_asks_for_tls_and_the_password(secured_postgres: PostgresServer) -> None:
    url = secured_postgres.create_database("secured")
    assert await ask(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True
    user = {"user": secured_postgres.username, "port": urlsplit(url).port, "host": "127.0.0.1"}
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        await asyncpg.connect(**user, password=secured_postgres.password, ssl="disable")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**user, password="wrong", ssl="require")
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncpg.connect(**user, password=secured_postgres.password, ssl=ssl.create_default_context())


async def test_a_secured_kafka_asks_for_tls_and_the_password(secured_kafka: KafkaServer) -> None:
    good = credentials(secured_kafka)
    await produce(secured_kafka.bootstrap, "secured", **good)
    assert await consume(secured_kafka.bootstrap, "secured", **good) == list(range(RECORDS))
    wrong: list[dict[str, object]] = [
        {"security_protocol": "PLAINTEXT"},
        {"security_protocol": "SSL", "ssl_context": good["ssl_context"]},
        {**good, "sasl_plain_password": "wrong"},
        {**good, "ssl_context": ssl.create_default_context()},
    ]
    for papers in wrong:
        with pytest.raises(KafkaError):
            await produce(secured_kafka.bootstrap, "refused", **papers)


async def test_a_secured_kafka_takes_a_certificate_for_a_password(secured_kafka: KafkaServer) -> None:
    context = ssl.create_default_context(cafile=str(secured_kafka.ca_file))
    asked = {"security_protocol": "SSL", "ssl_context": context}
    with pytest.raises(KafkaError):
        await produce(secured_kafka.mutual_bootstrap, "mutual", **asked)
    context.load_cert_chain(secured_kafka.client_file)
    await produce(secured_kafka.mutual_bootstrap, "mutual", **asked)
    assert await consume(secured_kafka.mutual_bootstrap, "mutual", **asked) == list(range(RECORDS))


async def test_a_killed_kafka_comes_back_with_its_records(secured_kafka: KafkaServer) -> None:
    papers = credentials(secured_kafka)
    await produce(secured_kafka.bootstrap, "kept", **papers)
    pid = secured_kafka.pid
    secured_kafka.kill()
    with pytest.raises(KafkaConnectionError):
        await produce(secured_kafka.bootstrap, "kept", **papers)
    await asyncio.to_thread(secured_kafka.start)
    assert secured_kafka.pid != pid
    assert await consume(secured_kafka.bootstrap, "kept", **papers) == list(range(RECORDS))
