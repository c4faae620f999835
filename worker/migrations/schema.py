"""Compare the tables of an installation with this code's schema, and migrate them.

Log, commands, connections and state are migrated, only forwards. Read models are created anew instead, and filled from
the log.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from events.database.locks import Lock, acquire
from projections import shape
from worker.runtime.environment import ConfigurationError

REVISIONS = (
    *("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0011", "0012", "0015"),
    *("0016", "0018", "0020", "0021", "0022", "0023", "0024", "0027", "0028", "0029", "0030", "0031"),
    *("0032", "0033", "0034", "0035"),
)
HEAD = REVISIONS[-1]
FIRST = REVISIONS[0]

INSUFFICIENT_PRIVILEGE = "42501"
_VERSION = sa.text("SELECT version_num FROM alembic_version")


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the tables; None without tables.

    Tables from before the first revision count as the first revision.
    """
    inspector = sa.inspect(connection)
    if inspector.has_table("alembic_version"):
        found: str | None = connection.scalar(_VERSION)
        return found
    return FIRST if inspector.has_table("events") else None


def is_of_others(connection: sa.Connection) -> bool:
    """Return whether the database has tables, but none of ours."""
    return current(connection) is None and bool(sa.inspect(connection).get_table_names())


def problem(connection: sa.Connection) -> str | None:
    """Return the problem that a migration would solve, as the rest of a sentence; None if there is none.

    Raises:
        ConfigurationError: The tables have a revision that this code does not know.
    """
    found = current(connection)
    if found is None:
        return "has no tables yet"
    if found not in REVISIONS:
        raise ConfigurationError(
            f"The tables have revision {found}, which is newer than this version of the code (revision {HEAD}); upgrade"
            " the code"
        )
    if found != HEAD:
        return f"has tables of revision {found}, and this version needs {HEAD}"
    if drifted := shape.drifted(connection):
        return f"has other read models than this code: {', '.join(drifted)}"
    if unfilled := shape.unfilled(connection):
        return f"has read models that are not filled yet: {', '.join(each.versioned for each in unfilled)}"
    unseen = shape.unseen(connection)
    return f"has views of other read models than this code's: {', '.join(unseen)}" if unseen else None


def check(connection: sa.Connection) -> None:
    """Check that the tables have this code's schema.

    Raises:
        ConfigurationError: They have another schema, or we may not read them; the message has the remedy.
    """
    with _permitted():
        found = problem(connection)
    if found is not None:
        raise ConfigurationError(f"The database {found}; run q2c migrate")


def migrate(connection: sa.Connection) -> list[str]:
    """Migrate the tables to this code's schema, in the caller's transaction; return a sentence for each change.

    Several processes may call it at once: the first one migrates.

    Raises:
        ConfigurationError: The tables have a revision that this code does not know, or we may not change them.
    """
    with _permitted():
        acquire(connection, Lock.SCHEMA)
        return [] if problem(connection) is None else _migrated(connection)


def _migrated(connection: sa.Connection) -> list[str]:
    before = current(connection)
    done = []
    if before != HEAD:
        upgrade(connection, HEAD)
        done.append(f"Tables migrated from revision {before or 'none'} to {HEAD}")
    return done + [f"Read model {name} created" for name in shape.prepare(connection)]


def upgrade(connection: sa.Connection, to: str) -> None:
    """Run the missing revisions up to `to`; read models are not changed."""
    from alembic import command  # noqa: PLC0415 - takes a third of a second, and is seldom needed
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", "worker:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


@contextmanager
def _permitted() -> Iterator[None]:
    try:
        yield
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            raise
        said = error.orig.__cause__ if error.orig else None  # the driver's own error
        raise ConfigurationError(
            f"The database refused: {said or error}. Run q2c migrate as the owner of the tables; docs/postgresql.md lists"
            " the rights that workers need"
        ) from error
