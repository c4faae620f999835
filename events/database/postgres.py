"""PostgreSQL behind the `Database` port: asyncpg's connections, and the same plain functions.

The URL is a libpq URL: postgresql://user:password@host:port/name?sslmode=verify-full&…
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from events.errors import DatabaseDamaged, DatabaseRefused, DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")

CONNECTIONS_MAX = 8
CONNECT_SECONDS_MAX = 10
WAIT_FOR_CONNECTION_SECONDS_MAX = 10
STATEMENT_SECONDS_MAX = 120
ANSWER_SECONDS_MAX = (
    10  # added to the statement's limit, for a server that disappeared without closing the connection
)
# A transaction is never open during a network call, so an idle one belongs to a dead or suspended client, and the
# process that takes over waits for its locks.
IDLE_IN_TRANSACTION_SECONDS_MAX = 5
# Every statement reads few rows or a page of rows, by an index. Compiling it to machine code takes seconds when
# PostgreSQL's estimate is far too high; and index reads as cheap as on an SSD or from memory let it read the first rows of an
# index in their order, also when it expects few rows and there are thousands.
PLANNING = {"jit": "off", "random_page_cost": "1.1"}
# Connection errors, rollbacks that should be retried, and a server that is out of room, shuts down or cancels:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
TEMPORARY_CLASSES = ("08", "40", "53", "57", "58")
TEMPORARY_CODES = ("25P03", "55P03")
REFUSED_CLASSES = ("28", "3D")
DAMAGED_CODES = ("XX001", "XX002")  # of data, of an index


async def connect(
    url: str, application: str = "q2c", *, statement_seconds: int | None = STATEMENT_SECONDS_MAX
) -> asyncpg.Connection:
    """Open one connection; with `statement_seconds` None, a statement may take any time.

    Raises:
        DatabaseRefused: The URL's parameters are invalid.
        OSError: The server can't be reached.
        asyncpg.PostgresError: The server refuses the connection.
    """
    try:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=None if statement_seconds is None else statement_seconds + ANSWER_SECONDS_MAX,
            server_settings={
                "application_name": application,
                "statement_timeout": f"{statement_seconds or 0}s",  # 0 is none
                **PLANNING,
                "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS_MAX}s",
            },
        )
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise DatabaseRefused(f"Q2C_DATABASE_URL: {error}") from error


class PostgresDatabase:
    """A PostgreSQL database; writers run in parallel, and acquire locks where their order matters."""

    def __init__(self, url: str, *, statement_seconds: int | None = STATEMENT_SECONDS_MAX) -> None:
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: connect(url, statement_seconds=statement_seconds),
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            pool_timeout=WAIT_FOR_CONNECTION_SECONDS_MAX,
            hide_parameters=True,  # errors are logged, and parameters are customers' data
        )
        self._snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in a READ COMMITTED transaction: after it acquires a lock, it sees every earlier commit."""
        async with _begun(self._engine) as connection:
            return await connection.run_sync(work, *args, **kwargs)

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on one snapshot."""
        async with _begun(self._snapshots) as connection:
            return await connection.run_sync(work, *args, **kwargs)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@asynccontextmanager
async def _begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError) as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if _state(error) in DAMAGED_CODES:
            raise DatabaseDamaged(
                f"The database is damaged ({error.orig}). Stop the workers, and restore a backup or rebuild the index"
                " (docs/postgresql.md); q2c rebuild can rebuild the read models, but not the log"
            ) from error
        if _state(error).startswith(REFUSED_CLASSES):
            raise DatabaseRefused(
                f"Q2C_DATABASE_URL: the database refused the connection: {error.orig}"
            ) from error
        if not is_temporary(error):
            raise
        raise _unavailable(error) from error


def copy(
    connection: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows by a binary COPY, in the connection's transaction."""
    # SQLAlchemy begins the transaction with the first statement, but does not see the COPY.
    connection.exec_driver_sql("SELECT")
    driver = connection.connection.driver_connection
    try:
        await_only(driver.copy_records_to_table(table, records=rows, columns=columns))  # type: ignore[union-attr] # asyncpg's own
    except asyncpg.PostgresError as error:
        raise DBAPIError(f"COPY {table}", None, error) from error
    except asyncpg.InterfaceError as error:
        raise OperationalError(f"COPY {table}", None, error) from error


def is_temporary(error: DBAPIError) -> bool:
    """Return whether a retry of the transaction may succeed."""
    state = _state(error)
    return error.connection_invalidated or state.startswith(TEMPORARY_CLASSES) or state in TEMPORARY_CODES


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _unavailable(error: Exception) -> DatabaseUnavailable:
    said = error.orig if isinstance(error, DBAPIError) else error
    return DatabaseUnavailable(f"The database could not do its work: {said or type(error).__name__}")


async def listen(url: str, channel: str, notified: Callable[[], None]) -> None:
    """Call `notified` at each notification on a channel, until the connection ends or the task is cancelled.

    Raises:
        DatabaseUnavailable: The connection could not be made, or ended.
    """
    ended: asyncio.Event = asyncio.Event()
    try:
        connection = await connect(url, "q2c listen")
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise _unavailable(error) from error
    try:
        connection.add_termination_listener(lambda _: ended.set())

        def forward(*_: Any) -> None:
            notified()

        try:
            await connection.add_listener(channel, forward)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise _unavailable(error) from error
        notified()  # for events that were appended before we listened
        await ended.wait()
        raise DatabaseUnavailable("The connection that listens for new events has ended")
    finally:
        connection.terminate()
