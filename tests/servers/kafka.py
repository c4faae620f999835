"""A real Apache Kafka: a given one, a container, or one started from packages."""

import os
import secrets
import signal
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import containers, packages
from tests.servers.certificates import Papers, issue_papers
from tests.servers.errors import NotOurs, NotSecured
from tests.servers.processes import LOOPBACK, Owner, Process, free_port, give, home, ordinary_owner, run
from tests.servers.server import Server

VARIABLE = "Q2C_TEST_KAFKA_URL"
SCHEME = "kafka://"
READY = "Kafka Server started"
# Java's optimising compiler takes longer than a test's broker, or one of the tools, runs.
QUICK = "-XX:TieredStopAtLevel=1"
SCRAM = "SCRAM-SHA-512"
PROTOCOLS = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL"
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    # A killed broker can restart only after its former session has ended: 9 s by default.
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


class KafkaServer(Server):
    """A running broker."""

    orderly_stop = signal.SIGTERM

    def __init__(
        self,
        bootstrap: str,
        process: Process | None = None,
        papers: Papers | None = None,
        mutual_bootstrap: str | None = None,
        behind_proxy: str | None = None,
    ) -> None:
        super().__init__(process, papers)
        self.bootstrap = bootstrap
        self._mutual_bootstrap = mutual_bootstrap
        self._behind_proxy = behind_proxy

    @property
    def url(self) -> str:
        return f"{SCHEME}{self.bootstrap}"

    @property
    def client_file(self) -> Path:
        """A client's certificate and key in one PEM file."""
        return self._asked_for().client_file

    @property
    def mutual_bootstrap(self) -> str:
        """The bootstrap address of a secured server that requires a client's certificate instead of a password."""
        if self._mutual_bootstrap is None:
            raise NotSecured("only a secured Kafka listens for certificates")
        return self._mutual_bootstrap

    @property
    def behind_proxy(self) -> str:
        """The broker's address for a proxy; clients of this address are told the proxy's address."""
        if self._behind_proxy is None:
            raise NotOurs("no proxy was announced; ask for a server with advertised=HOST:PORT")
        return self._behind_proxy

    def kill(self) -> None:
        self._own().stop(signal.SIGKILL)


@contextmanager
def running_kafka(
    directory: Path | None = None,
    *,
    own: bool = False,
    secured: bool = False,
    advertised: str | None = None,
    lasting: bool = False,
) -> Iterator[KafkaServer]:
    """Yield the server that the environment names, otherwise a container, otherwise one started from packages.

    Args:
        directory: The data directory of a started server, which stays and may be from an earlier run; default: a
            temporary one.
        own: Whether it must be a started server, which can be stopped and restarted.
        secured: Whether it requires TLS and a password (SCRAM-SHA-512); always a started server.
        advertised: A proxy's address, which clients of the server's `behind_proxy`, but not of its `bootstrap`, are
            told to use; always a started server.
        lasting: Whether it is for benchmarks or a person instead of a test: Java then compiles it fully.
    """
    if own or secured or advertised is not None or directory is not None:
        with _our_own(directory, secured=secured, advertised=advertised, lasting=lasting) as server:
            yield server
    elif given := os.environ.get(VARIABLE):
        yield KafkaServer(given.removeprefix(SCHEME))
    elif containers.available(containers.KAFKA_IMAGE):
        with containers.kafka(SETTINGS) as bootstrap:
            yield KafkaServer(bootstrap)
    else:
        with _our_own(None, secured=False, lasting=lasting) as server:
            yield server


@contextmanager
def _our_own(
    directory: Path | None, *, secured: bool, lasting: bool, advertised: str | None = None
) -> Iterator[KafkaServer]:
    java: list[str | Path] = [packages.java(), "-cp", f"{packages.kafka_jars()}/*"]
    owner = ordinary_owner()
    with home(directory, "kafka", owner) as place:
        papers = issue_papers(place, owner) if secured else None
        bootstrap, mutual, controller, proxied = (f"{LOOPBACK}:{free_port()}" for _ in range(4))
        data = place / "data"
        settings = {
            **SETTINGS,
            "log.dirs": str(data),
            "controller.quorum.voters": f"1@{controller}",
            "listener.security.protocol.map": PROTOCOLS,
            **(_secured(papers, bootstrap, mutual) if papers else _open(bootstrap)),
        }
        if advertised is not None:
            settings["advertised.listeners"] = f"{settings['listeners']},PROXIED://{advertised}"
            settings["listeners"] += f",PROXIED://{proxied}"
        settings["listeners"] += f",CONTROLLER://{controller}"
        properties = _write(place / "server.properties", settings, owner)
        java.append(f"-Dlog4j2.configurationFile={_write(place / 'log4j2.properties', LOGGING, owner)}")
        if not data.exists():
            # The ID begins with an A, because a leading dash would be read as an option.
            cluster = urlsafe_b64encode(b"\0" + secrets.token_bytes(15)).decode().rstrip("=")
            storage = [*java, QUICK, "kafka.tools.StorageTool"]
            users = (
                ["--add-scram", f"{SCRAM}=[name={papers.username},password={papers.password}]"]
                if papers
                else []
            )
            run([*storage, "format", "-t", cluster, "-c", properties, *users], place, owner)
        process = Process(
            [*java, *([] if lasting else [QUICK]), "-Xmx512m", "kafka.Kafka", properties],
            place,
            owner,
            ready=READY,
            orphaned=signal.SIGKILL,
        )
        process.start()
        try:
            behind_proxy = None if advertised is None else proxied
            yield KafkaServer(bootstrap, process, papers, mutual if secured else None, behind_proxy)
        finally:
            process.stop(signal.SIGKILL if directory is None else KafkaServer.orderly_stop)


def _open(bootstrap: str) -> dict[str, str]:
    return {"listeners": f"PLAINTEXT://{bootstrap}", "inter.broker.listener.name": "PLAINTEXT"}


def _secured(papers: Papers, bootstrap: str, mutual: str) -> dict[str, str]:
    """Return the settings of two listeners: one with passwords, one with certificates, which the broker itself uses."""
    return {
        "listeners": f"SASL_SSL://{bootstrap},SSL://{mutual}",
        "inter.broker.listener.name": "SSL",
        "listener.name.ssl.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(papers.server_file),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(papers.ca_file),
        "sasl.enabled.mechanisms": SCRAM,
        f"listener.name.sasl_ssl.{SCRAM.lower()}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }


def _write(path: Path, settings: dict[str, str], owner: Owner) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    give(path, owner)
    return path
