"""The environment of the fleet: real servers, a sandbox, and the proxies between."""

import asyncio
import base64
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from tests.chaos.proxy import Proxy
from tests.servers.kafka import SCHEME, KafkaServer, running_kafka
from tests.servers.postgres import PostgresServer, running_postgres
from tests.servers.processes import LOOPBACK, _dying_with_us, free_port
from worker.commands.claims import Timing
from worker.kafka import topics
from worker.kafka.brokers import connection
from worker.migrations import schema
from worker.runtime.environment import TOKEN_KEY_BYTES, Environment
from worker.sandbox.failing.trouble import Plan
from worker.services import Services, open_database, open_services

SESSION_SECONDS = 6
WATCHDOG_SECONDS = 20
QUICKBOOKS_TROUBLE = Plan(rate=0.15, late_seconds=1.5, slow_seconds=0.5)
GROUP = "q2c-chaos"
KIND = "us"
TIMING = Timing(request_seconds=1, settle_seconds=2, throttled_seconds=2)
Books = dict[str, list[dict[str, Any]]]


class Servers(msgspec.Struct, frozen=True):
    """PostgreSQL and Kafka, both started by us so that they can be killed.

    Attributes:
        postgres: A real PostgreSQL.
        kafka: A real Kafka.
        database_url: The URL of an empty database.
        kafka_settings: Our settings for Kafka's clients.
        kafka_port: The port on which a proxy to Kafka has to listen; None if there can't be one.
    """

    postgres: PostgresServer
    kafka: KafkaServer
    database_url: str
    kafka_settings: Mapping[str, Any]
    kafka_port: int | None = None


class Sandbox:
    """A QuickBooks sandbox in a separate process."""

    def __init__(self, line: Mapping[str, Any]) -> None:
        self.url: str = line["api"]
        self.client_id: str = line["client_id"]
        self.client_secret: str = line["client_secret"]
        self.realms: list[str] = line["realms"]
        self.docusign_keys: list[str] = line["docusign_keys"]

    async def follow(self, http: httpx.AsyncClient, plan: Plan) -> None:
        """Set the faults inside QuickBooks."""
        answer = await http.post(f"{self.url}/_control/faults", content=msgspec.json.encode(plan))
        answer.raise_for_status()

    async def troubles(self, http: httpx.AsyncClient) -> dict[str, int]:
        answer = await http.get(f"{self.url}/_control/faults")
        return msgspec.json.decode(answer.content, type=dict[str, int])

    async def books(self, http: httpx.AsyncClient, realm: str) -> Books:
        answer = await http.get(f"{self.url}/_control/books/{realm}")
        return msgspec.json.Decoder(Books, float_hook=Decimal).decode(answer.content)


class Ground(msgspec.Struct, frozen=True):
    """Everything but the worker's processes."""

    servers: Servers
    sandbox: Sandbox
    proxies: Mapping[str, Proxy]
    """The proxies to postgres, quickbooks and, if possible, kafka."""
    doors: Proxy
    """The proxy that balances over the web processes."""
    services: Services
    """Our own services, without a proxy."""
    variables: Mapping[str, str]
    """The environment variables of the worker's processes, with every address a proxy's."""
    direct: Mapping[str, str]
    """The same variables without a proxy."""

    @property
    def kafka(self) -> dict[str, Any]:
        """The options of our own Kafka clients, without a proxy."""
        return connection(self.services.environment)


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Yield servers that a proxy can be in front of."""
    port = free_port()
    with (
        running_postgres(own=True) as postgres,
        running_kafka(own=True, advertised=f"{LOOPBACK}:{port}") as kafka,
    ):
        yield Servers(postgres, kafka, postgres.create_database("chaos"), {"kafka_url": kafka.url}, port)


@contextmanager
def running_secured_servers() -> Iterator[Servers]:
    """Yield servers that require TLS and a password."""
    with running_postgres(secured=True) as postgres, running_kafka(secured=True) as kafka:
        settings = {
            "kafka_url": kafka.url,
            "kafka_ca_file": kafka.ca_file,
            "kafka_username": kafka.username,
            "kafka_password": kafka.password,
        }
        yield Servers(postgres, kafka, postgres.create_database("chaos"), settings)


@asynccontextmanager
async def running_sandbox(companies: int, seed: int, log: Path) -> AsyncIterator[Sandbox]:
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *_dying_with_us(signal.SIGKILL),
            sys.executable,
            *("-c", "from worker.cli import main; main()"),
            *("sandbox", "--json", "--port", "0", "--seed", str(seed), *("--company", KIND) * companies),
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
        )
    assert process.stdout is not None
    try:
        yield Sandbox(msgspec.json.decode(await process.stdout.readline()))
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def running(
    servers: Servers, directory: Path, *, companies: int, seed: int, web_ports: Sequence[int]
) -> AsyncIterator[Ground]:
    """Yield a migrated installation with topics, proxies and a sandbox.

    Args:
        servers: Real servers.
        directory: The directory for logs.
        companies: The number of companies in the sandbox.
        seed: The seed of the sandbox and the proxies.
        web_ports: The ports of the web processes.
    """
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox(companies, seed, directory / "sandbox.log"))
        postgres, quickbooks = urlsplit(servers.database_url), urlsplit(sandbox.url)
        upstreams = {
            "postgres": ([_address(postgres.netloc.rpartition("@")[2])], free_port()),
            "quickbooks": ([_address(quickbooks.netloc)], free_port()),
            "doors": ([(LOOPBACK, port) for port in web_ports], free_port()),
        }
        if servers.kafka_port is not None:
            upstreams["kafka"] = ([_address(servers.kafka.behind_proxy)], servers.kafka_port)
        proxies = {
            name: await stack.enter_async_context(Proxy(name, to, Random(f"{seed} {name}"), port).running())
            for name, (to, port) in upstreams.items()
        }
        doors = proxies.pop("doors")
        user = postgres.netloc.rpartition("@")[0]
        direct = {
            "database_url": servers.database_url,
            **servers.kafka_settings,
            **_settings(sandbox, seed),
            **_quickbooks(sandbox.url),
            "public_url": f"http://{doors.address}",
        }
        proxied = {
            **direct,
            "database_url": postgres._replace(netloc=f"{user}@{proxies['postgres'].address}").geturl(),
            **({"kafka_url": f"{SCHEME}{proxies['kafka'].address}"} if "kafka" in proxies else {}),
            **_quickbooks(f"http://{proxies['quickbooks'].address}"),
        }
        services = await prepared(Environment.model_validate(direct))
        stack.push_async_callback(services.database.close)
        yield Ground(servers, sandbox, proxies, doors, services, _variables(proxied), _variables(direct))


async def prepared(environment: Environment) -> Services:
    """Return services on existing tables and topics."""
    database = open_database(environment)
    try:
        await database.transaction(schema.migrate)
    finally:
        await database.close()
    await topics.apply(environment)
    return await open_services(environment)


def _settings(sandbox: Sandbox, seed: int) -> dict[str, Any]:
    return {
        "kafka_group": GROUP,
        "kafka_session_seconds": SESSION_SECONDS,
        "watchdog_seconds": WATCHDOG_SECONDS,
        "token_keys": base64.urlsafe_b64encode(Random(seed).randbytes(TOKEN_KEY_BYTES)).decode(),
        "quickbooks_client_id": sandbox.client_id,
        "quickbooks_client_secret": sandbox.client_secret,
        "quickbooks_timeout_seconds": TIMING.request_seconds,
        "quickbooks_settle_seconds": TIMING.settle_seconds,
        "quickbooks_throttled_seconds": TIMING.throttled_seconds,
    }


def _variables(settings: Mapping[str, Any]) -> dict[str, str]:
    return {f"Q2C_{name.upper()}": str(value) for name, value in settings.items()}


def _quickbooks(url: str) -> dict[str, str]:
    return {
        "quickbooks_api_url": url,
        "quickbooks_discovery_url": f"{url}/.well-known/openid_sandbox_configuration",
    }


def _address(netloc: str) -> tuple[str, int]:
    host, _, port = netloc.rpartition(":")
    return host, int(port)
