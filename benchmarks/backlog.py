"""A backlog of invoices: the used share of the 500 requests a minute that QuickBooks takes for a company.

The shipped dispatcher and client work on a sandbox with QuickBooks' limits, on its virtual clock, for three minutes. Either
every command was decided just now, and is only sent; or all waited for twenty minutes, as after an outage, and each is
looked up before it is sent. An invoice is a request, and a batch of up to 30 look-ups is one. An answer takes a quarter of
a second. The database's time is left out: it is far shorter.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import httpx
import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks import commands, streams
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import HOLDER
from benchmarks.story import BEGINNING
from events.contract import catalog
from events.contract.administration import ConnectionAuthorized
from events.contract.envelope import own_event
from events.database.sqlite import InlineDatabase
from worker.commands import table
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.commands.identity import CommandKey, marker, request_id
from worker.commands.table import NewCommand, Realm
from worker.migrations import schema
from worker.quickbooks import tokens
from worker.quickbooks.gateway import Gateway, open_gateway
from worker.runtime.installed import token_keys
from worker.runtime.vault import Vault
from worker.runtime.wake import Wake
from worker.sandbox.failing.throttles import Limits
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.openings.plausible import Amounts
from worker.sandbox.service import Sandbox
from worker.sandbox.transport import SandboxTransport
from worker.simulation.loop import SimulationLoop
from worker.simulation.ports import SeededEntropy, SimulatedClock

MINUTES = 3
A_MINUTE = 500
BACKLOG = 2_000  # more than can be sent; SQLite ranks all of them at each claim
CUSTOMERS = 500
WAITED = timedelta(minutes=20)
ANSWER_SECONDS = 0.25
STEPS_MAX = 2_000_000
WORKSPACE = "backlog"
CALLBACK = "https://worker.test/oauth/quickbooks/callback"


@asynccontextmanager
async def _open(directory: Path) -> AsyncIterator[Contenders]:
    rounds = count(1)

    async def ours() -> Measured:
        seed = next(rounds)
        fresh = await asyncio.to_thread(_simulated, directory / f"{seed}-fresh.sqlite3", seed, timedelta(0))
        waited = await asyncio.to_thread(_simulated, directory / f"{seed}-waited.sqlite3", seed, WAITED)
        return {**fresh, **{f"looked_up_{key}": value for key, value in waited.items()}}

    yield Contenders(ours=ours)


def _simulated(path: Path, seed: int, waited: timedelta) -> Measured:
    loop = SimulationLoop(Random(seed), STEPS_MAX)  # noqa: S311 - a simulation repeats itself
    return loop.run(_worked_off(loop, path, waited))


async def _worked_off(loop: SimulationLoop, path: Path, waited: timedelta) -> Measured:
    """Carry out a backlog for some minutes; return the figures."""
    clock, entropy = SimulatedClock(loop, BEGINNING), SeededEntropy()
    sandbox = Sandbox(
        clock,
        books=Amounts(customers=CUSTOMERS, items=1),
        limits=Limits(),
        plan=Plan(latency_seconds=ANSWER_SECONDS),
    )
    environment = streams.environment(
        quickbooks_discovery_url="https://sandbox.test/.well-known/openid_sandbox_configuration",
        quickbooks_client_id=sandbox.oauth.client_id,
        quickbooks_client_secret=SecretStr(sandbox.oauth.client_secret),
    )
    database, vault = InlineDatabase(path), Vault(token_keys(environment), entropy)
    [realm] = sandbox.companies
    transport = SandboxTransport(sandbox, clock)
    async with open_gateway(environment, database, clock, entropy, vault, transport=transport) as gateway:
        await database.transaction(schema.migrate)
        await database.transaction(table.put_realm, Realm(realm, WORKSPACE, True, False, "UTC"))
        await _connect(gateway, database, sandbox, clock, realm)
        customers = [row["Id"] for row in sandbox.companies[realm].books()["Customer"]]
        await database.transaction(_add, realm, customers, clock, waited)
        dispatcher = Dispatcher(database, clock, gateway.client, Timing(), Wake(), HOLDER)
        before = len(sandbox.companies[realm].objects["Invoice"])
        working = asyncio.create_task(dispatcher.run(asyncio.Event()))
        await asyncio.wait({working}, timeout=60 * MINUTES)
        written = len(sandbox.companies[realm].objects["Invoice"]) - before
        working.cancel()
        await asyncio.wait({working})
    await database.close()
    return {"share": written / (A_MINUTE * MINUTES), "refused": sandbox.throttle.refused.total()}


async def _connect(
    gateway: Gateway, database: InlineDatabase, sandbox: Sandbox, clock: SimulatedClock, realm: str
) -> None:
    """Consent as a browser does."""
    address = await gateway.oauth.authorize_url(CALLBACK, "state")
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox, clock)) as browser:
        answer = await browser.post(address, data={"realm": realm, "decision": "allow"})
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    granted = await gateway.oauth.exchange(code, CALLBACK)
    sealed = gateway.tokens.seal(realm, granted)
    await database.transaction(
        tokens.put, realm=realm, workspace=WORKSPACE, sealed=sealed, of=granted, now=clock.now()
    )


def _add(
    connection: sa.Connection, realm: str, customers: list[str], clock: SimulatedClock, waited: timedelta
) -> None:
    """Add the commands of many deals, decided some time ago."""
    now, made = clock.now(), []
    for number in range(BACKLOG):
        key = CommandKey(WORKSPACE, f"deal/D-{number}", "create_invoice", 0, 1)
        request = request_id(realm, key)
        body = {
            "CustomerRef": {"value": customers[number % len(customers)]},
            "PrivateNote": marker(request),
            "Line": json.loads(commands.BODY)["Line"],
        }
        cause = own_event(
            catalog.CONNECTION_AUTHORIZED,
            ConnectionAuthorized(realm, now),
            workspace=WORKSPACE,
            source="urn:coeffection:benchmark",
            time=now - waited,
            id=f"cause-{number}",
        )
        made.append((NewCommand(key, realm, request, json.dumps(body)), cause))
    table.add(connection, made, now)


def _figures(key: str, where: str, floor: float) -> tuple[Figure, ...]:
    return (
        Figure(f"{key}share", f"Invoices a minute from a backlog, {where}", "of 500", (Goal("none", floor),)),
        Figure(
            f"{key}refused",
            f"Requests refused by 429, {where}",
            "requests",
            (Goal("none", 0, at_most=True),),
        ),
    )


BACKLOG_OF_INVOICES = Benchmark(
    name="backlog",
    figures=(
        *_figures("", "just decided", 0.95),
        *_figures("looked_up_", "each looked up before it is sent", 0.93),
    ),
    open=_open,
    rounds=1,
)
