"""Events to the CRM and to reporting, and the process manager's own facts."""

from datetime import date
from typing import Literal

from msgspec import field

from events.contract.gates import Action
from events.contract.in_step import UpdatedField
from events.contract.quickbooks import Figures, Generation
from events.contract.values import Amount, Currency, Fact, Identifier, Instant, Name, Stream

INVOICE_LINK = "https://qbo.intuit.com/app/invoice?txnId={invoice_id}&companyId={realm}"

DealStage = Literal[
    "quote_draft", "contract_sent", "signed", "closed_won", "invoice_created", "paid", "closed_lost"
]
InvoiceStatus = Literal["outstanding", "partly_paid", "paid", "overdue", "voided", "written_off"]


def invoice_link(realm: str, invoice_id: str) -> str:
    """Return the address of an invoice in QuickBooks' own pages."""
    return INVOICE_LINK.format(invoice_id=invoice_id, realm=realm)


class DealClosedWon(Fact, frozen=True):
    """A completed contract won the deal."""

    deal_id: Identifier
    contract_id: Identifier
    at: Instant


class DealStageChanged(Fact, frozen=True):
    """The stage of a deal has changed; other events announce that it was won or invoiced."""

    deal_id: Identifier
    stage: DealStage


class UnmetGate(Fact, frozen=True):
    """A condition that an invoice waits on. Its sentences are made where they are shown.

    Attributes:
        gate: The gate's code.
        action: The remedy as a code, which a program can offer.
        case: The code of the cause, where the gate has several with sentences of their own.
        params: The values that its sentences name, such as `{"total": "100.50", "currency": "USD"}`.
        about: The streams that the action applies to, such as `account/A-9`, if not the deal itself.
    """

    gate: Identifier
    action: Action = "wait"
    case: Identifier | None = None
    params: dict[str, str] = field(default_factory=dict)
    about: tuple[str, ...] = ()


class HeldGate(UnmetGate, frozen=True, kw_only=True):
    """An unmet gate as the CRM gets it: with its sentences.

    Attributes:
        reason: A sentence: why the gate is unmet.
        remedy: A sentence: how a person can meet it.
    """

    reason: str
    remedy: str


def unspoken(gate: UnmetGate) -> UnmetGate:
    """Return a gate without its sentences, if it has any."""
    return UnmetGate(gate.gate, gate.action, gate.case, gate.params, gate.about)


class DealInvoiceHeld(Fact, frozen=True):
    """A deal has no invoice yet; `gates` are the unmet gates, in the order in which they are checked.

    `waits_on` names the keys, beside the deal's own stream, whose changes may change the gates.
    """

    deal_id: Identifier
    part: int
    gates: tuple[HeldGate, ...]
    waits_on: tuple[str, ...] = ()


class DealGatesChanged(Fact, frozen=True):
    """The unmet gates of a deal have changed in a way that is not announced to the CRM; the fields are as above."""

    deal_id: Identifier
    part: int
    gates: tuple[UnmetGate, ...]
    waits_on: tuple[str, ...] = ()


class DealInvoiced(Figures, frozen=True):
    """A deal has its invoice."""

    deal_id: Identifier
    part: int
    realm: Identifier
    invoice_id: Identifier
    link: str


class InvoiceState(Figures, frozen=True):
    """The current state of an invoice in QuickBooks, for reporting; the last event of a realm and an invoice is valid.

    An invoice without a deal has no `deal_id`, `part` and `generation`; an invoice whose customer belongs to no account has
    no `account_id`.
    """

    realm: Identifier
    invoice_id: Identifier
    customer_id: Identifier
    balance: Amount
    status: InvoiceStatus
    txn_date: date
    deal_id: Identifier | None = None
    part: int | None = None
    generation: Generation | None = None
    account_id: Identifier | None = None


class CustomerLinked(Fact, frozen=True):
    """An account in the CRM was linked to a customer in QuickBooks, for deals in one currency or in all."""

    account_id: Identifier
    customer_id: Identifier
    realm: Identifier | None = None
    currency: Currency | None = None


class InvoiceCommanded(Fact, frozen=True):
    """Every gate of a deal was met, and its invoice was commanded.

    `requests` counts the requests by hand before this decision; `notes` list the parts of the deal that QuickBooks does not
    get, or gets in other words.
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
    requests: int = 0
    notes: tuple[str, ...] = ()


class CustomerCommanded(Fact, frozen=True):
    """A customer was commanded for an account; `notes` list the parts of the account that QuickBooks does not get.

    `fields` are the fields that the customer gets from the account: later changes are measured against them.
    """

    account_id: Identifier
    generation: Generation
    realm: Identifier
    request_id: Identifier
    display_name: Name
    requests: int
    notes: tuple[str, ...] = ()
    fields: tuple[UpdatedField, ...] = ()


class ItemCommanded(Fact, frozen=True):
    """An item was commanded for a product; `notes` list the parts of the product that QuickBooks does not get."""

    product_id: Identifier
    generation: Generation
    realm: Identifier
    request_id: Identifier
    name: Name
    requests: int
    notes: tuple[str, ...] = ()


class ReadCommanded(Fact, frozen=True):
    """The reading of one customer or item in QuickBooks was commanded.

    `subject` is its stream, `customer/REALM/ID` or `item/REALM/ID`. `reading` counts the readings of this object;
    `wishes` counts the requests for a reading that it answers.
    """

    kind: Literal["read_customer", "read_item"]
    realm: Identifier
    subject: Stream
    reading: Generation
    wishes: int


class CompanyReadCommanded(Fact, frozen=True):
    """The reading of a QuickBooks company was commanded."""

    realm: Identifier
    generation: Generation
