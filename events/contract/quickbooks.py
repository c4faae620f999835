"""What QuickBooks said: the outcomes of commands, and what a company is like."""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta

from events.contract.values import Amount, Currency, Fact, Identifier, Instant, Name

ReadingKind = Literal["read_company", "read_customer", "read_item"]
CommandKind = Literal[
    "create_invoice", "create_customer", "create_item", "read_company", "read_customer", "read_item"
]
Generation = Annotated[int, Meta(ge=1)]


class Changed(Fact, frozen=True):
    """A notice that something changed in QuickBooks; what changed is fetched."""

    realm: Identifier
    entity: Identifier
    entity_id: Identifier
    operation: Identifier
    at: Instant


class Named(Fact, frozen=True):
    """Something of a company that is picked by name: a term, a tax code, an account, by its id there."""

    id: Identifier
    name: Name


class CompanyObserved(Fact, frozen=True):
    """What decisions need to know of a QuickBooks company, read after connecting and on demand.

    QuickBooks says no time zone: `time_zone` is the one that its address and country give, none if that is not
    exactly one, and `time_zone_reason` says how.
    """

    realm: Identifier
    company_name: Name
    country: Name
    home_currency: Currency
    multicurrency: bool
    custom_transaction_numbers: bool
    terms: tuple[Named, ...]
    tax_codes: tuple[Named, ...]
    income_accounts: tuple[Named, ...]
    time_zone: Name | None = None
    time_zone_reason: str = ""


class CustomerObserved(Fact, frozen=True):
    """What decisions need to know of a QuickBooks customer, as it was when somebody looked.

    `exists` is false where QuickBooks has no customer of this id. `reading` is the number of the reading of
    ours that it answers, 0 where it became known otherwise.
    """

    realm: Identifier
    customer_id: Identifier
    exists: bool = True
    display_name: Name | None = None
    active: bool = True
    currency: Currency | None = None
    reading: int = 0


class ItemObserved(Fact, frozen=True):
    """What decisions need to know of a QuickBooks item, as it was when somebody looked.

    `exists` and `reading` are as of a customer. `type` is QuickBooks' own: Service, NonInventory and Inventory
    can be sold on a line, Category and Group (a bundle) can't.
    """

    realm: Identifier
    item_id: Identifier
    exists: bool = True
    name: Name | None = None
    type: Identifier | None = None
    active: bool = True
    reading: int = 0


class ReadingFailed(Fact, frozen=True):
    """Something in QuickBooks could not be read; it is tried again.

    `subject` is `REALM/ID` of a customer or an item, the workspace's name for a company.
    """

    realm: Identifier
    kind: CommandKind
    subject: Name
    message: str


class Figures(Fact, frozen=True, kw_only=True):
    """QuickBooks' own figures of an invoice, in `currency`: `net` is before tax, `total` with it."""

    currency: Currency
    net: Amount
    tax: Amount
    total: Amount
    doc_number: str | None = None
    due_date: date | None = None


def figures_of(invoice: Figures) -> dict[str, Any]:
    """Return the figures of an invoice, to be said of it again."""
    return {name: getattr(invoice, name) for name in Figures.__struct_fields__}


class InvoiceCreated(Figures, frozen=True):
    """QuickBooks holds this invoice for a deal.

    `adopted` says that it was found by its marker after an uncertain outcome; `expected` is set where our figure
    before tax differs.
    """

    deal_id: Identifier
    part: int
    generation: Generation
    realm: Identifier
    request_id: Identifier
    invoice_id: Identifier
    customer_id: Identifier
    balance: Amount
    txn_date: date
    adopted: bool = False
    expected: Amount | None = None


class CustomerCreated(Fact, frozen=True):
    """QuickBooks holds this customer for an account."""

    account_id: Identifier
    realm: Identifier
    request_id: Identifier
    customer_id: Identifier
    display_name: Name
    currency: Currency | None = None
    adopted: bool = False


class ItemCreated(Fact, frozen=True):
    """QuickBooks holds this item for a product."""

    product_id: Identifier
    realm: Identifier
    request_id: Identifier
    item_id: Identifier
    name: Name
    type: Identifier = "Service"
    adopted: bool = False


class Holder(Fact, frozen=True):
    """What in QuickBooks has a name or a number that we asked for: `entity` is Customer, Vendor, Item and so on."""

    entity: Identifier
    id: Identifier
    name: Name
    active: bool = True


class CommandRejected(Fact, frozen=True):
    """QuickBooks definitely refused a command; it waits for a person.

    `gate` is the code by which the deal says so; `code` is QuickBooks' own. `holder` is what has the name or the
    number already, where that was why.
    """

    subject: Identifier
    kind: CommandKind
    part: int
    generation: Generation
    realm: Identifier
    request_id: Identifier
    gate: Identifier
    message: str
    code: str | None = None
    intuit_tid: str | None = None
    holder: Holder | None = None


class CommandUncertain(Fact, frozen=True):
    """A command was sent and no answer came; it is being looked up before anything else is done.

    `look_up_refused` says that QuickBooks does not answer that either: `message` says in which words.
    """

    subject: Identifier
    kind: CommandKind
    part: int
    generation: Generation
    realm: Identifier
    request_id: Identifier
    message: str
    look_up_refused: bool = False


class CompanyRefused(Fact, frozen=True):
    """QuickBooks refuses whatever is asked of a company, until somebody has mended it.

    `gate` is the code by which deals say so, such as `subscription_lapsed`; `message` are QuickBooks' words.
    """

    realm: Identifier
    at: Instant
    gate: Identifier
    message: str


class CompanyServed(Fact, frozen=True):
    """QuickBooks serves a company again that it refused."""

    realm: Identifier
    at: Instant
