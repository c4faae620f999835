"""Play the story of a workspace in a simulation: its accounts, mappings, deals and contracts."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from events.contract import catalog
from events.contract.envelope import Event
from events.log.intake import Record
from events.log.tables import log
from worker.actions.mappings import request_customer, request_item
from worker.actions.reviewed import ACCOUNTS, PRODUCTS
from worker.actions.reviews import map_to
from worker.demo import doors, market, story
from worker.demo.story import StoryContract, Tale
from worker.quickbooks.gateway import Gateway
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Status
from worker.services import Services
from worker.simulation.outside import LOOK_SECONDS, Outside
from worker.simulation.plan import stale_draft
from worker.web.doors import docusign as docusign_door
from worker.web.doors import events as events_door

REVISIONS_MAX = 3


class Telling:
    """Sends the messages of a workspace's deals.

    Attributes:
        accounts: The CRM's last snapshot of each account, by ID.
        customers: The customers of the mapped accounts, by the account's ID.
        items: The items of the mapped products, by the product's ID.
        first_sent_at: When the first message of each deal was sent.
        switched_on_at: When invoicing was certainly on; None before.
        is_set_up: Set once the workspace is connected and its settings are chosen.
    """

    def __init__(self, outside: Outside, workspace: str) -> None:
        self.workspace = workspace
        self.tales = outside.plan.tales[workspace]
        self.accounts: dict[str, dict[str, Any]] = {}
        self.customers: dict[str, str] = {}
        self.items: dict[str, str] = {}
        self.first_sent_at: dict[str, float] = {}
        self.switched_on_at: float | None = None
        self.is_set_up = asyncio.Event()
        self._is_mapped = asyncio.Event()
        self._outside = outside
        self._random = outside.random
        self._plan = outside.plan

    async def play(self) -> None:
        """Set up the workspace, and send its deals."""
        await self._outside.set_up(self.workspace)
        self.switched_on_at = self._now()
        self.is_set_up.set()
        wanted = {tale.account_id for tale in self.tales}
        of_market = market.accounts(self._plan.companies[self.workspace].market)
        said: list[bytes | Record] = []
        for account in of_market:
            if account["account_id"] in wanted:
                revisions = market.revisions(account, self._random.randint(1, REVISIONS_MAX))
                self.accounts[account["account_id"]] = revisions[-1]
                said += (crm("account.updated.v1", self.workspace, revision) for revision in revisions)
        self._random.shuffle(said)
        await self.send(said)
        await asyncio.gather(self._map(), self._poison(), *(self._tell(tale) for tale in self.tales))

    async def attend(self) -> None:
        """Carry out the remedies that wait for an admin."""
        await self._outside.attend(self.workspace)
        for tale in await self.unmapped():
            await self._map_again(tale)

    async def unmapped(self) -> list[Tale]:
        """Return the deals whose mapping is missing again, after a change of the company, a restore or a set clock."""
        at_home = self._outside.connected[self.workspace] == self._outside.realms[self.workspace]
        if not (self._is_mapped.is_set() and at_home and self._may_be_unmapped):
            return []
        waiting = (await self._outside.pending_actions(self.workspace)).unmapped
        for_ever = {"account_unmapped", "product_unmapped"}
        return [
            tale
            for tale in self.tales
            if tale.deal_id in waiting and not (tale.twist in for_ever and tale.gates)
        ]

    async def until_commanded(self, until: float) -> bool:
        """Wait until every requested customer and item is commanded in the connected company; return whether it was in time."""
        while self._now() < until:
            if self._is_mapped.is_set() and await self._outside.cluster.store.read(self._is_commanded):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def _is_commanded(self, connection: sa.Connection) -> bool:
        commanded = sa.select(log.c.stream).where(
            log.c.workspace == self.workspace,
            log.c.type.in_([catalog.CUSTOMER_COMMANDED, catalog.ITEM_COMMANDED]),
        )
        products = self._products() - {market.UNMAPPED_PRODUCT[0]} - self.items.keys()
        mapped = {tale.account_id for tale in self.tales if tale.twist != "account_unmapped"}
        accounts = mapped - self.customers.keys()
        wanted = {f"product/{name}" for name in products} | {f"account/{name}" for name in accounts}
        return wanted <= set(connection.scalars(commanded))

    @property
    def _chosen_in(self) -> str | None:
        """Return the company that an ID is chosen from, if another company may be connected when the choice arrives."""
        return self._outside.realms[self.workspace] if self._plan.interludes else None

    @property
    def _may_be_unmapped(self) -> bool:
        # By a clock that is ahead of QuickBooks', an item that we created seems to be older than its request.
        counts = self._outside.cluster.counts
        return bool(self._plan.interludes or counts["restore"] or counts["clock_reset"])

    async def _map(self) -> None:
        """Map accounts and products: half to new customers and items, half to existing ones."""
        for account in sorted({tale.account_id for tale in self.tales if tale.twist != "account_unmapped"}):
            # The customer of a deal in another currency exists.
            is_there = any(
                tale.account_id == account and tale.twist == "foreign_currency" for tale in self.tales
            )
            if is_there or self._random.getrandbits(1):
                self.customers[account] = self._customer_in(self.accounts[account]["currency"])
            await self._map_account(account)
        company = self._plan.companies[self.workspace]
        if company.default_item is not None:
            self.items = dict.fromkeys(self._products(), company.default_item)
        for product in sorted(self._products() - {market.UNMAPPED_PRODUCT[0]}):
            # An item may be created for a product that waits for its mapping.
            if self._random.getrandbits(1) and not company.creates_items:
                self.items[product] = "1"
            await self._map_product(product)
            await asyncio.sleep(self._random.uniform(0, 10))
        self._is_mapped.set()

    async def map_elsewhere(self) -> None:
        """Map accounts or products in the company that is connected meanwhile.

        The mapping names its company, since a frozen host may carry it out after the first company is connected again.
        Never both of a deal, so that no invoice is created there; requested customers and items may be created there.
        """
        realm = self._outside.others[self.workspace]
        if self._random.getrandbits(1):
            for account in sorted({tale.account_id for tale in self.tales}):
                sold = (_products(tale) for tale in self.tales if tale.account_id == account)
                if all(products & self.items.keys() for products in sold):
                    await self._outside.administer(
                        self.workspace, map_to, ACCOUNTS, account, "2", realm=realm, also=True
                    )
            return
        for product in sorted(self._products()):
            buyers = {tale.account_id for tale in self.tales if product in _products(tale)}
            if buyers <= self.customers.keys():
                await self._outside.administer(self.workspace, map_to, PRODUCTS, product, "2", realm=realm)

    async def _map_account(self, account: str) -> None:
        customer = self.customers.get(account)
        if customer is None:
            await self._outside.administer(self.workspace, request_customer, account)
        else:
            chosen = {"currency": self.accounts[account]["currency"], "realm": self._chosen_in}
            await self._outside.administer(
                self.workspace, map_to, ACCOUNTS, account, customer, **chosen, also=True
            )

    async def _map_product(self, product: str) -> None:
        item = self.items.get(product)
        if item is None:
            await self._outside.administer(self.workspace, request_item, product)
        else:
            await self._outside.administer(
                self.workspace, map_to, PRODUCTS, product, item, realm=self._chosen_in
            )

    async def _map_again(self, tale: Tale) -> None:
        """Map the account or products that a deal waits for, to the entries with their names in QuickBooks."""
        await self._map_account(tale.account_id)
        items = self._outside.cluster.sandbox.companies[self._outside.realms[self.workspace]].every("Item")
        by_name = {item["Name"]: str(item["Id"]) for item in items}
        for line in tale.quote["lines"] if tale.quote else ():
            if line["name"] in by_name:
                self.items.setdefault(line["product_id"], by_name[line["name"]])
            await self._map_product(line["product_id"])

    def _customer_in(self, currency: str) -> str:
        """Return the first customer in QuickBooks that is billed in a currency."""
        company = self._outside.cluster.sandbox.companies[self._outside.realms[self.workspace]]
        billed = (c for c in company.every("Customer") if c["CurrencyRef"]["value"] == currency)
        return str(next(billed)["Id"])

    def _products(self) -> set[str]:
        return set().union(*(_products(tale) for tale in self.tales))

    async def _tell(self, tale: Tale) -> None:
        """Send a deal's snapshots and contracts in a possible order."""
        ended_at = (tale.ends_at - self._plan.start).total_seconds()
        await asyncio.sleep(max(self._random.uniform(0, 60), ended_at - self._now()))
        snapshots = [self._snapshot(tale, *written) for written in _written(tale)]
        contracts = [
            docusign_door.record(self.workspace, self._envelope(tale, contract, status))
            for contract, status in doors.life(tale)
        ]
        self._random.shuffle(contracts)
        self.first_sent_at[tale.deal_id] = self._now()
        if (self.workspace, tale.deal_id) in self._plan.stale_drafts:
            # The draft arrives last, with a quote that was not signed.
            late = self._snapshot(tale, stale_draft(tale), tale.written_at[0])
            await self.send([*snapshots[1:], *contracts, late])
        elif tale.twist in story.IN_ORDER:
            self._random.shuffle(snapshots)
            await self.send([*snapshots, *contracts])
        else:
            mixed: list[bytes | Record] = [*snapshots, *contracts]
            self._random.shuffle(mixed)
            await self.send(mixed)
        if self._random.getrandbits(1):
            await self._contradict(tale)

    def _snapshot(self, tale: Tale, data: dict[str, Any], written_at: datetime) -> bytes:
        # Only the snapshots' dates show which of two contracts was sent with which quote.
        dated = self._plan.dates_snapshots or len(tale.contracts) > 1
        return crm("deal.updated.v1", self.workspace, data, written_at if dated else None)

    async def _contradict(self, tale: Tale) -> None:
        """Send other content with an identity that the log has."""
        other = self._snapshot(tale, {**tale.snapshots[0], "name": "Somebody else's"}, tale.written_at[0])
        await self.send([other])
        self._outside.poison.add((self.workspace, other))

    def _envelope(self, tale: Tale, contract: StoryContract, status: Status) -> bytes:
        now = self._plan.start + timedelta(seconds=self._now())
        envelope = doors.as_people_make_it(doors.envelope_of(tale, contract, status), self._random)
        return docusign.message(envelope, status, now, self._random.randint(0, 3))

    async def _poison(self) -> None:
        await self.send(self._plan.poison)
        self._outside.poison |= {(self.workspace, raw) for raw in self._plan.poison}

    async def send(self, messages: Sequence[bytes | Record]) -> None:
        """Send messages in order, some of them twice."""
        for message in messages:
            for _ in range(2 if self._random.random() < self._plan.duplicate_rate else 1):
                await self._outside.insist(partial(self._store, message))
                await asyncio.sleep(self._random.uniform(0, 3))

    async def _store(self, message: bytes | Record, services: Services, _: Gateway) -> None:
        record = (
            events_door.record(services, self.workspace, message) if isinstance(message, bytes) else message
        )
        received = await events_door.store(services, [record], "simulation")
        if received[0].outcome != "dead" and isinstance(record.content, Event):
            event = record.content
            self._outside.acknowledged.add((event.workspace, event.source, event.id))

    def _now(self) -> float:
        return self._outside.cluster.loop.time()


def _products(tale: Tale) -> set[str]:
    return {line["product_id"] for line in story.lines([tale])}


def _written(tale: Tale) -> Iterable[tuple[dict[str, Any], datetime]]:
    return zip(tale.snapshots, tale.written_at, strict=True)


def crm(kind: str, workspace: str, data: dict[str, Any], written_at: datetime | None = None) -> bytes:
    """Return a message of the CRM."""
    return msgspec.json.encode(doors.cloudevent(kind, data, workspace, written_at))
