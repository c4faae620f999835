"""A signed contract, until the request for its invoice is on the wire to QuickBooks, alone and beside neighbours.

The shipped worker runs (`q2c up`) as a separate process, without Kafka. One workspace signs contracts one after the other
for a minute: for each, its account's new snapshot, the deal's draft and the sent quote are posted as one batch, the
contract as DocuSign's message a moment later, on a new connection. Customers and products are mapped before. The time runs
from the first byte of that message until a stub of QuickBooks has the whole request.

The limit is the same minute without other workspaces. For the other figures, five workspaces post drafts at exactly their
tokens' rate limit, alone and in batches (`benchmarks.neighbours`). Once a second, the distance of the slowest subscription
from the head is read: if it grows, another minute would have been slower.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from time import perf_counter

import httpx
from msgspec import Struct

from benchmarks import neighbours, servers, signed, story, streams, stub
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured, percentile
from benchmarks.signed import Ready
from benchmarks.stores import CLOCK
from benchmarks.story import WORKSPACE, Message
from events.clock import SystemEntropy
from worker.demo import stage
from worker.runtime.environment import Environment
from worker.sandbox.webhooks import docusign
from worker.services import open_database
from worker.workspaces import api_tokens, tenants

NEIGHBOURS = 5
FIRST_DEAL = 1_000_000  # beyond the numbers of the prepared deals
SECONDS = 60.0
PAUSE_SECONDS = 0.2  # QuickBooks allows 500 requests a minute
LOOK_SECONDS = 0.02
SAMPLE_SECONDS = 1.0
ARRIVAL_SECONDS_MAX = 120.0
DRAIN_SECONDS_MAX = 600.0
PERCENTILES = {"p50": 50, "p95": 95, "max": 100}

Open = Callable[[Path], AbstractContextManager[str]]


class Tenant(Struct, frozen=True):
    """The measured workspace.

    Attributes:
        ready: Its signing key and its token.
        deals: Its deals, one after the other.
        quickbooks: The stub's URL.
        port: The port of the worker's front door.
        ops_port: The worker's metrics port, which reports how far each subscription is behind.
    """

    ready: Ready
    deals: Iterator[tuple[str, list[Message]]]
    quickbooks: str
    port: int
    ops_port: int


class Behind(Struct):
    """Samples of how many events the slowest subscription is behind the head."""

    samples: list[int]

    @property
    def growth(self) -> float:
        """The average of the last third minus that of the first; about 0 if the worker keeps up."""
        third = max(len(self.samples) // 3, 1)
        first, last = self.samples[:third], self.samples[-third:]
        return sum(last) / len(last) - sum(first) / len(first)


def _opening(database: Open) -> Callable[[Path], AbstractAsyncContextManager[Contenders]]:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Contenders]:
        with database(directory) as url:
            async with stub.running() as quickbooks:
                ops_port = stage.free_port()
                settings = {**signed.quickbooks(quickbooks), "metrics_port": ops_port}
                environment = streams.environment(database_url=url, **settings)
                ready = await signed.prepared(environment, deals=1)
                tokens = await add_neighbours(environment)
                tenant = Tenant(ready, story.sales(FIRST_DEAL), quickbooks, stage.free_port(), ops_port)
                async with signed.worker(directory, environment, tenant.port):

                    async def beside() -> Measured:
                        return await _beside(tenant, tokens)

                    async def alone() -> Measured:
                        return spread(await latencies(tenant, perf_counter() + SECONDS))

                    yield Contenders(ours=beside, limit=alone)

    return opened


@contextmanager
def on_sqlite(directory: Path) -> Iterator[str]:
    """Yield the URL of a SQLite file."""
    yield f"sqlite:///{directory / 'ours.sqlite3'}"


@contextmanager
def on_postgres(directory: Path) -> Iterator[str]:
    """Start a PostgreSQL server; yield the URL of an empty database."""
    with servers.postgres(directory) as server:
        yield server.create_database("ours")


async def add_neighbours(environment: Environment) -> list[str]:
    """Add the other workspaces; return their tokens."""
    database, entropy = open_database(environment), SystemEntropy()
    tokens = [api_tokens.new(entropy) for _ in range(NEIGHBOURS)]
    try:
        for number, token in enumerate(tokens):
            await database.transaction(tenants.add, f"neighbour-{number}", token, CLOCK.now())
    finally:
        await database.close()
    return tokens


async def _beside(tenant: Tenant, tokens: list[str]) -> Measured:
    """Sign contracts while the neighbours post, then let the worker catch up with the remaining events."""
    sampled = Behind([])
    ops = httpx.AsyncClient(base_url=f"http://{stage.HOST}:{tenant.ops_port}")
    async with neighbours.running(tenant.port, SECONDS, tokens) as others, ops, asyncio.TaskGroup() as work:
        sampling = work.create_task(_sample(ops, sampled))
        milliseconds = await latencies(tenant, perf_counter() + SECONDS)
        sent = await neighbours.ended(others)
        sampling.cancel()
        drained = await _drained(ops)
    return {
        **spread(milliseconds),
        "taken": sent.rate,
        "limited": float(sent.limited),
        "refused": float(sent.refused),
        "behind": float(max(sampled.samples, default=0)),
        "growth": sampled.growth,
        "drained": drained,
        "signed": float(len(milliseconds)),
    }


def spread(milliseconds: list[float]) -> Measured:
    """Return the percentiles of latencies."""
    return {name: percentile(milliseconds, percent) for name, percent in PERCENTILES.items()}


async def latencies(tenant: Tenant, until: float) -> list[float]:
    """Sign one deal after another; return how long each took until its request was there, in milliseconds."""
    milliseconds = []
    async with httpx.AsyncClient(base_url=tenant.quickbooks) as quickbooks, _client(tenant) as door:
        while perf_counter() < until:
            before = len(await signed.arrivals_of(quickbooks))
            deal_id, messages = next(tenant.deals)
            (await door.post("/events", content=_batch(messages))).raise_for_status()
            await asyncio.sleep(PAUSE_SECONDS)
            body = signed.completed(signed.envelope_of(deal_id))
            headers = docusign.signature_headers(body, [tenant.ready.docusign_key])
            began = await signed.posted(tenant.port, f"/webhooks/docusign/{WORKSPACE}", headers, body)
            async with asyncio.timeout(ARRIVAL_SECONDS_MAX):
                while len(arrivals := await signed.arrivals_of(quickbooks)) <= before:  # noqa: ASYNC110 - another process has them
                    await asyncio.sleep(LOOK_SECONDS)
            milliseconds.append((arrivals[before] - began) * 1000)
    return milliseconds


def _batch(messages: list[Message]) -> bytes:
    return b"[" + b",".join(message.structured for message in messages) + b"]"


def _client(tenant: Tenant) -> httpx.AsyncClient:
    headers = {
        "authorization": f"Bearer {tenant.ready.token}",
        "content-type": "application/cloudevents-batch+json",
    }
    return httpx.AsyncClient(base_url=f"http://{stage.HOST}:{tenant.port}", headers=headers, timeout=60)


async def _sample(http: httpx.AsyncClient, behind: Behind) -> None:
    while True:
        behind.samples.append(await _most_behind(http))
        await asyncio.sleep(SAMPLE_SECONDS)


async def _most_behind(http: httpx.AsyncClient) -> int:
    found: dict[str, int] = (await http.get("/readyz")).json()["behind"]
    return max(found.values(), default=0)


async def _drained(http: httpx.AsyncClient) -> float:
    """Wait until every subscription is at the head; return the seconds that it took."""
    began = perf_counter()
    async with asyncio.timeout(DRAIN_SECONDS_MAX):
        while await _most_behind(http):  # noqa: ASYNC110 - another process has them
            await asyncio.sleep(SAMPLE_SECONDS)
    return perf_counter() - began


def _figures(where: str) -> tuple[Figure, ...]:
    title = f"Signed contract to QuickBooks beside five at their rate limit, {where}"
    return (
        Figure("p95", f"{title}, p95", "ms", (Goal("limit", 10, at_most=True),)),
        Figure("p50", f"{title}, p50", "ms"),
        Figure("max", f"{title}, longest", "ms"),
        Figure("signed", f"{title}: contracts in a turn", "contracts"),
        Figure("taken", f"{title}: drafts of the five taken", "events/s", (Goal("none", 950),)),
        Figure("limited", f"{title}: drafts refused by 429", "events"),
        Figure("refused", f"{title}: drafts refused otherwise", "events"),
        Figure("behind", f"{title}: slowest subscription behind at most", "events"),
        Figure("growth", f"{title}: further behind in the last third than in the first", "events"),
        Figure("drained", f"{title}: caught up after the end", "s"),
    )


SQLITE = Benchmark(
    name="fairness-sqlite",
    figures=_figures("SQLite"),
    open=_opening(on_sqlite),
    limit="alone",
    rounds=2,
)
POSTGRES = Benchmark(
    name="fairness-postgres",
    figures=_figures("PostgreSQL"),
    open=_opening(on_postgres),
    limit="alone",
    rounds=2,
)
