"""Topics filled by producers: the events of many deals, waiting in Kafka to be read."""

import base64
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from pydantic import SecretStr

from benchmarks import servers, stores, story
from benchmarks.stores import CLOCK
from benchmarks.story import WORKSPACE
from events.clock import SystemEntropy
from events.contract import catalog
from events.contract.envelope import Event, from_structured
from events.database.postgres import PostgresDatabase
from events.log import subscriptions
from tests.servers.kafka import KafkaServer
from tests.servers.postgres import PostgresServer
from worker.kafka import topics
from worker.kafka.messages import Message, encode
from worker.kafka.publisher import Publisher
from worker.runtime.environment import TOKEN_KEY_BYTES, Environment
from worker.runtime.installed import token_keys
from worker.runtime.vault import Vault
from worker.workspaces import api_tokens, docusign_keys, tenants

PUBLISHED_AT_ONCE = 500
TOKEN_KEY = base64.urlsafe_b64encode(bytes(range(TOKEN_KEY_BYTES))).decode()  # guards nothing


class Ground(Struct, frozen=True):
    """A broker with filled topics, and a PostgreSQL server.

    Attributes:
        directory: The directory for other files.
        broker: Kafka.
        server: PostgreSQL.
        reached: The settings of the connection to the broker.
        events: The events in the topics.
    """

    directory: Path
    broker: KafkaServer
    server: PostgresServer
    reached: Environment
    events: Sequence[Event]

    async def installation(self, name: str) -> Environment:
        """Create an installation with its own database, consumer group and empty log."""
        own = environment(
            database_url=self.server.create_database(name), kafka_url=self.broker.url, kafka_group=name
        )
        database = PostgresDatabase(own.database_url)
        try:
            await stores.prepare(database)
            # As a stopping worker does: otherwise the measured process would stand by until the lease expires.
            await database.transaction(subscriptions.release, stores.HOLDER)
            await database.transaction(add_workspace, Vault(token_keys(own), SystemEntropy()))
        finally:
            await database.close()
        return own


@asynccontextmanager
async def filled(directory: Path, events: int) -> AsyncIterator[Ground]:
    """Start both servers, create the topics as the product does, and produce events into them."""
    with servers.kafka(directory) as broker, servers.postgres(directory) as server:
        reached = environment(kafka_url=broker.url)
        await topics.apply(reached)
        now = CLOCK.now()
        messages = [
            from_structured(message.structured, now=now, workspace=WORKSPACE)
            for message in islice(story.flow(), events)
        ]
        async with Publisher(reached) as publisher:
            for start in range(0, events, PUBLISHED_AT_ONCE):
                await publisher.publish(as_messages(reached, messages[start : start + PUBLISHED_AT_ONCE]))
        yield Ground(directory, broker, server, reached, messages)


def as_messages(environment: Environment, events: Sequence[Event]) -> list[Message]:
    """Write events as messages, as the front door publishes them."""
    return [encode(event, environment.topic(event.topic)) for event in events if event.topic is not None]


def topics_in(environment: Environment) -> list[str]:
    """Return the incoming topics."""
    return [environment.topic(name) for name in catalog.TOPICS_IN]


def add_workspace(connection: sa.Connection, vault: Vault, token: str | None = None) -> str:
    """Add the workspace of the events, since Kafka's events of unknown workspaces are refused; return DocuSign's key."""
    entropy = SystemEntropy()
    tenants.add(connection, WORKSPACE, token or api_tokens.new(entropy), CLOCK.now())
    key = base64.b64encode(entropy.nonce(32)).decode()
    docusign_keys.add(connection, vault, WORKSPACE, key, CLOCK.now())
    return key


def environment(**settings: Any) -> Environment:
    """Return an installation's settings."""
    return Environment(token_keys=(SecretStr(TOKEN_KEY),), **settings)


def variables(environment: Environment) -> dict[str, str]:
    """Return the environment variables of a process of the installation."""
    chosen = environment.model_dump(exclude_unset=True, exclude={"token_keys"})
    named = {f"Q2C_{name.upper()}": _written(value) for name, value in chosen.items()}
    return {**os.environ, **named, "Q2C_TOKEN_KEYS": TOKEN_KEY}


def _written(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
