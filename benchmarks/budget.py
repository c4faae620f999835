"""QuickBooks' budget: the used share of a company's rate limit while a backlog is carried out.

On virtual time, so that it is exact and fast: the shipped dispatcher, client and pacing run against a QuickBooks that
counts requests as they arrive, and refuses requests beyond 10 in a second, 500 in a minute or 10 at once, the strictest
reading of its limits. A request takes a quarter of a second to arrive: all the same time, or each a different one within a
tenth of a second around it, as on a real network. The database's time is left out: it is far shorter.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random

import httpx
import msgspec
from pydantic import SecretStr

from benchmarks import commands, streams, stub
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import HOLDER
from benchmarks.story import BEGINNING
from events.clock import Clock
from events.database.sqlite import InlineDatabase
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.migrations import schema
from worker.quickbooks import tokens
from worker.quickbooks.gateway import open_gateway
from worker.quickbooks.oauth import TokenSet
from worker.runtime.installed import token_keys
from worker.runtime.vault import Vault
from worker.runtime.wake import Wake
from worker.sandbox import faults
from worker.simulation.loop import SimulationLoop
from worker.simulation.ports import SeededEntropy, SimulatedClock

MINUTES = 2
WRITES_A_MINUTE = 500
WINDOWS = ((10, 1.0), (WRITES_A_MINUTE, 60.0))
AT_ONCE_MAX = 10
BACKLOG = MINUTES * WRITES_A_MINUTE + 100
REALM = "realm-0"
STEADY_SECONDS, VARIED_SECONDS = (0.25, 0.25), (0.2, 0.3)


class Limited(httpx.AsyncBaseTransport):
    """A QuickBooks that applies every request within its limits."""

    def __init__(self, clock: Clock, random: Random, travel_seconds: tuple[float, float]) -> None:
        self._clock = clock
        self._random = random
        self._travel_seconds = travel_seconds
        self._arrivals: deque[float] = deque(maxlen=WRITES_A_MINUTE)
        self._numbers = count(1)
        self._present = 0
        self.written = 0
        self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deliver a request, and answer it."""
        self._present += 1
        try:
            await self._clock.sleep(self._random.uniform(*self._travel_seconds))
            return self._answer(request)
        finally:
            self._present -= 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        now = self._clock.monotonic()
        if self._present > AT_ONCE_MAX or any(self._is_full(limit, now - span) for limit, span in WINDOWS):
            self.refused += 1
            fault = faults.throttled()
            return httpx.Response(fault.status, json=fault.body(str(now)), request=request)
        self._arrivals.append(now)
        self.written += 1
        invoice = {"Invoice": {**stub.INVOICE["Invoice"], "Id": str(next(self._numbers))}}
        return httpx.Response(200, content=msgspec.json.encode(invoice), request=request)

    def _is_full(self, limit: int, since: float) -> bool:
        return len(self._arrivals) >= limit and self._arrivals[-limit] > since


@asynccontextmanager
async def _open(directory: Path) -> AsyncIterator[Contenders]:
    rounds = count(1)

    async def ours() -> Measured:
        seed = next(rounds)
        steady = await asyncio.to_thread(
            _simulated, directory / f"{seed}-steady.sqlite3", seed, STEADY_SECONDS
        )
        varied = await asyncio.to_thread(
            _simulated, directory / f"{seed}-varied.sqlite3", seed, VARIED_SECONDS
        )
        return {**steady, **{f"varied_{key}": value for key, value in varied.items()}}

    yield Contenders(ours=ours)


def _simulated(path: Path, seed: int, travel_seconds: tuple[float, float]) -> Measured:
    random = Random(seed)  # noqa: S311 - a simulation repeats itself
    loop = SimulationLoop(random)
    return loop.run(_worked_off(loop, path, random, travel_seconds))


async def _worked_off(
    loop: SimulationLoop, path: Path, random: Random, travel_seconds: tuple[float, float]
) -> Measured:
    """Carry out a backlog for some minutes; return the figures."""
    clock, entropy = SimulatedClock(loop, BEGINNING), SeededEntropy()
    quickbooks = Limited(clock, random, travel_seconds)
    environment = streams.environment(
        quickbooks_client_id="client", quickbooks_client_secret=SecretStr("secret")
    )
    database, vault = InlineDatabase(path), Vault(token_keys(environment), entropy)
    until = clock.now() + timedelta(days=1)
    granted = TokenSet("token", "refresh", until, until)
    async with open_gateway(environment, database, clock, entropy, vault, transport=quickbooks) as gateway:
        await database.transaction(schema.migrate)
        await database.transaction(commands.connect, companies=1)
        sealed = gateway.tokens.seal(REALM, granted)
        await database.transaction(
            tokens.put, realm=REALM, workspace=REALM, sealed=sealed, of=granted, now=clock.now()
        )
        await database.transaction(commands.add, range(BACKLOG), clock.now(), companies=1)
        dispatcher = Dispatcher(database, clock, gateway.client, Timing(), Wake(), HOLDER)
        working = asyncio.create_task(dispatcher.run(asyncio.Event()))
        await asyncio.wait({working}, timeout=60 * MINUTES)
        written, refused = quickbooks.written, quickbooks.refused
        working.cancel()
    await database.close()
    return {
        "share": written / (WRITES_A_MINUTE * MINUTES),
        "accepted": written / (written + refused),
    }


def _figures(key: str, where: str) -> tuple[Figure, ...]:
    return (
        Figure(
            f"{key}share",
            f"QuickBooks' budget used under a backlog, {where}",
            "of 500 a minute",
            (Goal("none", 0.95, 0.99),),
        ),
        Figure(f"{key}accepted", f"Requests not refused by 429, {where}", "of all", (Goal("none", 1),)),
    )


BUDGET = Benchmark(
    name="budget",
    figures=(*_figures("", "a steady network"), *_figures("varied_", "a varying network")),
    open=_open,
    rounds=1,
)
