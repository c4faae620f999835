"""Events from QuickBooks: the outcomes of commands, and observed companies, customers and items."""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta

from events.contract.crm import Address
from events.contract.values import Amount, Currency, Fact, Identifier, Instant, Name, Stream

CommandKind = Literal[
    "create_invoice",
    "create_customer",
    "create_item",
    "update_customer",
    "read_company",
    "read_customer",
    "read_item",
]
Generation = Annotated[int, Meta(ge=1)]


class Changed(Fact, frozen=True):
    """A notice that an object in QuickBooks changed; the object itself is fetched.

    `survivor` is the ID of the object that it was merged into, if the notice names it.
    """

    realm: Identifier
    entity: Identifier
    entity_id: Identifier
    operation: Identifier
    at: Instant
    survivor: Identifier | None = None


class Named(Fact, frozen=True):
    """A term, a tax code or an account of a company, which people choose by name, with its ID."""

    id: Identifier
    name: Name


class CompanyObserved(Fact, frozen=True):
    """The data of a QuickBooks company that decisions need, read after connecting and on demand.

    QuickBooks does not state a time zone: `time_zone` is the one that the company's address and country allow, none
    if they do not allow exactly one; `time_zone_reason` explains it.
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
    """The data of a QuickBooks customer that decisions need, at the time of reading.

    `exists` is false if QuickBooks has no customer with this ID. `reading` is the number of the commanded reading, 0 if
    the data came in another way. `full_name` is a sub-customer's name with those above it, `Acme:Austin`. `line2` of an address has QuickBooks' second to fifth line. QuickBooks hides most tax
    IDs, as `XXXXXX56789`: `tax_id` is None then.
    """

    realm: Identifier
    customer_id: Identifier
    exists: bool = True
    display_name: Name | None = None
    active: bool = True
    currency: Currency | None = None
    reading: int = 0
    sync_token: int = 0
    company_name: Name | None = None
    email: Name | None = None
    phone: Name | None = None
    parent_id: Identifier | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    terms_id: Identifier | None = None
    taxable: bool | None = None
    website: Name | None = None
    tax_id: Name | None = None
    full_name: Name | None = None


NOT_FOR_SALE = frozenset({"Category", "Group"})  # types of items that a line of an invoice can't name


class ItemObserved(Fact, frozen=True):
    """The data of a QuickBooks item that decisions need, at the time of reading.

    `exists` and `reading` have the meaning of `CustomerObserved`'s. `type` is QuickBooks' own: Service, NonInventory
    and Inventory can be sold on a line, Category and Group (a bundle) can't. `full_name` is the name with the categories
    that the item is in, `Software:Seat`, if it is in any.
    """

    realm: Identifier
    item_id: Identifier
    exists: bool = True
    name: Name | None = None
    type: Identifier | None = None
    active: bool = True
    reading: int = 0
    sync_token: int = 0
    sku: Name | None = None
    income_account_id: Identifier | None = None
    full_name: Name | None = None


class ReadingFailed(Fact, frozen=True):
    """The reading of a company, customer or item failed; it is retried.

    `subject` is `customer/REALM/ID`, `item/REALM/ID`, or `workspace` for a company.
    """

    realm: Identifier
    kind: CommandKind
    subject: Stream
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
    """Return the figures of an invoice, as arguments of another event about it."""
    return {name: getattr(invoice, name) for name in Figures.__struct_fields__}


class InvoiceCreated(Figures, frozen=True):
    """QuickBooks has the invoice of a deal.

    `adopted` is true if it was found by its mark after an uncertain outcome; `expected` is our amount before tax, set
    if it differs.
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
    """QuickBooks has the customer of an account.

    `customer` is the customer as QuickBooks answered; events of earlier releases lack it.
    """

    account_id: Identifier
    realm: Identifier
    request_id: Identifier
    customer_id: Identifier
    display_name: Name
    currency: Currency | None = None
    adopted: bool = False
    customer: CustomerObserved | None = None


class ItemCreated(Fact, frozen=True):
    """QuickBooks has the item of a product."""

    product_id: Identifier
    realm: Identifier
    request_id: Identifier
    item_id: Identifier
    name: Name
    type: Identifier = "Service"
    adopted: bool = False


class CustomerUpdated(Fact, frozen=True):
    """QuickBooks has changed a customer as an update requested.

    `customer` is the customer after the update, as QuickBooks returned it: values may differ from those requested, since
    QuickBooks trims texts. `generation` is the update's. `adopted` is true if the customer had the requested values
    already when it was read, after an uncertain outcome.
    """

    realm: Identifier
    customer_id: Identifier
    generation: Generation
    request_id: Identifier
    customer: CustomerObserved
    adopted: bool = False


class Holder(Fact, frozen=True):
    """The object in QuickBooks that has a name or a number that we requested: `entity` is such as Customer or Item."""

    entity: Identifier
    id: Identifier
    name: Name
    active: bool = True


class CommandRejected(Fact, frozen=True):
    """QuickBooks definitely rejected a command; it waits for a person.

    `subject` is the stream of the deal, account, product or updated customer, such as `deal/D-17`. `gate` is the code
    of the gate at which the deal then waits; `code` is QuickBooks' own. `holder` is the object that already has the name
    or the number, if that is the cause. An update of a customer that was changed meanwhile has the gate
    `customer_changed` and waits for no person: the customer is read, and the update decided anew.
    """

    subject: Stream
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
    """A command was sent without an answer; it is looked up before anything else is done.

    `look_up_refused` is true if QuickBooks refuses the look-up too, with `message`.
    """

    subject: Stream
    kind: CommandKind
    part: int
    generation: Generation
    realm: Identifier
    request_id: Identifier
    message: str
    look_up_refused: bool = False


class CompanyRefused(Fact, frozen=True):
    """QuickBooks refuses every request for a company, until a person corrects the cause.

    `gate` is the code of the gate at which deals then wait, such as `subscription_lapsed`; `message` is QuickBooks'.
    """

    realm: Identifier
    at: Instant
    gate: Identifier
    message: str


class CompanyServed(Fact, frozen=True):
    """QuickBooks accepts requests for a company again, after it had refused them."""

    realm: Identifier
    at: Instant
