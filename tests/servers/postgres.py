"""A real PostgreSQL server: a given one, a container, or one started from packages."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import asyncpg

from tests.servers import containers, packages
from tests.servers.certificates import PASSWORD, USERNAME, Papers, issue_papers
from tests.servers.processes import LOOPBACK, Owner, Process, free_port, give, home, ordinary_owner, run
from tests.servers.server import Server

T = TypeVar("T")
VARIABLE = "Q2C_TEST_DATABASE_URL"
READY = "database system is ready to accept connections"
# Text sorts as on a usual server, not as in Python, so that a query that relies on Python's order fails.
INITDB = (
    "--auth=trust",  # replaced by our own rules
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=icu",
    "--icu-locale=en-US",
)
SETTINGS = {"max_connections": "200", "fsync": "on", "log_timezone": "UTC", "timezone": "UTC"}
OWN_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # One sync call instead of one for each of a thousand files, before each recovery; only Linux offers it.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}


class PostgresServer(Server):
    """A running server, and the methods to use it."""

    orderly_stop = signal.SIGINT

    def __init__(self, url: str, process: Process | None = None, papers: Papers | None = None) -> None:
        super().__init__(process, papers)
        self.url = url
        self._created: set[str] = set()

    def create_database(self, name: str, like: str = "template1") -> str:
        """Create a database, replacing one of that name, as a copy of `like`; return its URL."""
        self._drop_database(name)
        _in_thread(_execute(self.url, f'CREATE DATABASE "{name}" TEMPLATE "{like}"'))
        self._created.add(name)
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop_created(self) -> None:
        while self._created:
            self._drop_database(self._created.pop())

    def stop_immediate(self) -> None:
        """Stop as in a crash: without a checkpoint, so that the next start recovers from the log."""
        self._own().stop(signal.SIGQUIT)

    def _drop_database(self, name: str) -> None:
        _in_thread(_execute(self.url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@contextmanager
def running_postgres(
    directory: Path | None = None, *, own: bool = False, secured: bool = False
) -> Iterator[PostgresServer]:
    """Yield the server that the environment names, otherwise a container, otherwise one started from packages.

    Args:
        directory: The data directory of a started server, which stays and may be from an earlier run; default: a
            temporary one.
        own: Whether it must be a started server, which can be stopped and restarted.
        secured: Whether it requires TLS and a password; always a started server.
    """
    if own or secured or directory is not None:
        with _our_own(directory, secured=secured) as server:
            yield server
    elif given := os.environ.get(VARIABLE):
        server = PostgresServer(given)
        try:
            yield server
        finally:
            server.drop_created()
    elif containers.available(containers.POSTGRES_IMAGE):
        with containers.postgres(SETTINGS) as url:
            yield PostgresServer(url)
    else:
        with _our_own(None, secured=False) as server:
            yield server


@contextmanager
def _our_own(directory: Path | None, *, secured: bool) -> Iterator[PostgresServer]:
    programs = packages.postgres_programs()
    owner = ordinary_owner()
    with home(directory, "postgres", owner) as place:
        papers = issue_papers(place, owner) if secured else None
        data = place / "data"
        if not data.exists():
            password = _write(place / "password", PASSWORD, owner)
            made = place / "new"  # so that an incomplete directory is not used as data
            options = [f"--pgdata={made}", f"--username={USERNAME}", f"--pwfile={password}", *INITDB]
            run([programs / "initdb", *options], place, owner)
            made.rename(data)
        port = free_port()
        entry = "hostssl all all all scram-sha-256" if papers else "host all all all trust"
        settings = {
            **SETTINGS,
            **OWN_SETTINGS,
            "port": str(port),
            "hba_file": str(_write(place / "pg_hba.conf", entry, owner)),
        }
        if papers:
            settings |= {
                "ssl": "on",
                "ssl_cert_file": str(papers.server_file),
                "ssl_key_file": str(papers.server_file),
            }
        process = Process(
            [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            place,
            owner,
            ready=READY,
            orphaned=signal.SIGQUIT,
        )
        process.start()
        try:
            yield PostgresServer(_url(port, papers), process, papers)
        finally:
            process.stop(signal.SIGQUIT if directory is None else PostgresServer.orderly_stop)


def _url(port: int, papers: Papers | None) -> str:
    if papers is None:
        return f"postgresql://{USERNAME}@{LOOPBACK}:{port}/postgres"
    user = f"{papers.username}:{quote(papers.password, safe='')}"
    verified = urlencode({"sslmode": "verify-full", "sslrootcert": papers.ca_file})
    return f"postgresql://{user}@{LOOPBACK}:{port}/postgres?{verified}"


def _write(path: Path, line: str, owner: Owner) -> Path:
    path.write_text(f"{line}\n")
    give(path, owner)
    return path


def _in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, whether or not the caller is inside a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
