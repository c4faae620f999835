"""A signed contract, until the request for its invoice is on the wire to QuickBooks: one deal after another.

The shipped worker runs (`q2c up`) as a separate process, with everything else prepared: the deals are drafted, sent and
delivered, customers and products mapped, QuickBooks connected. Embedded, on SQLite, DocuSign's signed message is posted to
the door on a new connection; the time begins with the first byte. With PostgreSQL and Kafka, where that process has all
roles, the same event is produced to its topic; the time begins when the producer gets it. The time ends when a stub of
QuickBooks, also a process, has the whole request; all use the machine's clock. Nothing else runs meanwhile, and a pause
before each contract keeps the requests within QuickBooks' limits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import httpx
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import servers, stores, story, streams, stub
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured, percentile
from benchmarks.stores import CLOCK, REALM
from benchmarks.story import BEGINNING, WORKSPACE, Message
from events.clock import SystemEntropy
from events.contract import catalog
from events.database.port import Database
from worker.commands.table import commands
from worker.demo import stage
from worker.docusign.connect import read_message
from worker.kafka import topics
from worker.kafka.messages import encode
from worker.quickbooks import tokens
from worker.quickbooks.gateway import open_gateway
from worker.quickbooks.oauth import TokenSet
from worker.runtime.environment import Environment
from worker.runtime.installed import token_keys
from worker.runtime.vault import Vault
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope
from worker.services import open_database
from worker.workspaces import api_tokens

DEALS = 30
DEALS_PREPARED = 800
PAUSE_SECONDS = 0.15
LOOK_SECONDS = 0.02
ARRIVAL_SECONDS_MAX = 20.0

Sign = Callable[[Envelope], Awaitable[float]]


class DoorRefused(Exception):
    """The door refused a contract; the message is its answer."""


class Ready(Struct, frozen=True):
    """A database whose deals wait only for their signatures."""

    envelopes: Iterator[Envelope]
    docusign_key: str
    token: str


@asynccontextmanager
async def _embedded(directory: Path) -> AsyncIterator[Contenders]:
    async with stub.running() as url:
        port = stage.free_port()
        environment = streams.environment(
            database_url=f"sqlite:///{directory / 'ours.sqlite3'}", **quickbooks(url)
        )
        ready = await prepared(environment)

        async def sign(envelope: Envelope) -> float:
            body = completed(envelope)
            headers = docusign.signature_headers(body, [ready.docusign_key])
            return await posted(port, f"/webhooks/docusign/{WORKSPACE}", headers, body)

        async with worker(directory, environment, port):
            yield Contenders(ours=lambda: _latencies(url, ready.envelopes, sign))


@asynccontextmanager
async def _through_kafka(directory: Path) -> AsyncIterator[Contenders]:
    with servers.kafka(directory) as broker, servers.postgres(directory) as server:
        async with stub.running() as url:
            environment = streams.environment(
                database_url=server.create_database("ours"), kafka_url=broker.url, **quickbooks(url)
            )
            await topics.apply(environment)
            ready = await prepared(environment)
            producer = AIOKafkaProducer(bootstrap_servers=environment.kafka_brokers, acks="all")

            async def sign(envelope: Envelope) -> float:
                body = completed(envelope)
                event = read_message(body, workspace=WORKSPACE)
                message = encode(event, environment.topic(catalog.CONTRACTS))
                began = perf_counter()
                await producer.send_and_wait(
                    message.topic, message.value, message.key, headers=list(message.headers)
                )
                return began

            async with worker(directory, environment, stage.free_port()), producer:
                yield Contenders(ours=lambda: _latencies(url, ready.envelopes, sign))


async def _latencies(quickbooks: str, envelopes: Iterator[Envelope], sign: Sign) -> Measured:
    """Sign one deal after another; return the times until their requests arrived, in milliseconds."""
    milliseconds = []
    async with httpx.AsyncClient(base_url=quickbooks) as http:
        for _ in range(DEALS):
            before = len(await arrivals_of(http))
            signed_at = await sign(next(envelopes))
            await asyncio.sleep(PAUSE_SECONDS)
            async with asyncio.timeout(ARRIVAL_SECONDS_MAX):
                while len(arrivals := await arrivals_of(http)) <= before:  # noqa: ASYNC110 - another process counts them
                    await asyncio.sleep(LOOK_SECONDS)
            milliseconds.append((arrivals[before] - signed_at) * 1000)
    return {"p50": percentile(milliseconds, 50), "p99": percentile(milliseconds, 99)}


def completed(envelope: Envelope) -> bytes:
    """Write DocuSign's message about a completed envelope."""
    now = CLOCK.now()
    return docusign.message(replace(envelope, completed_at=now), "completed", now)


async def arrivals_of(http: httpx.AsyncClient) -> list[float]:
    """Return the arrival times of the requests, from the stub."""
    arrivals: list[float] = (await http.get("/arrivals")).json()
    return arrivals


async def posted(port: int, path: str, headers: dict[str, str], body: bytes) -> float:
    """Post on a new connection; return the time of the first byte."""
    named = {**headers, "host": stage.HOST, "content-length": str(len(body)), "connection": "close"}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    request = "\r\n".join(lines).encode() + body
    reader, writer = await asyncio.open_connection(stage.HOST, port)
    began = perf_counter()
    writer.write(request)
    answer = await reader.read()
    writer.close()
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise DoorRefused(answer.decode(errors="replace"))
    return began


@asynccontextmanager
async def worker(directory: Path, environment: Environment, port: int) -> AsyncIterator[None]:
    """Run `q2c up` as a process."""
    worker = stage.Worker(directory, streams.variables(environment), port)
    await worker.start()
    try:
        yield
    finally:
        await worker.stop()


async def prepared(environment: Environment, deals: int = DEALS_PREPARED) -> Ready:
    """Connect QuickBooks and bring many deals up to their signature, before any worker runs."""
    database, vault = open_database(environment), Vault(token_keys(environment), SystemEntropy())
    try:
        await stores.prepare(database)
        token = api_tokens.new(SystemEntropy())
        docusign_key = await database.transaction(streams.add_workspace, vault, token)
        await _grant(environment, database, vault)
        before, envelopes = _waiting(deals)
        await stores.receive(database, [each.structured for each in before])
        await stores.follow(database)
        await database.transaction(_nothing_due)
    finally:
        await database.close()
    return Ready(iter(envelopes), docusign_key, token)


async def _grant(environment: Environment, database: Database, vault: Vault) -> None:
    """Store a valid token, as a consent would."""
    entropy, until = SystemEntropy(), CLOCK.now() + timedelta(days=1)
    granted = TokenSet("t" * 900, "refresh", until, until)
    async with open_gateway(environment, database, CLOCK, entropy, vault) as gateway:
        sealed = gateway.tokens.seal(REALM, granted)
    await database.transaction(
        tokens.put, realm=REALM, workspace=WORKSPACE, sealed=sealed, of=granted, now=CLOCK.now()
    )


def _waiting(deals: int) -> tuple[list[Message], list[Envelope]]:
    """Return the messages of deals up to their signature, and their contracts."""
    before: list[Message] = []
    envelopes: list[Envelope] = []
    for each in story.flow():
        kind, subject = each.attributes["type"], each.attributes["subject"]
        if kind == catalog.CONTRACT_SIGNED:
            envelopes.append(envelope_of(subject))
            if len(envelopes) == deals:
                return before, envelopes
        elif b'"closed_' not in each.data:
            before.append(each)
    raise AssertionError("A story has no end")


def envelope_of(deal_id: str) -> Envelope:
    """Return the contract of a deal of the story."""
    number = deal_id.removeprefix("D-")
    sent_at = BEGINNING + int(number) * story.STEP + story.STEP
    return Envelope(f"C-{number}", deal_id, "signer@customer.example", sent_at)


def _nothing_due(connection: sa.Connection) -> None:
    """Mark the first reading of the company as done, since the story has its result."""
    connection.execute(commands.update().values(status="done"))


def quickbooks(url: str) -> dict[str, object]:
    """Return the settings that lead to the stub."""
    return {
        "quickbooks_api_url": url,
        "quickbooks_discovery_url": url,
        "quickbooks_client_id": "client",
        "quickbooks_client_secret": "secret",
    }


def _figures(where: str, floor: float, aim: float) -> tuple[Figure, ...]:
    title = f"Signed contract to QuickBooks, {where}"
    return (
        Figure("p50", f"{title}, p50", "ms", (Goal("none", floor, aim, at_most=True),)),
        Figure("p99", f"{title}, p99", "ms"),
    )


EMBEDDED = Benchmark(
    name="signed-embedded",
    figures=_figures("embedded", 15, 5),
    open=_embedded,
    rounds=5,
)
KAFKA = Benchmark(
    name="signed-kafka",
    figures=_figures("through Kafka", 50, 20),
    open=_through_kafka,
    rounds=5,
)
