"""A real PostgreSQL: a given one, a container, or one of our own from packages."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from tests.servers import packages
from tests.servers.errors import NotOurs
from tests.servers.processes import LOOPBACK, Process, free_port, home, ordinary_owner, run

T = TypeVar("T")
VARIABLE = "Q2C_TEST_DATABASE_URL"
USER = "q2c"
READY = "database system is ready to accept connections"
# Text sorts as on a usual server, not as in Python; so a query that relies on the order is found out.
INITDB = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # One call instead of one for each of a thousand files, before each recovery; only Linux offers it.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}


class PostgresServer:
    """A running server and the ways to use it; its start and stop only where it is our own."""

    def __init__(self, url: str, process: Process | None = None) -> None:
        self.url = url
        self._process = process
        self._created: set[str] = set()

    @property
    def pid(self) -> int:
        return self._own().pid

    @property
    def log(self) -> Path:
        return self._own().log

    def create_database(self, name: str) -> str:
        """An empty database of this name, whatever there was before; its URL."""
        self._drop_database(name)
        _in_thread(_execute(self.url, f'CREATE DATABASE "{name}"'))
        self._created.add(name)
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop_created(self) -> None:
        while self._created:
            self._drop_database(self._created.pop())

    def stop_immediate(self) -> None:
        """What a crash leaves: no checkpoint, and the next start recovers from the log."""
        self._own().stop(signal.SIGQUIT)

    def stop(self) -> None:
        self._own().stop(signal.SIGINT)

    def start(self) -> None:
        """Start again on the same data and port."""
        self._own().start()

    def _drop_database(self, name: str) -> None:
        _in_thread(_execute(self.url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def _own(self) -> Process:
        if self._process is None:
            raise NotOurs("this PostgreSQL is used as it is; ask for running_postgres(own=True)")
        return self._process


@contextmanager
def running_postgres(directory: Path | None = None, *, own: bool = False) -> Iterator[PostgresServer]:
    """The server that the environment names, else a container, else our own.

    Args:
        directory: Where our own keeps its data, from a former run too; it stays. A temporary one else.
        own: Nobody else's will do, for it shall be stopped and started.
    """
    if not own and directory is None and (given := os.environ.get(VARIABLE)):
        server = PostgresServer(given)
        try:
            yield server
        finally:
            server.drop_created()
        return
    with _our_own(directory) as server:
        yield server


@contextmanager
def _our_own(directory: Path | None) -> Iterator[PostgresServer]:
    programs = packages.postgres_programs()
    owner = ordinary_owner()
    with home(directory, "postgres", owner) as place:
        data = place / "data"
        if not data.exists():
            made = place / "new"
            run(
                [programs / "initdb", "-D", made, "-U", USER, "--auth=trust", "--no-sync", *INITDB],
                place,
                owner,
            )
            made.rename(data)
        port = free_port()
        settings = {**SETTINGS, "port": str(port)}
        server = PostgresServer(
            f"postgresql://{USER}@{LOOPBACK}:{port}/postgres",
            Process(
                [
                    programs / "postgres",
                    "-D",
                    data,
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                place,
                owner,
                ready=READY,
                orphaned=signal.SIGQUIT,
            ),
        )
        server.start()
        try:
            yield server
        finally:
            if directory is None:
                server.stop_immediate()
            else:
                server.stop()


def _in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, whether or not the caller is inside a running loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
