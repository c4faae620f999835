"""A signed contract, until the request for its invoice is on the wire to QuickBooks, beside the first read of a large company.

As in `benchmarks.fairness`, one workspace signs contracts one after the other. Meanwhile another workspace is connected to a
company of 100,000 customers (`benchmarks.large_company`), each of which becomes an event that every subscription handles. The
limit is the same time without a first read. The objects a second are those of the whole read, which yields to the contracts
while they are signed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import perf_counter

import sqlalchemy as sa

from benchmarks import fairness, large_company, signed, story, streams, stub
from benchmarks.fairness import Tenant
from benchmarks.large_company import CUSTOMERS
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK
from events.clock import SystemEntropy
from events.contract import catalog
from events.contract.administration import ConnectionAuthorized
from events.contract.envelope import own_event
from events.database.port import Database
from events.log import log
from worker.demo import stage
from worker.quickbooks import tokens
from worker.quickbooks.gateway import open_gateway
from worker.quickbooks.oauth import TokenSet
from worker.runtime.environment import Environment
from worker.runtime.installed import token_keys
from worker.runtime.vault import Vault
from worker.services import open_database
from worker.sync.tables import observed, sync_companies
from worker.workspaces import api_tokens, tenants

SECONDS = 30.0  # shorter than a first read
LOOK_SECONDS = 0.2
READ_SECONDS_MAX = 900.0


class NotAllRead(Exception):
    """The company was read otherwise than it should be, so that the figures would mean nothing."""


def _opening(database: fairness.Open) -> Callable[[Path], AbstractAsyncContextManager[Contenders]]:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Contenders]:
        with database(directory) as url:
            async with stub.running() as quickbooks:
                environment = streams.environment(database_url=url, **signed.quickbooks(quickbooks))
                ready = await signed.prepared(environment, deals=1)
                tenant = Tenant(ready, story.sales(fairness.FIRST_DEAL), quickbooks, stage.free_port(), 0)
                numbers = count(1)
                read = open_database(environment)
                try:
                    async with signed.worker(directory, environment, tenant.port):

                        async def beside() -> Measured:
                            return await _beside(tenant, environment, read, next(numbers))

                        async def alone() -> Measured:
                            found = await fairness.latencies(tenant, perf_counter() + SECONDS)
                            return fairness.spread(found)

                        yield Contenders(ours=beside, limit=alone)
                finally:
                    await read.close()

    return opened


async def _beside(tenant: Tenant, environment: Environment, database: Database, number: int) -> Measured:
    realm = f"{large_company.REALMS}{number:014}"
    await _connect(environment, database, f"large-{number}", realm)
    await _until(database, realm, sync_companies.c.mode.is_not(None))
    began = perf_counter()
    milliseconds = await fairness.latencies(tenant, began + SECONDS)
    beside = await database.read(_observed, realm)
    await _until(database, realm, sync_companies.c.last_sync.is_not(None))
    seconds = perf_counter() - began
    found = await database.read(_observed, realm)
    if found != CUSTOMERS or beside == CUSTOMERS:
        raise NotAllRead(f"{beside} of {CUSTOMERS} customers beside the contracts, {found} in the end")
    return {
        **fairness.spread(milliseconds),
        "signed": float(len(milliseconds)),
        "beside": beside / SECONDS,
        "objects": CUSTOMERS / seconds,
    }


async def _connect(environment: Environment, database: Database, workspace: str, realm: str) -> None:
    """Connect a new workspace to a company, as a consent does."""
    entropy, until = SystemEntropy(), CLOCK.now() + timedelta(days=1)
    vault = Vault(token_keys(environment), entropy)
    granted = TokenSet("t" * 900, "refresh", until, until)
    async with open_gateway(environment, database, CLOCK, entropy, vault) as gateway:
        sealed = gateway.tokens.seal(realm, granted)

    def store(connection: sa.Connection) -> None:
        now = CLOCK.now()
        tenants.add(connection, workspace, api_tokens.new(entropy), now)
        tokens.put(connection, realm=realm, workspace=workspace, sealed=sealed, of=granted, now=now)
        event = own_event(
            catalog.CONNECTION_AUTHORIZED,
            ConnectionAuthorized(realm, now),
            workspace=workspace,
            source="urn:coeffection:benchmark",
            time=now,
            id=realm,
        )
        log.append_own(connection, [event], now)

    await database.transaction(store)


async def _until(database: Database, realm: str, condition: sa.ColumnElement[bool]) -> None:
    """Wait until the sync of a company is in a state."""
    asked = sa.select(sync_companies.c.realm).where(sync_companies.c.realm == realm, condition)
    async with asyncio.timeout(READ_SECONDS_MAX):
        while await database.read(lambda connection: connection.scalar(asked)) is None:  # noqa: ASYNC110 - another process works
            await asyncio.sleep(LOOK_SECONDS)


def _observed(connection: sa.Connection, realm: str) -> int:
    counted = sa.select(sa.func.count()).where(observed.c.realm == realm, observed.c.entity == "Customer")
    return connection.scalar(counted) or 0


def _figures(where: str) -> tuple[Figure, ...]:
    title = f"Signed contract to QuickBooks beside a first read of 100,000 customers, {where}"
    return (
        Figure("p95", f"{title}, p95", "ms", (Goal("limit", 10, at_most=True),)),
        Figure("p50", f"{title}, p50", "ms"),
        Figure("max", f"{title}, longest", "ms"),
        Figure("signed", f"{title}: contracts in a turn", "contracts"),
        Figure("beside", f"{title}: customers observed meanwhile", "a second"),
        Figure("objects", f"{title}: customers observed, until the last", "a second"),
    )


SQLITE = Benchmark(
    name="first-read-sqlite",
    figures=_figures("SQLite"),
    open=_opening(fairness.on_sqlite),
    limit="alone",
    rounds=2,
)
POSTGRES = Benchmark(
    name="first-read-postgres",
    figures=_figures("PostgreSQL"),
    open=_opening(fairness.on_postgres),
    limit="alone",
    rounds=2,
)
