"""Real servers for benchmarks, with their default settings, on the same disk as the other data."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import NotHere
from tests.servers import packages
from tests.servers.errors import ServerError
from tests.servers.kafka import KafkaServer, running_kafka
from tests.servers.postgres import PostgresServer, running_postgres


@contextmanager
def postgres(directory: Path) -> Iterator[PostgresServer]:
    """Run PostgreSQL with its defaults: fsync and synchronous_commit on."""
    with _or_not_here(), running_postgres(directory / "postgres") as server:
        yield server


@contextmanager
def kafka(directory: Path) -> Iterator[KafkaServer]:
    """Run one Kafka broker."""
    with _or_not_here(), running_kafka(directory / "kafka", lasting=True) as server:
        yield server


def versions() -> dict[str, str]:
    """Return the versions of the installed servers."""
    try:
        program = packages.postgres_programs() / "postgres"
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - found by us
    except ServerError:
        return {}
    return {"PostgreSQL": said.split()[2], "Kafka": packages.KAFKA_VERSION}


@contextmanager
def _or_not_here() -> Iterator[None]:
    try:
        yield
    except ServerError as error:
        raise NotHere(str(error)) from error
