"""The parts that the web, the command line and the running worker share, put together in one place."""

from collections.abc import Sequence

from msgspec import Struct, field

import projections.all
from events.clock import Clock, Entropy, SystemClock, SystemEntropy
from events.database import Database
from events.sqlite import SqliteDatabase
from events.subscriptions import Subscription
from worker import schema
from worker.arrivals import Arrivals
from worker.health import Health
from worker.messages import Publishing
from worker.quickbooks.vault import Vault
from worker.quote_to_cash import manager
from worker.settings import Environment, check_database_file, token_keys
from worker.wake import Wake

SUBSCRIPTIONS: Sequence[Subscription] = (
    manager.SUBSCRIPTION,
    *(projection.subscription for projection in projections.all.PROJECTIONS),
)


class Services(Struct, frozen=True):
    """What everything that touches the log needs; with a publisher, what comes in goes to Kafka first."""

    environment: Environment
    database: Database
    clock: Clock
    entropy: Entropy
    vault: Vault
    wake: Wake
    health: Health = field(default_factory=Health)
    arrivals: Arrivals = field(default_factory=Arrivals)
    publisher: Publishing | None = None


async def open_services(environment: Environment) -> Services:
    """Open the database, and see that its tables are what this code knows.

    Raises:
        ConfigurationError: A token key does not fit, the database's file is something else, or its tables are.
        DatabaseUnavailable: The file can't be opened.
    """
    check_database_file(environment)
    entropy = SystemEntropy()
    vault = Vault(token_keys(environment), entropy)
    database = open_database(environment)
    try:
        await _see_to_tables(environment, database)
    except BaseException:
        await database.close()
        raise
    return Services(environment, database, SystemClock(), entropy, vault, Wake())


def open_database(environment: Environment, *, migrating: bool = False) -> Database:
    """Open the database that the environment names; nothing is read yet. A migration takes as long as it has to."""
    if environment.embedded:
        return SqliteDatabase(environment.database_path)
    from events import postgres  # noqa: PLC0415 - nothing is imported before it is used

    limit = None if migrating else postgres.STATEMENT_SECONDS_MAX
    return postgres.PostgresDatabase(environment.database_url, statement_seconds=limit)


async def _see_to_tables(environment: Environment, database: Database) -> None:
    """Migrate a SQLite file by itself: it is this installation's alone. PostgreSQL's tables are ops' to migrate."""
    if not environment.embedded:
        await database.read(schema.check)
    elif await database.read(schema.problem) is not None:
        await database.transaction(schema.migrate)
