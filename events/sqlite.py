"""SQLite behind the `Database` port: the embedded default, and the same file inline."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from events.errors import DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MILLISECONDS = 10_000
READER_THREADS = 4
PRIVATE_MODE = 0o600
WRITING, READING = "BEGIN IMMEDIATE", "BEGIN"


def sqlite_engine(
    path: Path, *, begin: str | None = WRITING, read_only: bool = False, durable: bool = True
) -> sa.Engine:
    """Open a SQLite file the way this project uses it.

    Args:
        path: The file.
        begin: How a transaction begins, so that a writer's positions are handed out and committed in one order;
            None where whoever opens it sees to that, or each statement is a transaction of its own.
        read_only: Whether to refuse whatever writes.
        durable: Whether a commit survives power loss: what was acknowledged is on the disk.
    """
    engine = sa.create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "isolation_level": None},
    )

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        if begin is not None:
            cursor = connection.connection.cursor()
            cursor.execute(begin)
            cursor.close()

    return engine


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (OperationalError, sqlite3.OperationalError) as error:
        said = error.orig if isinstance(error, OperationalError) else error
        raise DatabaseUnavailable(f"The database could not do its work: {said}") from error


@contextmanager
def _begun(connection: sa.Connection) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    driver.execute(WRITING)
    try:
        yield
    except BaseException:
        driver.rollback()
        raise
    driver.commit()


class SqliteDatabase:
    """A SQLite file: one writer thread a process, and reader threads; each keeps a connection of its own."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=PRIVATE_MODE)  # SQLite gives its other files the mode of this one
        self._writer = sqlite_engine(path)
        self._reader = sqlite_engine(path, begin=READING, read_only=True)
        self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._reader_threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="sqlite-reader")
        self._of_thread = threading.local()
        self._connections: list[sa.Connection] = []

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on the writer thread, in BEGIN IMMEDIATE."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writer_thread, lambda: self._run(self._writer, work, *args, **kwargs)
        )

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on a reader thread, on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(
            self._reader_threads, lambda: self._run(self._reader, work, *args, **kwargs)
        )

    async def close(self) -> None:
        """Finish what runs, then close the file."""
        await asyncio.to_thread(self._shut_down)

    def _run(
        self,
        engine: sa.Engine,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        with _available():
            connection = self._connection(engine)
            with connection.begin():
                return work(connection, *args, **kwargs)

    def _connection(self, engine: sa.Engine) -> sa.Connection:
        """Return this thread's connection: to take one from the engine and give it back takes as long as a read."""
        found: sa.Connection | None = getattr(self._of_thread, "connection", None)
        if found is None:
            found = self._of_thread.connection = engine.connect()
            self._connections.append(found)
        return found

    def _shut_down(self) -> None:
        self._writer_thread.shutdown()
        self._reader_threads.shutdown()
        for connection in self._connections:
            connection.close()
        self._writer.dispose()
        self._reader.dispose()


class InlineDatabase:
    """The same SQLite file worked on in the caller's own thread, for tests and the simulation.

    It does not wait for the disk: nobody cuts the power of a test. Nor does SQLAlchemy keep account of its
    transactions, which takes as long as they do.
    """

    def __init__(self, path: Path) -> None:
        self._engine = sqlite_engine(path, begin=None, durable=False)
        self._connection = self._engine.connect()
        # Nobody writes while `work` reads, so each statement may see what is there without a transaction.
        self._reading = sqlite_engine(path, begin=None, read_only=True)
        self._reader = self._reading.connect()

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` at once, in BEGIN IMMEDIATE."""
        with _available(), _begun(self._connection):
            return work(self._connection, *args, **kwargs)

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` at once."""
        with _available():
            return work(self._reader, *args, **kwargs)

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._connection.close()
        self._reading.dispose()
        self._engine.dispose()
