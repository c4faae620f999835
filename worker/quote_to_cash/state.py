"""What the process manager remembers; folded from the log, stored with the decisions made from it.

Fields that events from outside fill and fields that our own decisions fill are kept apart: replaying the
log in order gives the same state as deciding did, although our own events stand later in the log.
"""

from datetime import datetime
from functools import cached_property
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from events.administration import ConnectionAuthorized, CustomerRequested, ItemRequested
from events.announcements import DealInvoiceHeld
from events.crm import AccountUpdated, DealUpdated, Quote
from events.docusign import DocusignReceptionChanged
from events.quickbooks import (
    CompanyObserved,
    CompanyRefused,
    CustomerObserved,
    Holder,
    InvoiceCreated,
    ItemObserved,
)
from worker.quote_to_cash.settings import Settings, settings_of
from worker.quote_to_cash.versions import Version

WORKSPACE = "workspace"
DOCUSIGN = "docusign"
ContractStatus = Literal["sent", "delivered", "signed", "declined", "voided"]


class Contract(Struct, frozen=True):
    """The state of one envelope. `sent_at` is when it was sent, once that is known."""

    contract_id: str
    status: ContractStatus
    at: datetime
    sent_at: datetime | None
    reason: str | None = None


class Effort(Struct, frozen=True):
    """What became of a command of ours to a realm; `asked` is how many wishes of a person it answers.

    With `look_up_refused` its outcome is unknown since QuickBooks does not say whether it has it.
    """

    generation: int
    status: Literal["commanded", "uncertain", "done", "rejected"]
    realm: str
    request_id: str
    asked: int
    gate: str | None = None
    message: str | None = None
    look_up_refused: bool = False
    holder: Holder | None = None

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still to come."""
        return self.status in {"commanded", "uncertain"}


class Deal(Struct, frozen=True):
    """A deal: the facts, then what we did about them.

    `held` is what was recorded last of the gates that it stands at; `told` are the codes that the CRM knows.
    """

    latest: DealUpdated | None = None
    versions: tuple[Version, ...] = ()
    quotes: dict[str, Quote] = {}
    won_revision: int | None = None
    won_at: datetime | None = None
    contracts: dict[str, Contract] = {}
    orders: int = 0

    announced_won: bool = False
    held: DealInvoiceHeld | None = None
    told: tuple[str, ...] = ()
    effort: Effort | None = None
    invoice: InvoiceCreated | None = None


def named_by(snapshot: DealUpdated) -> list[str]:
    """Return the streams of the account and the products that a deal names."""
    return [f"account/{snapshot.account_id}", *products_of(snapshot)]


def products_of(snapshot: DealUpdated) -> list[str]:
    """Return the streams of the products on a deal's quote, each once, in order."""
    lines = snapshot.quote.lines if snapshot.quote else ()
    return sorted({f"product/{line.product_id}" for line in lines})


class Link(Struct, frozen=True):
    """Which customer an account is, for deals of one currency, or of all that have no customer of their own.

    A customer's id means something in its realm only; there is none while no company was ever connected.
    """

    customer_id: str
    realm: str | None
    currency: str | None = None


class Account(Struct, frozen=True):
    """An account: the facts, then what we did about them.

    `withdrawn` is how many wishes for a customer a person has withdrawn, by saying which one it is.
    """

    latest: AccountUpdated | None = None
    links: tuple[Link, ...] = ()
    requests: int = 0
    withdrawn: int = 0
    wish: CustomerRequested | None = None

    effort: Effort | None = None

    def link_in(self, realm: str | None, currency: str | None) -> Link | None:
        """Return which customer of a realm it is for deals of a currency; of whichever realm, where there is none.

        One that is of another currency is better than none: what is wrong with it can be said.
        """
        links = [link for link in self.links if realm in (None, link.realm)]
        fits = [(link.currency == currency, link.currency is None) for link in links]
        return links[fits.index(max(fits))] if links else None


class Product(Struct, frozen=True):
    """A product as the last quote named it, then what we did about it."""

    name: str | None = None
    sku: str | None = None
    taxable: bool = True
    item_id: str | None = None
    item_realm: str | None = None
    requests: int = 0
    withdrawn: int = 0
    wish: ItemRequested | None = None

    effort: Effort | None = None

    def item_in(self, realm: str | None) -> str | None:
        """Return the item's id, if it is one of this realm; whichever it is, where there is none yet."""
        return self.item_id if realm in (None, self.item_realm) else None


class Reading(Struct, frozen=True):
    """How often an object of QuickBooks was to be read, and what came of it.

    Attributes:
        wanted: How often something asked for a reading.
        commanded: The number of the last one that was commanded.
        answers: How many of what was wanted those answer.
        answered: The number of the last one that QuickBooks answered.
        problem: What went wrong with one, until the object is observed.
    """

    wanted: int = 0
    answered: int = 0
    problem: str | None = None

    commanded: int = 0
    answers: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether something asked for a reading that none commanded yet answers."""
        return self.wanted > self.answers

    @property
    def is_open(self) -> bool:
        """Whether an answer is still to come."""
        return self.is_wanted or self.commanded > self.answered


class Customer(Struct, frozen=True):
    """A QuickBooks customer as it was observed last, and which accounts it is."""

    accounts: tuple[str, ...] = ()
    observed: CustomerObserved | None = None
    reading: Reading = Reading()


class Item(Struct, frozen=True):
    """A QuickBooks item as it was observed last."""

    observed: ItemObserved | None = None
    reading: Reading = Reading()


class WorkspaceState(Struct, frozen=True, dict=True):
    """What holds for a whole workspace: settings, the connection, the company behind it.

    `refused` is set while QuickBooks refuses whatever is asked of the company, `docusign` while DocuSign's messages are
    not taken, or none come. `mapped_before` are the streams of what was mapped before any company was connected.
    """

    chosen: dict[str, str] = {}
    first_switched_on: datetime | None = None
    connection: ConnectionAuthorized | None = None
    authorizations: int = 0
    expired: bool = False
    company: CompanyObserved | None = None
    reads_wanted: int = 0
    mapped_before: tuple[str, ...] = ()

    reads_commanded: int = 0
    read_problem: str | None = None
    refused: CompanyRefused | None = None
    docusign: DocusignReceptionChanged | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings that hold; the cut-over is by default when automatic invoicing was switched on."""
        settings = settings_of(self.chosen)
        return settings if settings.cut_over else replace(settings, cut_over=self.first_switched_on)

    @property
    def time_zone(self) -> str | None:
        """The zone that invoices are dated in: what a person chose, or what the company's address gives."""
        return self.settings.time_zone or (self.company.time_zone if self.company else None)


class View(Protocol):
    """The state of one workspace, as decisions see it."""

    workspace_name: str

    def workspace(self) -> WorkspaceState:
        """Return what holds for the whole workspace."""
        ...

    def deal(self, deal_id: str) -> Deal:
        """Return a deal; an unknown one is empty."""
        ...

    def account(self, account_id: str) -> Account:
        """Return an account; an unknown one is empty."""
        ...

    def product(self, product_id: str) -> Product:
        """Return a product; an unknown one is empty."""
        ...

    def customer(self, realm: str, customer_id: str) -> Customer:
        """Return a company's customer; an unknown one is empty."""
        ...

    def item(self, realm: str, item_id: str) -> Item:
        """Return a company's item; an unknown one is empty."""
        ...

    def put_workspace(self, state: WorkspaceState) -> None:
        """Replace what holds for the workspace."""
        ...

    def put_deal(self, deal_id: str, state: Deal) -> None:
        """Replace a deal."""
        ...

    def put_account(self, account_id: str, state: Account) -> None:
        """Replace an account."""
        ...

    def put_product(self, product_id: str, state: Product) -> None:
        """Replace a product."""
        ...

    def put_customer(self, realm: str, customer_id: str, state: Customer) -> None:
        """Replace a company's customer."""
        ...

    def put_item(self, realm: str, item_id: str, state: Item) -> None:
        """Replace a company's item."""
        ...

    def waiting(self, key: str) -> list[str]:
        """Return the streams, such as `deal/D-17`, that wait on `key`, such as `account/A-9`, in order."""
        ...

    def set_waits(self, stream: str, keys: tuple[str, ...]) -> None:
        """Replace what a stream waits on."""
        ...
