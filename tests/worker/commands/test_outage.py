"""QuickBooks does not answer for one company for an hour: few requests try, nothing is created twice, no other waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace

from events.contract.envelope import from_structured
from events.contract.json import encode
from tests import stories
from tests.world import World, open_world
from worker.commands import standing, table
from worker.commands.dispatcher import SLOTS_PER_REALM
from worker.commands.identity import CommandKey, marker, request_id
from worker.commands.table import NewCommand, commands
from worker.quickbooks.gateway import open_gateway
from worker.quickbooks.pacing import CONCURRENT_MAX, FAILURES_MAX
from worker.sandbox.transport import SandboxTransport

OUTAGE_SECONDS = 3600
# Those that ran when the last of the first failures came, then one after each pause: 5 to 160 s, and every 5 minutes.
REQUESTS_MAX = CONCURRENT_MAX + FAILURES_MAX + 6 + OUTAGE_SECONDS // 300
BACK_SECONDS_MAX = 900
POLL_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
Failing = Literal["no connection", "no answer", "503"]


class Network:
    """The way to QuickBooks: requests of one company fail while it is down, and every second write is applied all the same."""

    def __init__(self, world: World, failing: Failing) -> None:
        self.world = world
        self.failing = failing
        self.down: str | None = None
        self.requests = 0
        self.created_at: dict[str, float] = {}
        self.whole = SandboxTransport.handle_async_request

    async def carry(self, transport: SandboxTransport, request: httpx.Request) -> httpx.Response:
        if self.down is None or f"/company/{self.down}/" not in request.url.path:
            answer = await self.whole(transport, request)
            if request.method == "POST" and "/invoice" in request.url.path:
                self.created_at[request.url.params["requestid"]] = self.world.clock.monotonic()
            return answer
        self.requests += 1
        if self.failing == "no connection":
            raise httpx.ConnectError("refused", request=request)
        if self.requests % 2:
            await self.whole(transport, request)
        if self.failing == "503":
            return httpx.Response(503, request=request)
        await self.world.clock.sleep(PATIENCE_SECONDS)
        raise httpx.ReadTimeout("No answer in time", request=request)


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncIterator[World]:
    """Two workspaces, each with its company."""
    async with open_world(tmp_path, kinds=("us", "us-ast")) as world:
        for workspace, realm in zip(("acme", "bolt"), world.sandbox.companies, strict=True):
            await world.add_workspace(workspace)
            await world.connect(workspace, realm)
        await world.settle()
        yield world


def add(connection: sa.Connection, world: World, workspace: str, realm: str, numbers: range) -> list[str]:
    """Command the invoices of deals; return the IDs of their requests."""
    now = world.clock.now()
    cause = from_structured(
        encode({**stories.account(), "time": now.isoformat()}).encode(), now=now, workspace=workspace
    )
    line = {
        "Amount": 10,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    made = []
    for number in numbers:
        key = CommandKey(workspace, f"deal/D-{number}", "create_invoice", 0, 1)
        request = request_id(realm, key)
        body = {"CustomerRef": {"value": "1"}, "PrivateNote": marker(request), "Line": [line]}
        made.append((NewCommand(key, realm, request, msgspec.json.encode(body).decode()), cause))
    table.add(connection, made, now)
    return [command.request_id for command, _ in made]


def left(connection: sa.Connection, workspace: str) -> int:
    is_left = sa.and_(commands.c.workspace == workspace, commands.c.status != "done")
    return connection.execute(sa.select(sa.func.count()).select_from(commands).where(is_left)).scalar_one()


class Process:
    """A process with the role `dispatch`, which is restarted from time to time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopping = asyncio.Event()
        self.running: asyncio.Task[None] | None = None
        self.opened = AsyncExitStack()

    async def start(self) -> None:
        services, self.stopping = self.world.services, asyncio.Event()
        gateway = await self.opened.enter_async_context(
            open_gateway(
                services.environment,
                services.database,
                services.clock,
                services.entropy,
                services.vault,
                transport=SandboxTransport(self.world.sandbox, services.clock),
            )
        )
        dispatcher = replace(self.world.dispatcher, client=gateway.client, poll_seconds=POLL_SECONDS)
        self.running = asyncio.create_task(dispatcher.run(self.stopping))

    async def stop(self) -> None:
        assert self.running is not None
        self.stopping.set()
        await self.running
        await self.opened.aclose()


@pytest.mark.parametrize(
    ("failing", "number", "restarted"),
    [("no answer", SLOTS_PER_REALM + 20, False), ("no connection", 20, False), ("503", 20, True)],
)
async def test_an_outage_of_one_company_costs_few_requests_and_delays_no_other(
    two: World, monkeypatch: pytest.MonkeyPatch, failing: Failing, number: int, *, restarted: bool
) -> None:
    network, process = Network(two, failing), Process(two)

    async def carried(transport: SandboxTransport, request: httpx.Request) -> httpx.Response:
        return await network.carry(transport, request)

    monkeypatch.setattr(SandboxTransport, "handle_async_request", carried)
    [acme, bolt] = two.sandbox.companies
    network.down = acme
    await two.services.database.transaction(add, two, "acme", acme, range(number))
    began = two.clock.monotonic()
    await process.start()
    asked: dict[str, float] = {}
    while two.clock.monotonic() < began + OUTAGE_SECONDS:
        [request] = await two.services.database.transaction(
            add, two, "bolt", bolt, range(len(asked), len(asked) + 1)
        )
        asked[request] = two.clock.monotonic()
        await two.clock.sleep(120)
        if restarted and len(asked) % 5 == 0:
            await process.stop()
            await process.start()
    assert FAILURES_MAX <= network.requests <= REQUESTS_MAX + (FAILURES_MAX * 6 if restarted else 0)
    await two.services.database.read(standing.measure)
    assert standing._paused._value.get() == 1
    network.down, back = None, two.clock.monotonic()
    while await two.services.database.read(left, "acme"):
        assert two.clock.monotonic() < back + BACK_SECONDS_MAX
        await two.clock.sleep(10)
    await process.stop()
    await two.services.database.read(standing.measure)
    assert standing._paused._value.get() == 0
    notes = Counter(invoice["PrivateNote"] for invoice in two.books(realm=acme))
    assert len(notes) == number
    assert set(notes.values()) == {1}
    waited = [network.created_at[request] - at for request, at in asked.items()]
    assert max(waited) <= POLL_SECONDS + 0.5, "as long as alone: until the dispatcher looks"
