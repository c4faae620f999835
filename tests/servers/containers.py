"""PostgreSQL and Kafka in containers, if a Docker engine runs and has or can pull the images."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

POSTGRES_IMAGE = "postgres:17"
KAFKA_IMAGE = "apache/kafka:4.3.1"
PROBE_SECONDS_MAX = 5
PULL_SECONDS_MAX = 300
START_SECONDS_MAX = 60
KAFKA_PORT = 9092
ADDRESS = "/tmp/address.sh"  # noqa: S108 - in the container


@cache
def available(image: str) -> bool:
    """Return whether an engine answers, and has the image or can pull it; a client alone is not enough."""
    needed = [testcontainers_config.hub_image_name_prefix + image]
    if not testcontainers_config.ryuk_disabled:
        needed.append(testcontainers_config.ryuk_image)
    return _docker("version", seconds_max=PROBE_SECONDS_MAX) and all(
        _docker("image", "inspect", name, seconds_max=PROBE_SECONDS_MAX)
        or _docker("pull", "--quiet", name, seconds_max=PULL_SECONDS_MAX)
        for name in needed
    )


@contextmanager
def postgres(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the URL of a PostgreSQL container."""
    container = PostgresContainer(
        POSTGRES_IMAGE, username="q2c", password="q2c", dbname="postgres", driver=None
    )
    container.with_command(["postgres", *(f"--{name}={value}" for name, value in settings.items())])
    with container:
        yield container.get_connection_url()


@contextmanager
def kafka(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the bootstrap server of a Kafka container.

    Its advertised address needs the host's port, which is known only once the container runs: so the container waits for a
    file with the address.
    """
    container = DockerContainer(KAFKA_IMAGE).with_exposed_ports(KAFKA_PORT)
    container.with_envs(
        **{f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in settings.items()},
        KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
        KAFKA_INTER_BROKER_LISTENER_NAME="INTERNAL",
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,HOST:PLAINTEXT",
        KAFKA_LISTENERS=f"CONTROLLER://localhost:9093,INTERNAL://localhost:19092,HOST://:{KAFKA_PORT}",
        KAFKA_HEAP_OPTS="-Xmx512m",
    )
    wait = f"until [ -s {ADDRESS} ]; do sleep 0.1; done; . {ADDRESS}; exec /etc/kafka/docker/run"
    container.with_command(["sh", "-c", wait])
    with container:
        bootstrap = f"{container.get_container_host_ip()}:{container.get_exposed_port(KAFKA_PORT)}"
        listeners = f"INTERNAL://localhost:19092,HOST://{bootstrap}"
        container.copy_into_container(f"export KAFKA_ADVERTISED_LISTENERS={listeners}\n".encode(), ADDRESS)
        started = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_SECONDS_MAX)
        started.wait_until_ready(container)
        yield bootstrap


def _docker(*command: str, seconds_max: float) -> bool:
    """Return whether a docker command succeeds. (Python's client leaves its socket open without an engine.)"""
    client = shutil.which("docker")
    if client is None:
        return False
    try:
        done = subprocess.run([client, *command], check=False, capture_output=True, timeout=seconds_max)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
