"""SQLite behind the `Database` port: with threads for production, and inline for tests and the simulation."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from events.database import files
from events.errors import DatabaseDamaged, DatabaseRefused, DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MILLISECONDS = 10_000
READER_THREADS = 4
BESIDE = ("-wal", "-shm", "-journal")  # the suffixes of the files that SQLite keeps beside a database
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
REMEDIES = {
    sqlite3.SQLITE_READONLY: "make the file, its directory and the file system writable",
    sqlite3.SQLITE_CANTOPEN: "check that the file and its directory exist, and can be read and written",
    sqlite3.SQLITE_IOERR: "check the health of the disk",
    sqlite3.SQLITE_FULL: "make room on the disk",
}
RESTORE = (
    "Stop the worker, keep the file and the files beside it, and restore a backup (docs/operating.md, Backups);"
    " q2c rebuild can rebuild the read models, but not the log"
)
# With BEGIN IMMEDIATE, a writer assigns and commits positions in one order.
WRITING, READING = "BEGIN IMMEDIATE", "BEGIN"


def sqlite_engine(path: Path, *, read_only: bool = False, durable: bool = True) -> sa.Engine:
    """Open a SQLite file with this project's settings; the caller begins transactions.

    Beside the pool's, the engine has no listener: with one, SQLAlchemy looks for listeners at each statement.

    Args:
        path: The file.
        read_only: Whether to refuse every write.
        durable: Whether a commit waits for the disk, and survives power loss.
    """
    _make_private(path)
    engine = sa.create_engine(
        sa.URL.create(
            "sqlite", database=str(path.absolute())
        ),  # a text would be parsed, and mean another file
        connect_args={"check_same_thread": False, "isolation_level": None},
        hide_parameters=True,  # errors are logged, and parameters are customers' data
    )

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
        driver: Any = connection
        driver.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own handles only ASCII
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    return engine


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _make_private(path: Path) -> None:
    """Create the file unless it exists, and remove other users' rights to it and the files beside it.

    Raises:
        DatabaseRefused: The file can't be created, or we may not change its mode.
    """
    try:
        files.make_directory(path.parent)
        files.make(path)  # SQLite gives its other files the mode of this one
        for suffix in BESIDE:
            files.keep_private(Path(f"{path.resolve()}{suffix}"))
    except OSError as error:
        raise DatabaseRefused(
            f"Q2C_DATABASE_URL: {error.filename or path} can't be used: {error.strerror}. The database file must have mode"
            " 0600, and its owner must be able to create files in its directory"
        ) from error


@contextmanager
def _available(path: Path) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        said = error.orig if isinstance(error, DatabaseError) else error
        code = getattr(said, "sqlite_errorcode", 0) & 0xFF
        if code in DAMAGED:
            raise DatabaseDamaged(f"The database {path} is damaged ({said}). {RESTORE}") from error
        if not isinstance(said, sqlite3.OperationalError):
            raise
        remedy = f"; {REMEDIES[code]}" if code in REMEDIES else ""
        raise DatabaseUnavailable(f"The database {path} failed: {said}{remedy}") from error


def damage(path: Path) -> str | None:
    """Check a whole database file without changing it; return a sentence about the damage, None if it is intact."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    said = " ".join("; ".join(found).split())
    return None if found == ["ok"] else f"The database {path} is damaged ({said}). {RESTORE}"


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def _begun(connection: sa.Connection) -> Iterator[None]:
    driver = _driver(connection)
    driver.execute(WRITING)
    try:
        yield
    except BaseException:
        driver.rollback()
        raise
    driver.commit()


class SqliteDatabase:
    """A SQLite file with one writer thread for each process, and reader threads; each has its own connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = sqlite_engine(path)
        self._reader = sqlite_engine(path, read_only=True)
        self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._reader_threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="sqlite-reader")
        self._of_thread = threading.local()
        self._connections: list[sa.Connection] = []

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on the writer thread, in BEGIN IMMEDIATE."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writer_thread, lambda: self._run(self._writer, WRITING, work, *args, **kwargs)
        )

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on a reader thread, on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(
            self._reader_threads, lambda: self._run(self._reader, READING, work, *args, **kwargs)
        )

    async def close(self) -> None:
        """Finish running transactions, then close the file."""
        await asyncio.to_thread(self._shut_down)

    def _run(
        self,
        engine: sa.Engine,
        begin: str,
        work: Callable[Concatenate[sa.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        with _available(self._path):
            connection = self._connection(engine)
            with connection.begin():
                _driver(connection).execute(begin)
                return work(connection, *args, **kwargs)

    def _connection(self, engine: sa.Engine) -> sa.Connection:
        """Return this thread's connection: checking one out of the engine and in again takes as long as a read."""
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


@cache
def _compiling() -> sa.Engine:
    """Return an engine whose compiled statements all inline databases use: compiling takes longer than most tests."""
    engine = sa.create_engine("sqlite://", hide_parameters=True, query_cache_size=5000)
    with engine.connect():  # the first connection tells the engine what SQLite can do
        return engine


class InlineDatabase:
    """A SQLite file used in the caller's own thread, for tests and the simulation.

    Commits don't wait for the disk, since tests lose no power. SQLAlchemy does not manage its transactions, which
    would take as long as the transactions themselves.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = sqlite_engine(path, durable=False)
        self._connection = sa.Connection(_compiling(), self._writing.raw_connection())
        # No transaction writes while `work` reads, so each statement may read without a transaction.
        self._reading = sqlite_engine(path, read_only=True)
        self._reader = sa.Connection(_compiling(), self._reading.raw_connection())

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` at once, in BEGIN IMMEDIATE."""
        with _available(self._path), _begun(self._connection):
            return work(self._connection, *args, **kwargs)

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` at once."""
        with _available(self._path):
            return work(self._reader, *args, **kwargs)

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._connection.close()
        self._reading.dispose()
        self._writing.dispose()
