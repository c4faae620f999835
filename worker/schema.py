"""The tables of an installation: whether they are what this code knows, and making them so.

Log, commands, connections and state are migrated, forwards only. Read models are made anew instead, and filled
from the log.
"""

import sqlalchemy as sa

import projections.all
from events.locks import Lock, hold
from worker.settings import ConfigurationError

REVISIONS = ("0001", "0002")
HEAD = REVISIONS[-1]
FIRST = REVISIONS[0]

_VERSION = sa.text("SELECT version_num FROM alembic_version")


def revision(connection: sa.Connection) -> str | None:
    """Return the revision of the tables; none where there are none.

    Tables that were made before there were revisions are the first one.
    """
    inspector = sa.inspect(connection)
    if inspector.has_table("alembic_version"):
        found: str | None = connection.scalar(_VERSION)
        return found
    return FIRST if inspector.has_table("events") else None


def problem(connection: sa.Connection) -> str | None:
    """Say what has to be migrated, if anything.

    Raises:
        ConfigurationError: The tables are of a revision that this code does not know.
    """
    found = revision(connection)
    if found is None:
        return "has no tables yet"
    if found not in REVISIONS:
        raise ConfigurationError(
            f"The database has revision {found} of its tables, which this version of the code does not know"
            f" (it knows up to {HEAD}); upgrade the code"
        )
    if found != HEAD:
        return f"has revision {found} of its tables, {HEAD} is needed"
    drifted = projections.all.drifted(connection)
    return f"has other read models than this code: {', '.join(drifted)}" if drifted else None


def check(connection: sa.Connection) -> None:
    """See that the tables are what this code knows.

    Raises:
        ConfigurationError: They are not; the message says what to do.
    """
    if (found := problem(connection)) is not None:
        raise ConfigurationError(f"The database {found}; run q2c migrate")


def migrate(connection: sa.Connection) -> list[str]:
    """Make the tables what this code knows, in the caller's transaction; say what was done.

    Any number of processes may try at once: the first one does it.

    Raises:
        ConfigurationError: The tables are of a revision that this code does not know.
    """
    hold(connection, Lock.SCHEMA)
    if problem(connection) is None:
        return []
    before = revision(connection)
    done = []
    if before != HEAD:
        _upgrade(connection, before)
        done.append(f"Tables brought from revision {before or 'none'} to {HEAD}")
    done += [f"Read model {name} made anew" for name in projections.all.prepare(connection)]
    return done


def _upgrade(connection: sa.Connection, before: str | None) -> None:
    from alembic import command  # noqa: PLC0415 - a third of a second, and seldom needed
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", "worker:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if before is not None and not sa.inspect(connection).has_table("alembic_version"):
        command.stamp(config, before)
    command.upgrade(config, HEAD)
