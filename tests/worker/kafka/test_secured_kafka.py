"""Kafka over TLS with a password or a certificate: for each of our clients, and for no unauthorised one."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.servers.kafka import SCHEME, KafkaServer, running_kafka
from tests.stories import deals, ids
from tests.worker.streams import Stream, ingesting, open_stream
from worker.kafka import topics
from worker.kafka.brokers import connection, tls_context
from worker.kafka.messages import BrokerUnavailable, Message
from worker.kafka.publisher import Publisher
from worker.runtime.environment import ConfigurationError, Environment
from worker.sources.faust import settings
from worker.sources.replay import replay


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    with running_kafka(secured=True) as running:
        yield running


def by_password(server: KafkaServer) -> dict[str, Any]:
    return {
        "kafka_url": server.url,
        "kafka_ca_file": server.ca_file,
        "kafka_username": server.username,
        "kafka_password": server.password,
    }


def by_certificate(server: KafkaServer) -> dict[str, Any]:
    return {
        "kafka_url": SCHEME + server.mutual_bootstrap,
        "kafka_ca_file": server.ca_file,
        "kafka_cert_file": server.client_file,
        "kafka_key_file": server.client_file,
    }


@pytest_asyncio.fixture(autouse=True)
async def said_goodbye() -> AsyncIterator[None]:
    """End each test only when its sockets are closed: TLS closes with a handshake, which aiokafka doesn't wait for."""
    yield
    transports = asyncio.get_running_loop()._transports  # type: ignore[attr-defined] # no public name
    async with asyncio.timeout(30):
        while any(it._sock is not None for it in transports.values()):  # noqa: ASYNC110 # nobody is told
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(params=[by_password, by_certificate])
async def stream(
    request: pytest.FixtureRequest, server: KafkaServer, migrated_postgres_url: str
) -> AsyncIterator[Stream]:
    given = request.param(server)
    async with open_stream(given.pop("kafka_url"), migrated_postgres_url, **given) as opened:
        yield opened


async def test_every_client_of_ours_gets_in(stream: Stream) -> None:
    await stream.send(*deals(1, 2))
    async with ingesting(stream) as task:
        await stream.until_appended(2, task)
    assert sorted(await stream.ids()) == ids(1, 2)
    counts = await replay(stream.services, (), 0)
    assert counts["duplicate"] == 2


@pytest.mark.parametrize(
    "changed",
    [{"kafka_password": "wrong"}, {"kafka_ca_file": None, "kafka_username": None, "kafka_password": None}],
    ids=["a wrong password", "in the clear"],
)
async def test_a_missing_right_is_reported_without_the_password(
    server: KafkaServer, changed: dict[str, Any]
) -> None:
    environment = Environment.model_validate(by_password(server) | changed)
    async with Publisher(environment) as publisher:
        with pytest.raises(BrokerUnavailable) as refused:
            await publisher.publish([Message("t", None, b"", [])])
    assert server.password not in repr(refused.value)
    with pytest.raises(BrokerUnavailable):
        await topics.describe(environment, ["t"])


async def test_a_broker_with_an_unknown_certificate_is_not_trusted(server: KafkaServer) -> None:
    environment = Environment.model_validate(by_password(server) | {"kafka_ca_file": server.client_file})
    with pytest.raises(BrokerUnavailable):
        await topics.describe(environment, ["t"])
    context = tls_context(environment)
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_a_password_is_never_sent_in_the_clear(server: KafkaServer) -> None:
    environment = Environment.model_validate(by_password(server))
    assert connection(environment)["security_protocol"] == "SASL_SSL"
    assert settings(environment)["broker_credentials"].protocol.value == "SASL_SSL"
    assert server.password not in str(environment.shown())


def test_files_that_are_not_there_are_named(server: KafkaServer, tmp_path: Path) -> None:
    for name in ("kafka_ca_file", "kafka_cert_file"):
        environment = Environment.model_validate(by_certificate(server) | {name: tmp_path / "none.pem"})
        with pytest.raises(ConfigurationError, match=f"Q2C_{name.upper()}"):
            connection(environment)
