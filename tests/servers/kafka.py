"""A real Apache Kafka: a given one, a container, or one of our own from packages."""

import os
import secrets
import signal
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import packages
from tests.servers.errors import NotOurs
from tests.servers.processes import LOOPBACK, Owner, Process, free_port, give, home, ordinary_owner, run

VARIABLE = "Q2C_TEST_KAFKA_URL"
SCHEME = "kafka://"
READY = "Kafka Server started"
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # A killed broker may come back only when its former session has ended: 9 s unless told.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
LOGGING = {
    "status": "error",
    "appender.out.type": "Console",
    "appender.out.name": "out",
    "appender.out.layout.type": "PatternLayout",
    "appender.out.layout.pattern": "%d %p %c: %m%n",
    "rootLogger.level": "warn",
    "rootLogger.appenderRef.out.ref": "out",
    "logger.started.name": "kafka.server.KafkaRaftServer",  # says when it is ready
    "logger.started.level": "info",
}


class KafkaServer:
    """A running broker; its start and stop only where it is our own."""

    def __init__(self, bootstrap: str, process: Process | None = None) -> None:
        self.bootstrap = bootstrap
        self._process = process

    @property
    def url(self) -> str:
        return f"{SCHEME}{self.bootstrap}"

    @property
    def pid(self) -> int:
        return self._own().pid

    @property
    def log(self) -> Path:
        return self._own().log

    def kill(self) -> None:
        self._own().stop(signal.SIGKILL)

    def stop(self) -> None:
        self._own().stop(signal.SIGTERM)

    def start(self) -> None:
        """Start again on the same data and port."""
        self._own().start()

    def _own(self) -> Process:
        if self._process is None:
            raise NotOurs("this Kafka is used as it is; ask for running_kafka(own=True)")
        return self._process


@contextmanager
def running_kafka(directory: Path | None = None, *, own: bool = False) -> Iterator[KafkaServer]:
    """The server that the environment names, else a container, else our own.

    Args:
        directory: Where our own keeps its data, from a former run too; it stays. A temporary one else.
        own: Nobody else's will do, for it shall be stopped and started.
    """
    if not own and directory is None and (given := os.environ.get(VARIABLE)):
        yield KafkaServer(given.removeprefix(SCHEME))
        return
    with _our_own(directory) as server:
        yield server


@contextmanager
def _our_own(directory: Path | None) -> Iterator[KafkaServer]:
    java: list[str | Path] = [packages.java(), "-cp", f"{packages.kafka_jars()}/*"]
    owner = ordinary_owner()
    with home(directory, "kafka", owner) as place:
        bootstrap, controller = (f"{LOOPBACK}:{free_port()}" for _ in range(2))
        data = place / "data"
        properties = _write(
            place / "server.properties",
            {
                **SETTINGS,
                "log.dirs": str(data),
                "listeners": f"PLAINTEXT://{bootstrap},CONTROLLER://{controller}",
                "controller.quorum.voters": f"1@{controller}",
            },
            owner,
        )
        logging = _write(place / "log4j2.properties", LOGGING, owner)
        java.append(f"-Dlog4j2.configurationFile={logging}")
        if not data.exists():
            cluster = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
            storage = [*java, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool"]
            run([*storage, "format", "-t", cluster, "-c", properties], place, owner)
        server = KafkaServer(
            bootstrap,
            Process(
                [*java, "-Xmx512m", "kafka.Kafka", properties],
                place,
                owner,
                ready=READY,
                orphaned=signal.SIGKILL,
            ),
        )
        server.start()
        try:
            yield server
        finally:
            if directory is None:
                server.kill()
            else:
                server.stop()


def _write(path: Path, settings: dict[str, str], owner: Owner) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    give(path, owner)
    return path
