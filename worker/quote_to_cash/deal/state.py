"""The state of a deal: facts from the CRM and DocuSign, then our own decisions and commands."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from events.contract.announcements import DealStage, UnmetGate
from events.contract.crm import DealUpdated, Quote
from events.contract.quickbooks import InvoiceCreated
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.deal.versions import Version
from worker.quote_to_cash.view import State

WHOLE = 0  # the part that is the whole deal

ContractStatus = Literal["sent", "delivered", "signed", "declined", "voided"]


class Contract(Struct, frozen=True):
    """The state of one envelope. `sent_at` is when it was sent; None if that is unknown."""

    contract_id: str
    status: ContractStatus
    at: datetime
    sent_at: datetime | None
    reason: str | None = None


class Part(Struct, frozen=True):
    """A part of a deal that gets an invoice: the whole deal, or (later) an entry of its billing schedule.

    Attributes:
        requests: How many times a person requested the invoice.
        unmet: The unmet gates that were last recorded.
        waits_on: The keys on which it waits meanwhile.
        notified: The codes of the unmet gates that were announced to the CRM.
        attempts: The commands to create the invoice, by generation; the last one is current.
        invoices: The invoices in QuickBooks, by generation.
    """

    requests: int = 0
    unmet: tuple[UnmetGate, ...] = ()
    waits_on: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    invoices: dict[int, InvoiceCreated] = field(default_factory=dict)

    @property
    def attempt(self) -> Attempt | None:
        """The current attempt; None if there is none."""
        return self.attempts[-1] if self.attempts else None

    @property
    def invoice(self) -> InvoiceCreated | None:
        """The invoice of the last generation that has one."""
        return self.invoices[max(self.invoices)] if self.invoices else None


class Deal(State, frozen=True):
    """The state of a deal: first the facts, then our own decisions and commands for each part that gets an invoice."""

    kind: ClassVar[str] = "deal"

    latest: DealUpdated | None = None
    versions: tuple[Version, ...] = ()
    quotes: dict[str, Quote] = field(default_factory=dict)
    won_revision: int | None = None
    won_at: datetime | None = None
    contracts: dict[str, Contract] = field(default_factory=dict)

    announced_won: bool = False
    stage: DealStage = "quote_draft"
    parts: dict[int, Part] = field(default_factory=dict)

    def part(self, number: int) -> Part:
        """Return the state of a part; a new part is empty."""
        return self.parts.get(number, Part())

    def with_part(self, number: int, part: Part) -> "Deal":
        """Return the deal with a part replaced."""
        return replace(self, parts={**self.parts, number: part})

    @property
    def invoices(self) -> list[InvoiceCreated]:
        """The invoice of each part that has one."""
        return [part.invoice for part in self.parts.values() if part.invoice is not None]

    @property
    def waits_on(self) -> tuple[str, ...]:
        """The keys on which any of its parts waits."""
        return tuple(dict.fromkeys(key for part in self.parts.values() for key in part.waits_on))


def named_by(snapshot: DealUpdated) -> list[str]:
    """Return the streams of the account and the products that a deal names."""
    return [f"account/{snapshot.account_id}", *products_of(snapshot)]


def products_of(snapshot: DealUpdated) -> list[str]:
    """Return the streams of the products on a deal's quote, each once, in order."""
    lines = snapshot.quote.lines if snapshot.quote else ()
    return sorted({f"product/{line.product_id}" for line in lines})
