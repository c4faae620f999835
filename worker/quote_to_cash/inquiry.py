"""The facts about a deal that gates check; each is computed at most once."""

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
    """The rules contradict one another: a defect of the code, not of the data."""


class OfDeal:
    """What follows from the state of a deal alone."""

    def __init__(self, deal: Deal) -> None:
        self._deal = deal

    @cached_property
    def signed(self) -> Signed:
        """The snapshot whose quote was signed."""
        return signed_version(self._deal)

    @cached_property
    def priced(self) -> Priced | None:
        """The amounts of the newest quote; None if it has no lines, or they do not add up."""
        latest = self._deal.latest
        quote = latest.quote if latest else None
        return price(quote, latest.currency) if latest and quote and quote.lines else None


class Inquiry:
    """A part of a deal, with its account, items and company.

    Reading a fact that is not known yet raises `DecisionImpossible`: check `has_…` first.

    Attributes:
        view: The state of the workspace's streams.
        deal_id: The deal's ID.
        number: The number of the invoiced part.
        deal: The state of the deal.
        part: The state of the invoiced part.
        workspace: The state of the workspace: settings, connection and company.
        in_batch: Whether a batch runs, and the deal is one of those that waited for it.
    """

    def __init__(self, view: View, deal_id: str, number: int = WHOLE, *, in_batch: bool = False) -> None:
        self.view = view
        self.deal_id = deal_id
        self.number = number
        self.deal = view.get(Deal, deal_id)
        self.part = self.deal.part(number)
        self.workspace = view.get(WorkspaceState)
        self.in_batch = in_batch
        self._of_deal = OfDeal(self.deal)

    def through(self, view: View) -> "Inquiry":
        """Return the same inquiry through another view, with nothing read yet but the deal."""
        other = Inquiry(view, self.deal_id, self.number, in_batch=self.in_batch)
        other._of_deal = self._of_deal
        return other

    @property
    def settings(self) -> Settings:
        """The workspace's settings."""
        return self.workspace.settings

    @property
    def realm(self) -> str | None:
        """The connected company, or the last one that was."""
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
        """The company as it was last read."""
        return self._known(self.workspace.company, "company")

    @cached_property
    def lacking(self) -> str | None:
        """The code of the gate at which the contract stands; None if the deal is won, or there is no contract."""
        return lacking(self.deal, self.settings)

    @property
    def signed(self) -> Signed:
        """The snapshot whose quote was signed."""
        return self._of_deal.signed

    @property
    def priced(self) -> Priced | None:
        """The amounts of the newest quote; None if it has no lines, or they do not add up."""
        return self._of_deal.priced

    @cached_property
    def account(self) -> Account:
        """The deal's account."""
        return self.view.get(Account, self.latest.account_id)

    @cached_property
    def link(self) -> Link | None:
        """The link of the account to a customer, for deals in this currency."""
        return self.account.link_in(self.realm, self.latest.currency)

    @cached_property
    def referred(self) -> list[str]:
        """The streams of the customer and the items that the invoice refers to."""
        return referred(self.view, self.latest)

    @cached_property
    def items(self) -> QuotedItems:
        """The products of the newest quote, with the items that they are mapped to."""
        return QuotedItems(self.view, self.realm, self.latest.quote)

    def _known(self, thing: T | None, name: str) -> T:
        if thing is None:
            raise DecisionImpossible(
                f"Deal {self.deal_id} is decided without what its gates guard: its {name}"
            )
        return thing


def has_arrived(inquiry: Inquiry) -> bool:
    """Return whether the CRM has sent the deal."""
    return inquiry.deal.latest is not None


def has_quote(inquiry: Inquiry) -> bool:
    """Return whether the newest snapshot has a quote."""
    return inquiry.deal.latest is not None and inquiry.deal.latest.quote is not None


def has_lines(inquiry: Inquiry) -> bool:
    """Return whether the newest quote has any lines."""
    return has_quote(inquiry) and bool(inquiry.quote.lines)


def has_company(inquiry: Inquiry) -> bool:
    """Return whether the connected company has been read."""
    return inquiry.workspace.company is not None
