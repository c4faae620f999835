"""What tests ask for: servers started with the first test that needs them, and fresh databases."""

import secrets
from collections.abc import Iterator

import pytest

from tests.servers.kafka import KafkaServer, running_kafka
from tests.servers.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """An empty database for one test."""
    return _fresh_database(postgres_server)


@pytest.fixture(scope="module")
def module_postgres_url(postgres_server: PostgresServer) -> str:
    """An empty database for the tests of one module."""
    return _fresh_database(postgres_server)


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    with running_kafka() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_url(kafka_server: KafkaServer) -> str:
    """One broker for all tests: each names topics and groups of its own."""
    return kafka_server.url


def _fresh_database(server: PostgresServer) -> str:
    """Its name is nobody else's, for others may use the same server at the same time."""
    return server.create_database(f"q2c_test_{secrets.token_hex(8)}")
