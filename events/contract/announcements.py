"""What we say to the CRM and to reporting, and what was decided on the way there."""

from datetime import date
from typing import Literal

from events.contract.gates import Action
from events.contract.quickbooks import Figures, Generation
from events.contract.values import Amount, Currency, Fact, Identifier, Instant, Name

InvoiceStatus = Literal["outstanding", "partly_paid", "paid", "overdue", "voided", "written_off"]


class DealClosedWon(Fact, frozen=True):
    """A completed contract won the deal."""

    deal_id: Identifier
    contract_id: Identifier
    at: Instant


class UnmetGate(Fact, frozen=True):
    """A condition that an invoice waits on.

    Attributes:
        gate: Its code.
        reason: Why it is not met, in a sentence.
        remedy: What opens it, in a sentence.
        action: The same as a code, which a program can offer.
        about: The streams that it is done to, such as `account/A-9`, where that is not the deal itself.
    """

    gate: Identifier
    reason: str
    remedy: str
    action: Action = "wait"
    about: tuple[str, ...] = ()


class DealInvoiceHeld(Fact, frozen=True):
    """A deal has no invoice yet, and why: `gates` in the order in which they are checked.

    `waits_on` names the streams whose events may change the gates, beside the deal's own.
    """

    deal_id: Identifier
    part: int
    gates: tuple[UnmetGate, ...]
    waits_on: tuple[str, ...] = ()


class DealGatesChanged(DealInvoiceHeld, frozen=True):
    """The gates of a deal are others, or say something else, of which the CRM is not notified."""


class DealInvoiced(Figures, frozen=True):
    """A deal has its invoice."""

    deal_id: Identifier
    part: int
    realm: Identifier
    invoice_id: Identifier
    link: str


class InvoiceState(Figures, frozen=True):
    """The present state of an invoice, for reporting; the last one for a realm and invoice holds."""

    realm: Identifier
    invoice_id: Identifier
    deal_id: Identifier
    part: int
    generation: Generation
    account_id: Identifier
    customer_id: Identifier
    balance: Amount
    status: InvoiceStatus
    txn_date: date


class CustomerLinked(Fact, frozen=True):
    """An account in the CRM is this customer in QuickBooks, for deals of one currency or of all."""

    account_id: Identifier
    customer_id: Identifier
    realm: Identifier | None = None
    currency: Currency | None = None


class InvoiceRequested(Fact, frozen=True):
    """Every gate of a deal was met, and its invoice was commanded.

    `orders` is how many times a person had asked by hand when this was decided; `notes` say what of the deal
    QuickBooks does not get, or gets in other words.
    """

    deal_id: Identifier
    part: int
    generation: Generation
    realm: Identifier
    request_id: Identifier
    account_id: Identifier
    customer_id: Identifier
    currency: Currency
    net: Amount
    orders: int = 0
    notes: tuple[str, ...] = ()


class CustomerCommanded(Fact, frozen=True):
    """A customer was commanded for an account; `notes` say what of the account QuickBooks does not get."""

    account_id: Identifier
    generation: Generation
    realm: Identifier
    request_id: Identifier
    display_name: Name
    requests: int
    notes: tuple[str, ...] = ()


class ItemCommanded(Fact, frozen=True):
    """An item was commanded for a product; `notes` say what of the product QuickBooks does not get."""

    product_id: Identifier
    generation: Generation
    realm: Identifier
    request_id: Identifier
    name: Name
    requests: int
    notes: tuple[str, ...] = ()


class ReadCommanded(Fact, frozen=True):
    """A reading of one customer or item of QuickBooks was commanded.

    `reading` counts the readings of this object; `wishes` is how many wishes for one it answers.
    """

    kind: Literal["read_customer", "read_item"]
    realm: Identifier
    object_id: Identifier
    reading: Generation
    wishes: int


class CompanyReadCommanded(Fact, frozen=True):
    """A reading of a QuickBooks company was commanded."""

    realm: Identifier
    generation: Generation
