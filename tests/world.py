"""The whole system in one thread on virtual time: the shipped code and a sandbox, without sockets."""

import base64
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from pydantic import SecretStr

from events.contract.envelope import Event, Recorded, from_structured
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.log import intake, log
from events.log.intake import Received
from events.log.tables import metadata
from tests.fakes import FakeClock
from worker.actions import invoices, mappings, reviews, settings
from worker.actions.admin import Admin
from worker.actions.reviewed import ACCOUNTS, PRODUCTS
from worker.commands import claims
from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.commands.dispatcher import Dispatcher
from worker.commands.freezing import can_be_dated
from worker.commands.table import OPEN, commands, realms
from worker.connections import consenting
from worker.connections.pending import ConsentStatus
from worker.demo.doors import Secrets, open_workspace
from worker.migrations import schema
from worker.quickbooks.gateway import Gateway, open_gateway
from worker.quote_to_cash.explain import Explanation, explain, list_deals
from worker.roles import reconsidering, runner, suggesting
from worker.roles.idle import left_to_do
from worker.roles.runner import ShortTurns
from worker.runtime.environment import Environment
from worker.runtime.vault import Vault
from worker.runtime.wake import Wake
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.openings.plausible import NO_BOOKS, Amounts
from worker.sandbox.service import Sandbox
from worker.sandbox.transport import SandboxTransport
from worker.services import SUBSCRIPTIONS, Services
from worker.simulation.ports import SeededEntropy
from worker.suggesting.indexes import Indexes

SANDBOX_URL = "https://sandbox.test"
STEPS_MAX = 2000
TOKEN_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
NOW = datetime.fromisoformat("2026-05-05T12:00:00+00:00")


class Acting(Admin, frozen=True):
    """An admin with the actions as methods, since tests call them often."""

    change_settings = settings.change_settings
    request_customer = mappings.request_customer
    request_item = mappings.request_item
    request_invoice = invoices.request_invoice

    async def map_account(
        self, account_id: str, customer_id: str, currency: str | None = None, **more: Any
    ) -> int:
        """Map an account to a customer, for deals in one currency or in all."""
        return await reviews.map_to(self, ACCOUNTS, account_id, customer_id, currency=currency, **more)

    async def map_product(self, product_id: str, item_id: str, realm: str | None = None) -> int:
        """Map a product to an item."""
        return await reviews.map_to(self, PRODUCTS, product_id, item_id, realm=realm)


class World:
    """A worker, its workspaces and the QuickBooks companies that they are connected to."""

    def __init__(self, services: Services, gateway: Gateway, sandbox: Sandbox, clock: FakeClock) -> None:
        self.services = services
        self.gateway = gateway
        self.sandbox = sandbox
        self.clock = clock
        self.timing = Timing(request_seconds=30, settle_seconds=120, throttled_seconds=60)
        self.dispatcher = Dispatcher(
            services.database, services.clock, gateway.client, self.timing, services.wake, "test"
        )
        self.indexes = Indexes()
        self._sent = 0

    @property
    def realm(self) -> str:
        """The first company."""
        return next(iter(self.sandbox.companies))

    def admin(self, workspace: str = "acme") -> Acting:
        """Act as an admin."""
        return Acting.of(self.services, workspace, by="ada")

    async def add_workspace(self, name: str = "acme") -> Secrets:
        """Add a workspace with the keys of the sandbox's DocuSign."""
        return await open_workspace(self.services, name, self.sandbox.docusign_keys)

    async def connect(
        self, workspace: str = "acme", realm: str | None = None, *, another_company: bool = False
    ) -> None:
        """Consent as a browser does."""
        standing = await self.consent(workspace, realm, another_company=another_company)
        assert standing.state == "connected", standing.says

    async def consent(
        self,
        workspace: str = "acme",
        realm: str | None = None,
        *,
        named: str | None = None,
        another_company: bool = False,
    ) -> ConsentStatus:
        """Consent as a browser does; `named` is the company in the callback, if it differs from the consent's."""
        start = await consenting.begin(
            self.services, workspace, by="cli:ada", another_company=another_company
        )
        link = parse_qs(urlsplit(start).query)["link"][0]
        opened = await consenting.open_link(self.services, self.gateway.oauth, link)
        given = await self.allowed(opened.address, realm)
        return await consenting.complete(
            self.services,
            self.gateway,
            state=given["state"],
            cookie=opened.cookie,
            code=given["code"],
            realm=named or given["realmId"],
        )

    async def allowed(
        self, address: str, realm: str | None = None, decision: str = "allow"
    ) -> dict[str, str]:
        """Choose a company on Intuit's page; return the callback's parameters."""
        async with httpx.AsyncClient(transport=SandboxTransport(self.sandbox, self.clock)) as browser:
            answer = await browser.post(address, data={"realm": realm or self.realm, "decision": decision})
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def send(self, *events: dict[str, Any], workspace: str = "acme") -> list[Received]:
        """Send events through intake."""
        now = self.clock.now()
        records = [
            intake.record(
                msgspec.json.encode(event),
                "test",
                workspace,
                lambda raw: from_structured(raw, now=now, workspace=workspace),
            )
            for event in events
        ]
        return await self.services.database.transaction(intake.receive, records, now)

    async def follow(self) -> None:
        """Bring every subscription to the head, reconsider queued changes, and compare accounts with customers."""
        database, clock, size = self.services.database, self.services.clock, ShortTurns()
        await runner.catch_up(database, clock, SUBSCRIPTIONS, "test")
        while await reconsidering.portions(database, clock, "test", size) or await suggesting.compare(
            database, clock, "test", size, self.indexes
        ):
            await runner.catch_up(database, clock, SUBSCRIPTIONS, "test")

    async def claim(self, slots: int = 16, per_realm: int = 4) -> list[Claimed]:
        """Claim due commands."""
        return await self.services.database.transaction(
            claims.claim, self.timing, "test", self.clock.now(), slots=slots, per_realm=per_realm
        )

    async def settle(self, *, patience: timedelta = timedelta(hours=1)) -> None:
        """Work until nothing is left; time advances only while all work waits for it."""
        until = self.clock.now() + patience
        for _ in range(STEPS_MAX):
            await self.follow()
            claimed = await self.claim()
            for command in claimed:
                await self.dispatcher.work(command)
            if claimed:
                continue
            _, waiting_for = await self.services.database.read(left_to_do)
            if waiting_for is None or self.clock.now() > until:
                return
            due_at = await self.services.database.read(_next_due)
            self.clock.advance(max(0.01, (due_at - self.clock.now()).total_seconds()))
        raise AssertionError("it never settles")

    def trouble(self, *script: Any, writes_only: bool = True, late_seconds: float = 5) -> None:
        """Script the faults of the next requests."""
        self.sandbox.trouble.follow(
            Plan(script=script, writes_only=writes_only, late_seconds=late_seconds, slow_seconds=1)
        )

    def books(self, entity: str = "Invoice", realm: str | None = None) -> list[dict[str, Any]]:
        """Return the company's objects of an entity."""
        return self.sandbox.companies[realm or self.realm].books()[entity]

    async def explain(self, deal: str = "D-1", workspace: str = "acme") -> Explanation:
        """Explain a deal."""
        found = await self.services.database.read(explain, workspace, deal)
        assert found is not None
        return found

    async def deals(self, workspace: str = "acme") -> dict[str, dict[str, Any]]:
        """Return the deals read model by deal."""
        rows = await self.services.database.read(list_deals, workspace)
        return {row["deal"]: row for row in rows}

    async def invoice_of(self, deal: str = "D-1") -> str | None:
        """Return the id of the invoice that the read model shows of a deal."""
        shown = [invoice["invoice_id"] for invoice in (await self.deals())[deal]["invoices"]]
        assert len(shown) <= 1, shown
        return next(iter(shown), None)

    async def log(self) -> list[Recorded]:
        """Return the whole log."""
        return await self.services.database.read(log.read, after=0, limit=10_000)

    def copied(self) -> sqlite3.Connection:
        """Copy the store, as a backup does."""
        copy = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self.services.environment.database_path)) as file:
            file.backup(copy)
        return copy

    def restore(self, copy: sqlite3.Connection) -> None:
        """Restore a copy of the store, and restart the worker."""
        with closing(sqlite3.connect(self.services.environment.database_path)) as file:
            copy.backup(file)
        self.timing = replace(self.timing, began_at=self.clock.now())
        self.dispatcher = replace(self.dispatcher, timing=self.timing)

    async def ready(self, workspace: str = "acme", **settings: str) -> None:
        """Set a workspace up so that a won deal of `stories` is invoiced."""
        await self.add_workspace(workspace)
        await self.connect(workspace)
        chosen = {"auto_invoice": "true", "income_account": "Services", "cut_over": "2026-01-01T00:00:00Z"}
        await self.admin(workspace).change_settings(chosen | settings)
        await self.admin(workspace).request_customer("A-1")
        await self.admin(workspace).request_item("P-1")
        await self.settle()


@asynccontextmanager
async def open_world(
    directory: Path,
    kinds: Sequence[str] = ("us",),
    seed: int = 1,
    *,
    books: Amounts = NO_BOOKS,
    database_url: str | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    """Open a world in a directory; `settings` are further ones of its environment."""
    clock = FakeClock(NOW)
    entropy = SeededEntropy(seed)
    sandbox = Sandbox(clock, kinds=kinds, seed=seed, books=books)
    environment = Environment(
        database_url=database_url or f"sqlite:///{directory / 'world.sqlite3'}",
        public_url="https://worker.test",
        quickbooks_api_url=SANDBOX_URL,
        quickbooks_discovery_url=f"{SANDBOX_URL}/.well-known/openid_sandbox_configuration",
        quickbooks_client_id=sandbox.oauth.client_id,
        quickbooks_client_secret=SecretStr(sandbox.oauth.client_secret),
        quickbooks_verifier_token=SecretStr(sandbox.verifier_token),
        **settings,
    )
    vault = Vault([TOKEN_KEY], entropy)
    if environment.embedded:
        environment.database_path.write_bytes(laid())
        database: Database = InlineDatabase(environment.database_path)
    else:
        database = PostgresDatabase(environment.database_url)
        await database.transaction(lay_tables)
    services = Services(environment, database, clock, entropy, vault, Wake())
    transport = SandboxTransport(sandbox, clock)
    async with open_gateway(environment, database, clock, entropy, vault, transport=transport) as gateway:
        yield World(services, gateway, sandbox, clock)
    await database.close()


def lay_tables(connection: sa.Connection) -> None:
    """Create the tables of the latest migration at once."""
    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.HEAD})


@cache
def laid() -> bytes:
    """Return a SQLite file with the tables: writing it takes a tenth of the time of creating them."""
    with closing(sqlite3.connect(":memory:")) as file:
        engine = sa.create_engine("sqlite://", creator=lambda: file, poolclass=sa.StaticPool)
        with engine.begin() as connection:
            lay_tables(connection)
        return file.serialize()


def _next_due(connection: sa.Connection) -> datetime:
    """Return when the next command is due."""
    instants = [
        max(row.leased_until if row.status == "leased" else row.due_at, row.not_before or row.due_at)
        for row in connection.execute(
            sa.select(commands, realms.c.not_before)
            .join(realms, realms.c.realm == commands.c.realm)
            .where(commands.c.status.in_(OPEN), realms.c.connected, ~realms.c.paused, can_be_dated())
        )
    ]
    return cast("datetime", min(instants))


def net(invoice: dict[str, Any]) -> Decimal:
    """Return an invoice's total before tax."""
    return Decimal(invoice["TotalAmt"]) - Decimal(invoice["TxnTaxDetail"]["TotalTax"])


def types(events: Sequence[Recorded | Event]) -> list[str]:
    """Return the short names of events' types."""
    found = [item.event if isinstance(item, Recorded) else item for item in events]
    return [event.type.removeprefix("com.coeffection.") for event in found]
