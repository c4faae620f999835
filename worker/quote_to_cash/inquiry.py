"""A deal whose invoice is asked about: everything that gates look at, each worked out once."""

from functools import cached_property
from typing import TypeVar

from events.contract.crm import DealUpdated, Quote
from events.contract.quickbooks import CompanyObserved
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account, Link
from worker.quote_to_cash.deal.signed import Signed, signed_version
from worker.quote_to_cash.deal.state import WHOLE, Deal
from worker.quote_to_cash.deal.won import lacking
from worker.quote_to_cash.invoice.totals import Priced, price
from worker.quote_to_cash.items.quoted import QuotedItems
from worker.quote_to_cash.referred import referred
from worker.quote_to_cash.view import View
from worker.workspaces.settings import Settings

T = TypeVar("T")


class DecisionImpossible(Exception):
    """The rules contradict one another: a defect of ours, never of the data."""


class Inquiry:
    """A part of a deal, and what it refers to. What is not known yet raises `DecisionImpossible`: ask `has_…` before.

    Attributes:
        view: The state of the workspace.
        deal_id: The deal's ID.
        number: The number of the part that the invoice is for.
        deal: The deal as the state has it.
        part: The part that the invoice is for.
        workspace: What holds for the whole workspace.
    """

    def __init__(self, view: View, deal_id: str, number: int = WHOLE) -> None:
        self.view = view
        self.deal_id = deal_id
        self.number = number
        self.deal = view.get(Deal, deal_id)
        self.part = self.deal.part(number)
        self.workspace = view.get(WorkspaceState)

    @property
    def settings(self) -> Settings:
        """What the workspace chose."""
        return self.workspace.settings

    @property
    def realm(self) -> str | None:
        """The company that is connected, or was last."""
        return self.workspace.realm

    @property
    def latest(self) -> DealUpdated:
        """The deal's newest snapshot from the CRM."""
        return self._known(self.deal.latest, "snapshot")

    @property
    def quote(self) -> Quote:
        """The quote of the newest snapshot."""
        return self._known(self.latest.quote, "quote")

    @property
    def company(self) -> CompanyObserved:
        """The company as it was read last."""
        return self._known(self.workspace.company, "company")

    @cached_property
    def lacking(self) -> str | None:
        """The code of what its contract lacks; nothing if the deal is won, or there is no contract."""
        return lacking(self.deal, self.settings)

    @cached_property
    def signed(self) -> Signed:
        """Which snapshot's quote was signed."""
        return signed_version(self.deal)

    @cached_property
    def priced(self) -> Priced | None:
        """The amounts of the newest quote; nothing if it has no lines, or they do not add up."""
        quote = self.latest.quote
        return price(quote, self.latest.currency) if quote and quote.lines else None

    @cached_property
    def account(self) -> Account:
        """The deal's account."""
        return self.view.get(Account, self.latest.account_id)

    @cached_property
    def link(self) -> Link | None:
        """Which customer the account is, for a deal of this currency."""
        return self.account.link_in(self.realm, self.latest.currency)

    @cached_property
    def referred(self) -> list[str]:
        """The streams of the customer and the items that the invoice refers to."""
        return referred(self.view, self.latest)

    @cached_property
    def items(self) -> QuotedItems:
        """The products of the newest quote, and the items that they are."""
        return QuotedItems(self.view, self.realm, self.latest.quote)

    def _known(self, thing: T | None, name: str) -> T:
        if thing is None:
            raise DecisionImpossible(
                f"Deal {self.deal_id} is decided without what its gates guard: its {name}"
            )
        return thing


def has_arrived(inquiry: Inquiry) -> bool:
    """Say whether the CRM has shown the deal."""
    return inquiry.deal.latest is not None


def has_quote(inquiry: Inquiry) -> bool:
    """Say whether the newest snapshot shows a quote."""
    return inquiry.deal.latest is not None and inquiry.deal.latest.quote is not None


def has_lines(inquiry: Inquiry) -> bool:
    """Say whether the newest quote has any lines."""
    return has_quote(inquiry) and bool(inquiry.quote.lines)


def has_company(inquiry: Inquiry) -> bool:
    """Say whether the company that is connected has been read."""
    return inquiry.workspace.company is not None
