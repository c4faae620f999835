"""Events from the CRM: snapshots of deals and accounts, with growing revisions."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from events.contract.values import (
    Amount,
    Currency,
    Fact,
    Identifier,
    Instant,
    Name,
    Percent,
    PositiveAmount,
    Revision,
)

Stage = Literal["quote_draft", "contract_sent", "closed_won", "closed_lost"]
TaxMode = Literal["exclusive", "inclusive", "none"]


class Discount(Fact, frozen=True):
    """A discount on a line or a quote: a percentage or an amount, never both."""

    percent: Percent | None = None
    amount: PositiveAmount | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("A discount must be either a percent or an amount")


class QuoteLine(Fact, frozen=True):
    """One line of a quote; `quantity` times `unit_price` less `discount`, in the deal's currency."""

    line_id: Identifier
    product_id: Identifier
    name: Name
    quantity: Amount
    unit_price: Amount
    sku: str | None = None
    description: str | None = None
    discount: Discount | None = None
    taxable: bool = True
    tax_code: str | None = None
    service_date: date | None = None


class Quote(Fact, frozen=True):
    """An offer to the customer; `total` is the amount that they sign, before tax when `tax_mode` is exclusive."""

    quote_id: Identifier
    revision: Revision
    tax_mode: TaxMode
    lines: tuple[QuoteLine, ...]
    total: PositiveAmount
    discount: Discount | None = None
    shipping: PositiveAmount | None = None


class ScheduleEntry(Fact, frozen=True):
    """A part of the total that is invoiced on its own: on signature, or on a date."""

    entry: Revision
    on: Annotated[str, Meta(pattern=r"^(signature|[0-9]{4}-[0-9]{2}-[0-9]{2})$")]
    percent: Percent

    def __post_init__(self) -> None:
        if self.on != "signature":
            date.fromisoformat(self.on)


class DealUpdated(Fact, frozen=True):
    """A snapshot of a deal; the snapshot with the highest revision is current."""

    deal_id: Identifier
    revision: Revision
    account_id: Identifier
    name: Name
    stage: Stage
    currency: Currency
    owner: str | None = None
    po_number: str | None = None
    closed_at: Instant | None = None
    quote: Quote | None = None
    billing_schedule: tuple[ScheduleEntry, ...] = ()


class Address(Fact, frozen=True):
    """A postal address.

    Attributes:
        line1: The first line.
        line2: The other lines.
        city: The city.
        region: The state, province or county.
        postal_code: The postal code.
        country: The country, as the CRM or QuickBooks writes it.
    """

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class BroughtCustomer(Fact, frozen=True):
    """The QuickBooks customer that an account is, in the company `realm`, as the CRM knows it."""

    realm: Identifier
    customer_id: Identifier


class AccountUpdated(Fact, frozen=True):
    """A snapshot of an account; the snapshot with the highest revision is current.

    `customer` links the account; a later snapshot without it undoes nothing.
    """

    account_id: Identifier
    revision: Revision
    name: Name
    domain: str | None = None
    tax_id: str | None = None
    email: str | None = None
    phone: str | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    currency: Currency | None = None
    customer: BroughtCustomer | None = None
