"""What is remembered of a deal: what the CRM and DocuSign said of it, then what we did about that."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct, field

from events.contract.announcements import UnmetGate
from events.contract.crm import DealUpdated, Quote
from events.contract.quickbooks import InvoiceCreated
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.deal.versions import Version
from worker.quote_to_cash.view import State

ContractStatus = Literal["sent", "delivered", "signed", "declined", "voided"]


class Contract(Struct, frozen=True):
    """The state of one envelope. `sent_at` is when it was sent, once that is known."""

    contract_id: str
    status: ContractStatus
    at: datetime
    sent_at: datetime | None
    reason: str | None = None


class Deal(State, frozen=True):
    """A deal: the facts, then what we did about them.

    `unmet` are the gates that were recorded last, `waits_on` what it waits on meanwhile; `notified` are the codes that
    the CRM knows.
    """

    kind: ClassVar[str] = "deal"

    latest: DealUpdated | None = None
    versions: tuple[Version, ...] = ()
    quotes: dict[str, Quote] = field(default_factory=dict)
    won_revision: int | None = None
    won_at: datetime | None = None
    contracts: dict[str, Contract] = field(default_factory=dict)
    orders: int = 0

    announced_won: bool = False
    unmet: tuple[UnmetGate, ...] = ()
    waits_on: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()
    attempt: Attempt | None = None
    invoice: InvoiceCreated | None = None


def named_by(snapshot: DealUpdated) -> list[str]:
    """Return the streams of the account and the products that a deal names."""
    return [f"account/{snapshot.account_id}", *products_of(snapshot)]


def products_of(snapshot: DealUpdated) -> list[str]:
    """Return the streams of the products on a deal's quote, each once, in order."""
    lines = snapshot.quote.lines if snapshot.quote else ()
    return sorted({f"product/{line.product_id}" for line in lines})
