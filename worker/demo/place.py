"""The place of a demo's data: a separate directory, or a separate database and topics on given servers.

`Q2C_DATABASE_URL` and `Q2C_KAFKA_URL` name the servers; other databases and topics there are not touched.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from events.contract import catalog
from worker.migrations import schema
from worker.runtime.environment import ConfigurationError, Environment
from worker.services import open_database

PARTITIONS = 3


class Place(Struct, frozen=True):
    """A directory for logs, and the settings that differ from the environment's."""

    directory: Path
    settings: dict[str, Any]


@asynccontextmanager
async def lay(base: Environment, name: str, *, kept: bool) -> AsyncIterator[Place]:
    """Create the place of a demo called `name`, and remove it at the end; `kept` keeps the directory.

    Raises:
        ConfigurationError: The database's user may not create a database.
        BrokerUnavailable: Kafka can't be reached, or refuses.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        async with AsyncExitStack() as stack:
            settings: dict[str, Any] = {"database_url": f"sqlite:///{directory / 'q2c.sqlite3'}"}
            if not base.embedded:
                url = await stack.enter_async_context(_database(base, name.replace("-", "_")))
                settings = {"database_url": url}
            if base.kafka_url is not None:
                settings |= await stack.enter_async_context(_topics(base, name))
            yield Place(directory, settings)
    finally:
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def _database(base: Environment, name: str) -> AsyncIterator[str]:
    import asyncpg  # noqa: PLC0415 - only with PostgreSQL

    from events.database.postgres import connect  # noqa: PLC0415 - as above

    async def execute(statement: str) -> None:
        connection = await connect(base.database_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    try:
        await execute(f'CREATE DATABASE "{name}"')
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            "Q2C_DATABASE_URL: the demo creates a database, which this user may not;"
            " let a superuser run ALTER ROLE … CREATEDB"
        ) from error
    url = urlsplit(base.database_url)._replace(path=f"/{name}").geturl()
    try:
        database = open_database(base.model_copy(update={"database_url": url}))
        await database.transaction(schema.migrate)
        await database.close()
        yield url
    finally:
        await execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@asynccontextmanager
async def _topics(base: Environment, name: str) -> AsyncIterator[dict[str, Any]]:
    from worker.kafka import topics  # noqa: PLC0415 - only with Kafka

    settings = {
        "kafka_group": name,
        "kafka_instance_id": name,  # a restarted worker gets its partitions back at once
        "kafka_partitions": PARTITIONS,
        "kafka_topic_names": {
            topic: f"{name}.{topic}" for topic in (*catalog.TOPICS_IN, *catalog.TOPICS_OUT)
        },
    }
    environment = base.model_copy(update=settings)
    await topics.apply(environment)
    try:
        yield settings
    finally:
        await topics.delete(environment, [topic.name for topic in topics.wanted(environment)])
