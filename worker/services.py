"""The services that the web, the command line and the worker share, constructed in one place."""

from collections.abc import Sequence

from msgspec import Struct, field

from events.clock import Clock, Entropy, SystemClock, SystemEntropy
from events.database.port import Database
from events.database.sqlite import SqliteDatabase
from events.log.subscriptions import Subscription
from projections import rebuild
from projections.all import PROJECTIONS
from projections.rebuild import Told
from worker.kafka.messages import Publishing
from worker.migrations import schema
from worker.quote_to_cash import manager
from worker.runtime.arrivals import Arrivals
from worker.runtime.environment import ConfigurationError, Environment
from worker.runtime.health import Health
from worker.runtime.installed import check_database_file
from worker.runtime.vault import Vault, check_token_keys
from worker.runtime.wake import Wake
from worker.suggesting import listening
from worker.sync import hearing
from worker.workspaces import keyring

SUBSCRIPTIONS: Sequence[Subscription] = (
    manager.SUBSCRIPTION,
    hearing.SUBSCRIPTION,
    listening.SUBSCRIPTION,
    *(projection.subscription for projection in PROJECTIONS),
)
FOLLOWING = (
    manager.NAME,
    hearing.NAME,
    listening.NAME,
)  # the subscriptions that must not wait for a rebuild of read models


class Services(Struct, frozen=True):
    """The shared services of a process; with a publisher, received events go to Kafka first."""

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
    """Open the database, and check that its tables have this code's schema.

    Raises:
        ConfigurationError: A token key is wrong, missing or retired, the file is no database, or its schema differs.
        DatabaseUnavailable: The file can't be opened.
    """
    check_database_file(environment)
    check_token_keys(environment)
    clock, entropy = SystemClock(), SystemEntropy()
    database = open_database(environment)
    try:
        await see_to_tables(environment, database)
        vault = await keyring.open_vault(environment, database, entropy, clock.now())
    except BaseException:
        await database.close()
        raise
    return Services(environment, database, clock, entropy, vault, Wake())


def open_database(environment: Environment, *, migrating: bool = False) -> Database:
    """Open the database that the environment names, without reading it. A migration's statements have no time limit."""
    if environment.embedded:
        return SqliteDatabase(environment.database_path)
    from events.database import postgres  # noqa: PLC0415 - SQLite needs no PostgreSQL driver

    limit = None if migrating else postgres.STATEMENT_SECONDS_MAX
    return postgres.PostgresDatabase(environment.database_url, statement_seconds=limit)


async def migrate(database: Database, clock: Clock, entropy: Entropy, told: Told | None = None) -> list[str]:
    """Migrate the tables to this code's schema, and fill new versions of read models; return a sentence for each change.

    Raises:
        ConfigurationError: The tables have a revision that this code does not know, or we may not change them.
    """
    done = await database.transaction(schema.migrate)
    holder = f"migrate:{entropy.token()[:8]}"
    filled = await rebuild.fill_missing(database, clock, holder, following=FOLLOWING, told=told)
    return done + [f"Read model {name} filled" for name in filled]


async def see_to_tables(environment: Environment, database: Database) -> None:
    """Migrate a SQLite file automatically, since only this installation uses it; ops migrate PostgreSQL."""
    await check_ours(environment, database)
    if not environment.embedded:
        await database.read(schema.check)
    elif await database.read(schema.problem) is not None:
        await migrate(database, SystemClock(), SystemEntropy())


async def check_ours(environment: Environment, database: Database) -> None:
    """Check that a SQLite file is not another program's, before tables are created in it.

    Raises:
        ConfigurationError: The file has tables, but none of ours.
    """
    if environment.embedded and await database.read(schema.is_of_others):
        raise ConfigurationError(
            f"Q2C_DATABASE_URL: the tables in {environment.database_path} are not q2c's. The file, or the -wal file beside"
            " it, belongs to another program or database: keep these files, and restore a backup (docs/operating.md,"
            " Backups) or choose another path"
        )
