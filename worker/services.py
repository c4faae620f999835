"""The parts that the web, the command line and the running worker share, put together in one place."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct, field

import projections.all
from events.clock import Clock, Entropy, SystemClock, SystemEntropy
from events.database import Database
from events.sqlite import SqliteDatabase
from events.subscriptions import Subscription
from events.tables import metadata
from worker.health import Health
from worker.quickbooks.vault import Vault
from worker.quote_to_cash import manager
from worker.settings import Environment, check_database_file, token_keys
from worker.wake import Wake

SUBSCRIPTIONS: Sequence[Subscription] = (
    manager.SUBSCRIPTION,
    *(projection.subscription for projection in projections.all.PROJECTIONS),
)


class Services(Struct, frozen=True):
    """What everything that touches the log needs."""

    environment: Environment
    database: Database
    clock: Clock
    entropy: Entropy
    vault: Vault
    wake: Wake
    health: Health = field(default_factory=Health)


async def open_services(environment: Environment) -> Services:
    """Open the database, creating its tables where they are missing.

    Raises:
        ConfigurationError: A token key does not fit, or the database's file is something else.
        DatabaseUnavailable: The file can't be opened.
    """
    check_database_file(environment)
    entropy = SystemEntropy()
    vault = Vault(token_keys(environment), entropy)
    database = open_database(environment)
    await database.transaction(_create_tables)
    return Services(environment, database, SystemClock(), entropy, vault, Wake())


def open_database(environment: Environment) -> Database:
    """Open the database that the environment names; nothing is read yet."""
    if environment.embedded:
        return SqliteDatabase(environment.database_path)
    from events.postgres import PostgresDatabase  # noqa: PLC0415 - nothing is imported before it is used

    return PostgresDatabase(environment.database_url)


def _create_tables(connection: sa.Connection) -> None:
    metadata.create_all(connection)
