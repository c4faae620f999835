"""What people do to the integration. Each action is an event with who did it; nothing else changes."""

from collections.abc import Callable, Mapping
from typing import Concatenate, Literal, ParamSpec

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.clock import Clock, Entropy
from events.contract import catalog, identifiers, json
from events.contract.administration import (
    AccountMapped,
    CustomerRequested,
    DeadLettersDiscarded,
    InvoiceNamed,
    InvoiceOrdered,
    ItemRequested,
    ProductMapped,
    SettingsChanged,
)
from events.contract.envelope import Event, own_event
from events.contract.values import Fact
from events.database.port import Database
from events.errors import InvalidEvent
from events.log import log
from worker.quote_to_cash.creation import CannotCreate
from worker.quote_to_cash.customers.wishes import check_customer, customer_waits_for
from worker.quote_to_cash.deal.state import Deal
from worker.quote_to_cash.items.wishes import check_item, item_waits_for
from worker.quote_to_cash.nearest import nearest, sentence
from worker.quote_to_cash.store import StateStore
from worker.workspaces import settings

P = ParamSpec("P")

SOURCE = "urn:coeffection:administration"


class ActionRefused(Exception):
    """An action does not fit; nothing was recorded.

    Attributes:
        reason: A stable code, such as `schema_invalid`.
        detail: One sentence for a person.
        field: What does not fit, such as `account_id`, if it is one thing.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.field = field


class DealUnknown(ActionRefused):
    """No event has named the deal."""


class Administration(Struct, frozen=True):
    """The actions of one person in one workspace. Each raises `ActionRefused` where it does not fit."""

    database: Database
    clock: Clock
    entropy: Entropy
    workspace: str
    by: str

    async def change_settings(self, changes: Mapping[str, str], why: str | None = None) -> int:
        """Set settings; all of them or none. Return the position of the event.

        Raises:
            SettingInvalid: One of them does not exist or does not fit.
        """
        checked = {key: settings.checked(key, value) for key, value in changes.items()}
        return await self._say(catalog.SETTINGS_CHANGED, SettingsChanged(checked, self.by, why))

    async def map_account(
        self, account_id: str, customer_id: str, currency: str | None = None, realm: str | None = None
    ) -> int:
        """Say which customer an account is, in a company or else in the one that is connected."""
        mapped = AccountMapped(account_id, customer_id, self.by, currency, realm)
        return await self._say(catalog.ACCOUNT_MAPPED, mapped)

    async def request_customer(
        self, account_id: str, currency: str | None = None, name: str | None = None
    ) -> int:
        """Ask to create a customer for an account, of a currency and under a name if they are given.

        Raises:
            ActionRefused: None would be created: the account has one that can be used, or its name can't be.
        """
        instead_of = await self._checked(check_customer, account_id, currency, name)
        wish = CustomerRequested(account_id, self.by, currency, name, instead_of)
        return await self._say(catalog.CUSTOMER_REQUESTED, wish)

    async def creation_of(self, kind: Literal["account", "product"], subject: str) -> str:
        """Say in a sentence when what was asked for is created."""

        def look(connection: sa.Connection) -> str | None:
            view = StateStore(connection, self.workspace)
            return (customer_waits_for if kind == "account" else item_waits_for)(view, subject)

        waits_for = await self.database.read(look)
        what = f"{'customer' if kind == 'account' else 'item'} for {subject}"
        about = f"q2c log --about {kind}/{subject} shows its progress"
        return (
            f"The {what} is created once {waits_for}; {about}."
            if waits_for
            else f"Creating the {what}; {about}."
        )

    async def map_product(self, product_id: str, item_id: str, realm: str | None = None) -> int:
        """Say which item a product is, in a company or else in the one that is connected."""
        return await self._say(catalog.PRODUCT_MAPPED, ProductMapped(product_id, item_id, self.by, realm))

    async def request_item(self, product_id: str, name: str | None = None) -> int:
        """Ask to create an item for a product, under a name if one is given.

        Raises:
            ActionRefused: None would be created: the product has one that can be used, or its name can't be.
        """
        instead_of = await self._checked(check_item, product_id, name)
        return await self._say(catalog.ITEM_REQUESTED, ItemRequested(product_id, self.by, name, instead_of))

    async def order_invoice(self, deal_id: str) -> int:
        """Ask for a deal's invoice by hand.

        Raises:
            DealUnknown: No event has named the deal; ordering its invoice would make it up.
            ActionRefused: It has its invoice, or may have: asking would change nothing.
        """

        def check(connection: sa.Connection, ordered: Event) -> None:
            deal = StateStore(connection, self.workspace).get(Deal, deal_id)
            if deal.invoice is not None:
                raise ActionRefused(
                    "invoice_exists", f"{deal_id} already has invoice {deal.invoice.invoice_id}"
                )
            if deal.attempt is not None and deal.attempt.status == "uncertain":
                raise ActionRefused(
                    "outcome_uncertain",
                    f"The invoice of {deal_id} was sent and may be in QuickBooks: it is created again only after QuickBooks"
                    f" answers that it does not exist (q2c explain {deal_id}). If you find it in QuickBooks, name it"
                    f" (q2c invoice {deal_id} --is ID)",
                )
            if not log.read(connection, after=0, limit=1, workspace=ordered.workspace, stream=ordered.stream):
                found = nearest(connection, ordered.workspace, deal_id)
                raise DealUnknown("deal_unknown", f"No event has named a deal {deal_id!r}.{sentence(found)}")

        return await self._say(catalog.INVOICE_ORDERED, InvoiceOrdered(deal_id, self.by), check)

    async def name_invoice(self, deal_id: str, invoice_id: str) -> int:
        """Say which invoice in QuickBooks is a deal's; whoever calls this has seen that it carries its mark."""
        return await self._say(catalog.INVOICE_NAMED, InvoiceNamed(deal_id, invoice_id, self.by))

    async def discard_dead_letters(
        self, count: int, reason: str | None, numbers: tuple[int, ...], why: str | None
    ) -> int:
        """Say that dead letters are deleted; whoever calls this deletes them."""
        fact = DeadLettersDiscarded(count, self.by, reason, numbers, why)
        return await self._say(catalog.DEAD_LETTERS_DISCARDED, fact)

    async def _checked(
        self, check: Callable[Concatenate[StateStore, P], str | None], *args: P.args, **kwargs: P.kwargs
    ) -> str | None:
        def look(connection: sa.Connection) -> str | None:
            return check(StateStore(connection, self.workspace), *args, **kwargs)

        try:
            return await self.database.read(look)
        except CannotCreate as error:
            raise ActionRefused(error.reason, str(error)) from error

    async def _say(
        self, event_type: str, fact: Fact, check: Callable[[sa.Connection, Event], None] | None = None
    ) -> int:
        event = self.event(event_type, fact)

        def append(connection: sa.Connection) -> int:
            if check is not None:
                check(connection, event)
            return log.append(connection, [event], event.time)[0].position

        return await self.database.transaction(append)

    def event(self, event_type: str, fact: Fact) -> Event:
        """Make an event of what was done, now and by this person; whoever calls this appends it."""
        now = self.clock.now()
        try:
            event = own_event(
                event_type,
                fact,
                workspace=self.workspace,
                source=SOURCE,
                time=now,
                id=str(self.entropy.uuid7(now)),
            )
            identifiers.check(event.payload, event.data.encode())
        except InvalidEvent as error:
            raise ActionRefused(error.reason, error.detail, error.field or _unstorable(fact)) from error
        return event


def _unstorable(fact: Fact) -> str | None:
    """Name the field whose text no database keeps."""
    return next((name for name, value in asdict(fact).items() if r"\u0000" in json.encode(value)), None)
