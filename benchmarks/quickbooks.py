"""The cost of one request to QuickBooks beyond the HTTP client's own work.

Both post the same invoice to the same stub on the loopback, one at a time over one keep-alive connection, with a bearer
token of 900 bytes. The bare client reads the answer and drops it. Ours gets the token, keeps the company's pace, logs and
counts the request, and parses the answer. Many companies take turns, so that pacing never delays a request.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from time import perf_counter

import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks import stub
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK
from events.clock import SystemEntropy
from events.database.sqlite import SqliteDatabase
from worker.migrations import schema
from worker.quickbooks import tokens
from worker.quickbooks.gateway import open_gateway
from worker.quickbooks.http import http_client
from worker.quickbooks.oauth import TokenSet
from worker.runtime.environment import Environment
from worker.runtime.installed import token_keys
from worker.runtime.vault import Vault

CALLS = 200
COMPANIES = 200
TOKEN = "t" * 900
BODY = b'{"Line":[' + b",".join([b'{"Amount":250.00,"DetailType":"SalesItemLineDetail"}'] * 4) + b"]}"


@asynccontextmanager
async def _open(directory: Path) -> AsyncIterator[Contenders]:
    async with stub.running() as url, _gateway_to(directory, url) as create, http_client(30) as http:
        realms = cycle(f"realm-{number}" for number in range(COMPANIES))

        async def bare(realm: str) -> None:
            await http.post(
                f"{url}/v3/company/{realm}/invoice",
                params={"requestid": "r", "minorversion": "75"},
                content=BODY,
                headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
            )

        yield Contenders(
            ours=lambda: _timed(create, realms),
            limit=lambda: _timed(bare, realms),
        )


async def _timed(call: Callable[[str], Awaitable[object]], realms: "cycle[str]") -> Measured:
    await asyncio.sleep(0)
    started = perf_counter()
    for _ in range(CALLS):
        await call(next(realms))
    return {"call": (perf_counter() - started) / CALLS * 1000}


@asynccontextmanager
async def _gateway_to(directory: Path, url: str) -> AsyncIterator[Callable[[str], Awaitable[object]]]:
    """Open our client on the stub, with a valid token for each company."""
    environment = Environment(
        database_url=f"sqlite:///{directory / 'ours.sqlite3'}",
        quickbooks_api_url=url,
        quickbooks_client_id="client",
        quickbooks_client_secret=SecretStr("secret"),
    )
    database, entropy = SqliteDatabase(environment.database_path), SystemEntropy()
    vault = Vault(token_keys(environment), entropy)
    until = CLOCK.now() + timedelta(days=1)
    granted = TokenSet(TOKEN, "refresh", until, until)
    try:
        await database.transaction(schema.migrate)
        async with open_gateway(environment, database, CLOCK, entropy, vault) as gateway:
            sealed = {f"realm-{n}": gateway.tokens.seal(f"realm-{n}", granted) for n in range(COMPANIES)}
            await database.transaction(_put, sealed, granted)
            yield lambda realm: gateway.client.write(realm, "Invoice", BODY, "r")
    finally:
        await database.close()


def _put(connection: sa.Connection, sealed: dict[str, bytes], granted: TokenSet) -> None:
    for realm, secret in sealed.items():
        tokens.put(connection, realm=realm, workspace=realm, sealed=secret, of=granted, now=CLOCK.now())


CALL = Benchmark(
    name="quickbooks-call",
    figures=(Figure("call", "One call to QuickBooks", "ms", (Goal("limit", 1.15, 1.05, at_most=True),)),),
    open=_open,
    limit="httpx alone",
)
