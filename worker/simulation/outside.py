"""The CRM, DocuSign and admins of a simulation: they ask again until somebody answers."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

import worker.workspaces as workspaces_module
from events import catalog
from events.envelope import Event
from events.errors import DatabaseUnavailable
from events.intake import Record
from events.tables import log
from projections.deals import deals
from worker import connections
from worker.administration import Administration
from worker.connections import ConsentRefused
from worker.demo import doors, story
from worker.demo.story import Tale
from worker.docusign import keys
from worker.quickbooks.errors import QuickBooksError
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.oauth import GrantRefused
from worker.sandbox import docusign
from worker.sandbox.transport import SandboxTransport
from worker.services import Services
from worker.simulation.cluster import Cluster
from worker.simulation.plan import WORKSPACES, Plan, stale_draft
from worker.web import docusign as docusign_door
from worker.web import events as events_door

P = ParamSpec("P")
T = TypeVar("T")

AGAIN_SECONDS_MAX = 2.0
TRIES_MAX = 2000
SETTINGS = {
    "auto_invoice": "true",
    "income_account": "Services",
    "cut_over": "2026-01-01T00:00:00Z",
    "memo": "Deal {deal_id}: {deal_name}",
}
# Where a person who has looked asks for the invoice by hand.
TO_ORDER = ("period_closed", "rejected_by_quickbooks", "quickbooks_fails_at_it")
_PASSING = (
    ConnectionError,
    DatabaseUnavailable,
    QuickBooksError,
    ConsentRefused,
    GrantRefused,
    httpx.HTTPError,
)


class Asked(Struct, frozen=True):
    """What people are asked to do: connect QuickBooks anew, order the invoices that it refused."""

    to_connect: bool
    to_order: tuple[str, ...]


class Outside:
    """Everybody who talks to the worker.

    Attributes:
        acknowledged: Workspace, source and id of events that their sender was told are stored.
        actions: The positions of what admins did.
        poison: Useless messages that were answered as such.
        ended: How many grants of each workspace somebody ended.
    """

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self.cluster = cluster
        self.plan = plan
        self.random = Random(f"{cluster.seed}:outside")  # noqa: S311 - a simulation repeats itself
        self.realms = dict(zip(WORKSPACES, cluster.sandbox.companies, strict=True))
        self.acknowledged: set[tuple[str, str, str]] = set()
        self.actions: set[int] = set()
        self.poison: set[tuple[str, bytes]] = set()
        self.ended: Counter[str] = Counter()

    async def play(self, workspace: str) -> None:
        """Set a workspace up, and let its deals happen."""
        await self._insist(lambda services, _: _add_workspace(services, workspace))
        for key in self.cluster.sandbox.docusign_keys:
            await self._insist(partial(_add_docusign_key, workspace, key))
        await self.connect(workspace)
        await self.administer(workspace, Administration.change_settings, SETTINGS)
        tales = self.plan.tales[workspace]
        wanted = {tale.account_id for tale in tales}
        accounts = [account for account in story.accounts() if account["account_id"] in wanted]
        await self._send(workspace, [_crm("account.updated.v1", workspace, item) for item in accounts])
        await asyncio.gather(
            self._map(workspace, tales),
            self._poison(workspace),
            *(self._tell(workspace, tale) for tale in tales),
        )

    async def finish(self, workspace: str) -> None:
        """Lift whatever pause is left."""
        await self.administer(workspace, Administration.change_settings, {"paused": "false"})

    async def attend(self, workspace: str) -> None:
        """Put right what people are asked to put right."""
        asked = await self.asked(workspace)
        if asked.to_connect:
            await self.connect(workspace)
        for deal in asked.to_order:
            await self.administer(workspace, Administration.order_invoice, deal)

    async def asked(self, workspace: str) -> Asked:
        """Look what people are asked to put right; nobody orders an invoice while the books are closed."""
        asked = await self.cluster.store.read(_asked, workspace)
        company = self.cluster.sandbox.companies[self.realms[workspace]]
        return replace(asked, to_order=()) if company.traits.books_closed_until else asked

    def disconnect(self, workspace: str) -> None:
        """Click Disconnect in QuickBooks."""
        self.ended[workspace] += self.cluster.sandbox.oauth.disconnect(self.realms[workspace])

    def close_books(self, workspace: str) -> None:
        """Close a company's books for invoices of today."""
        self._change_books(workspace, (self.plan.start + timedelta(days=2)).date().isoformat())

    def open_books(self, workspace: str) -> None:
        """Open a company's books again."""
        self._change_books(workspace, None)

    def _change_books(self, workspace: str, closed_until: str | None) -> None:
        self.cluster.sandbox.change_traits(self.realms[workspace], {"books_closed_until": closed_until})

    async def connect(self, workspace: str) -> None:
        """Consent in a browser."""

        async def consent(services: Services, gateway: Gateway) -> None:
            url = await connections.begin(services, gateway.oauth, workspace)
            transport = SandboxTransport(self.cluster.sandbox, services.clock)
            async with httpx.AsyncClient(transport=transport) as browser:
                answer = await browser.post(url, data={"realm": self.realms[workspace], "decision": "allow"})
            query = parse_qs(urlsplit(answer.headers["location"]).query)
            state, code, realm = (query[name][0] for name in ("state", "code", "realmId"))
            await connections.complete(
                services, gateway.oauth, gateway.tokens, state=state, code=code, realm=realm
            )

        await self._insist(consent)

    async def administer(
        self,
        workspace: str,
        act: Callable[Concatenate[Administration, P], Awaitable[int]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do what an admin does."""

        async def ask(services: Services, _: Gateway) -> None:
            admin = Administration(services.database, services.clock, services.entropy, workspace, by="ada")
            self.actions.add(await act(admin, *args, **kwargs))

        await self._insist(ask)

    async def _map(self, workspace: str, tales: Sequence[Tale]) -> None:
        """Say what accounts and products are: half are created in QuickBooks, half are there."""
        for account in sorted({tale.account_id for tale in tales if tale.twist != "account_unmapped"}):
            if self.random.getrandbits(1):
                await self.administer(workspace, Administration.request_customer, account)
            else:
                await self.administer(workspace, Administration.map_account, account, "1")
        quotes = [snapshot.get("quote") or {} for tale in tales for snapshot in tale.snapshots]
        products = {line["product_id"] for quote in quotes for line in quote.get("lines", ())}
        for product in sorted(products - {story.UNMAPPED_PRODUCT[0]}):
            if self.random.getrandbits(1):
                await self.administer(workspace, Administration.request_item, product)
            else:
                await self.administer(workspace, Administration.map_product, product, "1")
            await asyncio.sleep(self.random.uniform(0, 10))

    async def _tell(self, workspace: str, tale: Tale) -> None:
        """Send a deal's snapshots and contract in an order in which they might come."""
        await asyncio.sleep(self.random.uniform(0, 60))
        snapshots = [_crm("deal.updated.v1", workspace, snapshot) for snapshot in tale.snapshots]
        contract = [
            docusign_door.record(workspace, self._envelope(tale, status)) for status in doors.life(tale)
        ]
        self.random.shuffle(contract)
        if (workspace, tale.deal_id) in self.plan.stale_drafts:
            # The draft comes last of all, and shows a quote that nobody signed.
            late = _crm("deal.updated.v1", workspace, stale_draft(tale))
            await self._send(workspace, [*snapshots[1:], *contract, late])
        elif tale.twist in {"quote_changed", "closed_lost"}:
            self.random.shuffle(snapshots)
            await self._send(workspace, [*snapshots, *contract])
        else:
            mixed: list[bytes | Record] = [*snapshots, *contract]
            self.random.shuffle(mixed)
            await self._send(workspace, mixed)
        if self.random.getrandbits(1):
            await self._contradict(workspace, tale)

    async def _contradict(self, workspace: str, tale: Tale) -> None:
        """Send other content under an identity that the log has."""
        other = _crm("deal.updated.v1", workspace, {**tale.snapshots[0], "name": "Somebody else's"})
        await self._send(workspace, [other])
        self.poison.add((workspace, other))

    def _envelope(self, tale: Tale, status: docusign.Status) -> bytes:
        now = self.plan.start + timedelta(seconds=self.cluster.loop.time())
        return docusign.message(doors.envelope_of(tale, status), status, now, self.random.randint(0, 3))

    async def _poison(self, workspace: str) -> None:
        await self._send(workspace, self.plan.poison)
        self.poison |= {(workspace, raw) for raw in self.plan.poison}

    async def _send(self, workspace: str, messages: Sequence[bytes | Record]) -> None:
        for message in messages:
            for _ in range(2 if self.random.random() < self.plan.duplicate_rate else 1):
                await self._insist(partial(self._store, workspace, message))
                await asyncio.sleep(self.random.uniform(0, 3))

    async def _store(self, workspace: str, message: bytes | Record, services: Services, _: Gateway) -> None:
        record = events_door.record(services, workspace, message) if isinstance(message, bytes) else message
        received = await events_door.store(services, [record], "simulation")
        if received[0].outcome != "dead" and isinstance(record.content, Event):
            event = record.content
            self.acknowledged.add((event.workspace, event.source, event.id))

    async def _insist(self, work: Callable[[Services, Gateway], Awaitable[T]]) -> T:
        """Ask one host after another until one answers."""
        for _ in range(TRIES_MAX):
            try:
                return await self.cluster.call(self.random.choice(self.cluster.hosts), work)
            except _PASSING:
                await asyncio.sleep(self.random.uniform(0, AGAIN_SECONDS_MAX))
        raise AssertionError("Nobody answers")


async def _add_workspace(services: Services, workspace: str) -> None:
    if not await services.database.read(workspaces_module.exists, workspace):
        token = workspaces_module.new_token(services.entropy)
        await services.database.transaction(workspaces_module.add, workspace, token, services.clock.now())


async def _add_docusign_key(workspace: str, key: str, services: Services, _: Gateway) -> None:
    await services.database.transaction(keys.add, services.vault, workspace, key, services.clock.now())


def _asked(connection: sa.Connection, workspace: str) -> Asked:
    """Read what people are told: in the log that the connection ended, of deals that QuickBooks refused them."""
    connected = connection.scalar(
        sa.select(log.c.type)
        .where(
            log.c.workspace == workspace,
            log.c.type.in_([catalog.CONNECTION_AUTHORIZED, catalog.CONNECTION_EXPIRED]),
        )
        .order_by(log.c.position.desc())
        .limit(1)
    )
    refused = connection.scalars(
        sa.select(deals.c.deal)
        .where(deals.c.workspace == workspace, deals.c.gate.in_(TO_ORDER))
        .order_by(deals.c.deal)
    )
    return Asked(connected == catalog.CONNECTION_EXPIRED, tuple(refused))


def _crm(kind: str, workspace: str, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(doors.cloudevent(kind, data, workspace))
