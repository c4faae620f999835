"""The admins of a simulation, and all its requests to the worker, which are retried until a host answers."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

import worker.workspaces.tenants as workspaces_module
from events.contract import catalog
from events.errors import DatabaseUnavailable
from events.log import log as events_log
from events.log.tables import log
from projections.deals import deals
from worker.actions.admin import ActionRefused, Admin
from worker.actions.invoices import request_invoice
from worker.actions.settings import change_settings
from worker.actions.syncs import request_sync
from worker.connections import consenting
from worker.connections.consenting import ConsentRefused
from worker.quickbooks.errors import QuickBooksError
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.oauth import GrantRefused
from worker.quote_to_cash.invoice.batch import BATCH_NOT_DUE
from worker.sandbox.transport import SandboxTransport
from worker.services import Services
from worker.simulation.cluster import Cluster
from worker.simulation.plan import FOREVER, WORKSPACES, SeedPlan
from worker.workspaces import api_tokens, docusign_keys

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[[Services, Gateway], Awaitable[T]]

AGAIN_SECONDS_MAX = 2.0
TRIES_MAX = 2000
LOOK_SECONDS = 5.0
# The gates at which an admin, after a check, requests the invoice by hand.
TO_ORDER = ("period_closed", "rejected_by_quickbooks", "quickbooks_fails_at_it")
# When faults have ended, an admin has a batch sent if deals wait for one for long: it is due that much later than any clock.
LOOK_FOR_BATCH_SECONDS, BATCH_AFTER, BATCH_SECONDS_MAX = 120.0, timedelta(minutes=3), 480.0
UNMAPPED = ("account_not_mapped", "mapping_in_review", "product_not_mapped")
BEING_READ = "mapping_being_read"
DONE_ALREADY = frozenset({"customer_exists", "item_exists", "invoice_exists", "outcome_uncertain"})
_PASSING = (
    ConnectionError,
    DatabaseUnavailable,
    QuickBooksError,
    ConsentRefused,
    GrantRefused,
    httpx.HTTPError,
)


class PendingActions(Struct, frozen=True):
    """The remedies that wait for an admin.

    Attributes:
        to_connect: Whether to connect QuickBooks again.
        to_order: Deals whose invoices QuickBooks rejected.
        unmapped: Deals that wait for the mapping of their account or a product.
        batched: Deals that wait for the next batch.
        being_read: Deals that wait for the first sync: after a refusal, a person asks for it.
    """

    to_connect: bool
    to_order: tuple[str, ...]
    unmapped: tuple[str, ...]
    batched: tuple[str, ...]
    being_read: tuple[str, ...]


class Outside:
    """All senders of requests to the worker.

    Attributes:
        realms: The company of each workspace, and in `others` one that may be connected meanwhile.
        connected: The company that each workspace is connected to now.
        acknowledged: Workspace, source and ID of the events that were acknowledged as stored.
        actions: The positions of the admins' actions.
        poison: Unusable messages that were answered as such.
        ended: The number of ended grants of each workspace.
        followed: The positions that a reader of the log has seen.
        restores_left: The number of copies of the store that are still to be restored.
    """

    def __init__(self, cluster: Cluster, plan: SeedPlan) -> None:
        self.cluster = cluster
        self.plan = plan
        self.random = Random(f"{cluster.seed}:outside")  # noqa: S311 - a simulation repeats itself
        opened = list(cluster.sandbox.companies)
        self.realms = dict(zip(WORKSPACES, opened, strict=False))
        self.others = dict(zip(WORKSPACES, opened[len(WORKSPACES) :], strict=False))
        self.connected = dict(self.realms)
        self.acknowledged: set[tuple[str, str, str]] = set()
        self.actions: set[int] = set()
        self.poison: set[tuple[str, bytes]] = set()
        self.ended: Counter[str] = Counter()
        self.followed: list[int] = []
        self.restores_left = len(plan.restores)
        self._batch_until: dict[str, float] = {}
        self._done: list[tuple[float, Work[object]]] = []
        self._nothing_is_lost = asyncio.Event()
        self._nothing_is_lost.set()

    async def set_up(self, workspace: str) -> None:
        """Add a workspace, connect it, and choose its settings."""
        await self.insist(lambda services, _: _add_workspace(services, workspace))
        for key in self.cluster.sandbox.docusign_keys:
            await self.insist(partial(_add_docusign_key, workspace, key))
        await self.connect(workspace)
        chosen = self.plan.companies[workspace].chosen(self.plan.start)
        await self.administer(workspace, change_settings, chosen)

    async def finish(self, workspace: str) -> None:
        """Undo the late effects of actions that a frozen host carried out when it thawed."""
        at_last = {"paused": "false", "auto_invoice": "true"}
        await self.administer(workspace, change_settings, at_last)
        self._batch_until[workspace] = self.cluster.loop.time() + LOOK_FOR_BATCH_SECONDS
        if self.others:
            await self.connect_to(workspace, self.realms[workspace])

    async def _have_batch(self, workspace: str) -> None:
        """Choose a daily sync that is due in a few minutes."""
        clocks = [host.clock.now() for host in self.cluster.hosts]
        frequency = self.plan.companies[workspace].daily(max(clocks) + BATCH_AFTER)
        await self.administer(workspace, change_settings, {"sync_frequency": frequency})
        self._batch_until[workspace] = self.cluster.loop.time() + BATCH_SECONDS_MAX

    async def attend(self, workspace: str) -> None:
        """Carry out the remedies that wait for an admin."""
        asked = await self.pending_actions(workspace)
        if asked.to_connect:
            await self.connect(workspace)
        for deal in asked.to_order:
            with contextlib.suppress(ActionRefused):  # the invoice was created meanwhile
                await self.administer(workspace, request_invoice, deal)
        if asked.being_read:
            with contextlib.suppress(ActionRefused):  # it is not connected
                await self.administer(workspace, request_sync, full=False)
        if asked.batched and self.cluster.loop.time() > self._batch_until.get(workspace, FOREVER):
            await self._have_batch(workspace)

    async def pending_actions(self, workspace: str) -> PendingActions:
        """Return the remedies that wait for an admin; admins request no invoice while the books are closed."""
        found = await self.cluster.store.read(_pending_actions, workspace)
        company = self.cluster.sandbox.companies[self.realms[workspace]]
        return replace(found, to_order=()) if company.traits.books_closed_until else found

    def disconnect(self, workspace: str) -> None:
        """Disconnect the company in QuickBooks."""
        self.ended[workspace] += self.cluster.sandbox.oauth.disconnect(self.connected[workspace])

    def ended_of(self, workspace: str) -> int:
        """Count the ended grants of a workspace: ended in QuickBooks, or by the revocation of another grant."""
        revoking = self.cluster.sandbox.oauth.ended_by_revoking
        mine = {self.realms[workspace], self.others.get(workspace)}
        return self.ended[workspace] + sum(count for realm, count in revoking.items() if realm in mine)

    def close_books(self, workspace: str) -> None:
        """Close a company's books for invoices of today."""
        self._change_books(workspace, (self.plan.start + timedelta(days=2)).date().isoformat())

    def open_books(self, workspace: str) -> None:
        """Open a company's books again."""
        self._change_books(workspace, None)

    def _change_books(self, workspace: str, closed_until: str | None) -> None:
        self.cluster.sandbox.change_traits(self.realms[workspace], {"books_closed_until": closed_until})

    async def connect_to(self, workspace: str, realm: str) -> None:
        """Connect a workspace to another company."""
        self.connected[workspace] = realm
        await self.connect(workspace)

    async def connect(self, workspace: str) -> None:
        """Consent in a browser."""
        chosen = self.connected[workspace]

        async def consent(services: Services, gateway: Gateway) -> None:
            start = await consenting.begin(
                services, workspace, by="ada", another_company=workspace in self.others
            )
            link = parse_qs(urlsplit(start).query)["link"][0]
            opened = await consenting.open_link(services, gateway.oauth, link)
            transport = SandboxTransport(self.cluster.sandbox, services.clock)
            async with httpx.AsyncClient(transport=transport) as browser:
                answer = await browser.post(opened.address, data={"realm": chosen, "decision": "allow"})
            query = parse_qs(urlsplit(answer.headers["location"]).query)
            state, code, realm = (query[name][0] for name in ("state", "code", "realmId"))
            standing = await consenting.complete(
                services, gateway, state=state, cookie=opened.cookie, code=code, realm=realm
            )
            if standing.state != "connected":
                raise ConsentRefused(standing.says)

        await self.insist(consent)

    async def administer(
        self,
        workspace: str,
        act: Callable[Concatenate[Admin, P], Awaitable[int]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Carry out an admin's action."""

        async def ask(services: Services, _: Gateway) -> None:
            admin = Admin.of(services, workspace, by="ada")
            try:
                self.actions.add(await act(admin, *args, **kwargs))
            except ActionRefused as refused:
                # The action was already done: the first answer was lost, or another admin was faster.
                if refused.reason not in DONE_ALREADY:
                    raise

        await self.insist(ask)

    async def insist(self, work: Work[T]) -> T:
        """Send work to one host after another until one answers; wait first until lost events have been sent again."""
        for _ in range(TRIES_MAX):
            await self._nothing_is_lost.wait()
            try:
                answer = await self._ask(work)
            except _PASSING:
                await asyncio.sleep(self.random.uniform(0, AGAIN_SECONDS_MAX))
                continue
            self._done.append((self.cluster.loop.time(), work))
            return answer
        raise AssertionError("No host answers")

    async def _ask(self, work: Work[T]) -> T:
        return await self.cluster.call(self.random.choice(self.cluster.hosts), work)

    async def follow(self) -> None:
        """Read the log as a consumer does: page by page, from its last position."""
        while True:
            after = self.followed[-1] if self.followed else 0
            page = await self.cluster.store.read(events_log.read, after=after, limit=20)
            self.followed += [recorded.position for recorded in page]
            await asyncio.sleep(0 if page else LOOK_SECONDS)

    def lose(self, head: int) -> None:
        """Forget the events after a position, because the store was restored to it."""
        self._nothing_is_lost.clear()
        self.followed = [position for position in self.followed if position <= head]
        self.actions = {position for position in self.actions if position <= head}
        for workspace in self.plan.tales:
            self.ended[workspace] += 1  # because the restored tokens were rotated since

    async def say_again(self, since: float) -> None:
        """Repeat, in order, the messages and actions since a copy was made, which the restored store lacks."""
        for at, work in [done for done in self._done if done[0] >= since]:
            self._done.remove((at, work))
            while True:
                try:
                    await self._ask(work)
                except _PASSING:
                    await asyncio.sleep(self.random.uniform(0, AGAIN_SECONDS_MAX))
                    continue
                except ActionRefused:
                    pass  # the requested invoice exists by now
                break
            self._done.append((self.cluster.loop.time(), work))
        self.restores_left -= 1
        self._nothing_is_lost.set()


async def _add_workspace(services: Services, workspace: str) -> None:
    if not await services.database.read(workspaces_module.exists, workspace):
        token = api_tokens.new(services.entropy)
        await services.database.transaction(workspaces_module.add, workspace, token, services.clock.now())


async def _add_docusign_key(workspace: str, key: str, services: Services, _: Gateway) -> None:
    await services.database.transaction(
        docusign_keys.add, services.vault, workspace, key, services.clock.now()
    )


def _pending_actions(connection: sa.Connection, workspace: str) -> PendingActions:
    """Return the remedies in the log and at the gates of deals."""
    said = connection.scalar(_CONNECTION_SAID, {"workspace_": workspace})
    held = connection.execute(_HELD_AT, {"workspace_": workspace}).all()
    return PendingActions(
        to_connect=said == catalog.CONNECTION_EXPIRED,
        to_order=tuple(deal for deal, gate in held if gate in TO_ORDER),
        unmapped=tuple(deal for deal, gate in held if gate in UNMAPPED),
        batched=tuple(deal for deal, gate in held if gate == BATCH_NOT_DUE),
        being_read=tuple(deal for deal, gate in held if gate == BEING_READ),
    )


_CONNECTION_SAID = (
    sa.select(log.c.type)
    .where(
        log.c.workspace == sa.bindparam("workspace_"),
        log.c.type.in_([catalog.CONNECTION_AUTHORIZED, catalog.CONNECTION_EXPIRED]),
    )
    .order_by(log.c.position.desc())
    .limit(1)
)
_HELD_AT = (
    sa.select(deals.c.deal, deals.c.gate)
    .where(
        deals.c.workspace == sa.bindparam("workspace_"),
        deals.c.gate.in_((*TO_ORDER, *UNMAPPED, BATCH_NOT_DUE, BEING_READ)),
    )
    .order_by(deals.c.deal)
)
