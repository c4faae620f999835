"""The state of an account: its snapshot from the CRM, its customers, and a person's requests."""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from events.contract.administration import CustomerRequested
from events.contract.crm import AccountUpdated, BroughtCustomer
from events.contract.in_step import UpdatedField
from events.contract.matching import MappingSuggested
from events.contract.reviewing import BroughtRefused, MappingMoved
from events.contract.unmatched import AccountUnmatched, ComparisonRequested
from worker.quote_to_cash.reviewable import Reviewable


class Link(Struct, frozen=True):
    """The mapping of an account to a customer, for deals in one currency, or in all without a link of their own.

    A customer's ID is valid only in its realm; `realm` is None if no company was ever connected. With `also`, the customer
    is another account's, and this one is linked for invoices only.
    """

    customer_id: str
    realm: str | None
    currency: str | None = None
    also: bool = False


class Account(Reviewable[MappingSuggested], frozen=True):
    """The state of an account: first the facts, then our own commands.

    Attributes:
        latest: Its last snapshot.
        links: The customers that people mapped it to, or that were created for it.
        wish: The last request.
        brought: The customer that the CRM's snapshots brought last in each company, unless a person has decided since.
        commanded: The name of the customer that was commanded last.
        sent: The fields that the last commands sent, by their request IDs.
        automatic: The customers that the worker linked it to without a person: suggested ones, and those that the CRM brought.
        refused: Why it was not linked to a customer that the CRM brought, in each company.
        moved: The moves of its links to customers that theirs were merged into.
    """

    kind: ClassVar[str] = "account"

    latest: AccountUpdated | None = None
    links: tuple[Link, ...] = ()
    wish: CustomerRequested | None = None
    brought: tuple[BroughtCustomer, ...] = ()
    unmatched: AccountUnmatched | None = None

    commanded: str | None = None
    sent: dict[str, tuple[UpdatedField, ...]] = field(default_factory=dict)
    automatic: tuple[Link, ...] = ()
    refused: tuple[BroughtRefused, ...] = ()
    compared: ComparisonRequested | None = None
    moved: tuple[MappingMoved, ...] = ()

    @property
    def is_unmatched(self) -> bool:
        """Whether no customer of the company with which it was compared last is like it, and no person has decided."""
        suggested = self.suggested
        if self.latest is None or suggested is None or suggested.verdict != "none":
            return False
        is_decided = self.ignored_by is not None or self.is_unanswered
        return not is_decided and not self.links_in(suggested.realm)

    def awaits_comparison(self, realm: str) -> bool:
        """Return whether it is still to be compared with the customers of a company: for the first time, or after a rejection."""
        if self.latest is None or self.ignored_by is not None or self.is_unanswered or self.links_in(realm):
            return False
        suggested = self.suggested
        if suggested is None or suggested.realm != realm:
            return True
        return suggested.best is not None and (realm, suggested.best.customer_id) in self.rejected

    def gets_created_in(self, realm: str) -> bool:
        """Return whether a customer is being created in a realm that it gets: no person has decided otherwise since."""
        attempt = self.attempt
        is_decided = self.ignored_by is not None or bool(self.links_of_people(realm))
        is_open = attempt is not None and attempt.is_open and attempt.realm == realm
        return is_open and not (is_decided and self.requests <= self.withdrawn)

    def brought_in(self, realm: str | None) -> BroughtCustomer | None:
        """Return the customer of a company that the CRM brought."""
        return next((each for each in self.brought if each.realm == realm), None)

    def refusal_of(self, brought: BroughtCustomer) -> BroughtRefused | None:
        """Return why it was not linked to a customer that the CRM brought."""
        of = (brought.realm, brought.customer_id)
        return next((each for each in self.refused if (each.realm, each.customer_id) == of), None)

    def chosen_in(self, realm: str | None) -> tuple[str, ...]:
        """Return the customers in a realm, in any if it is None, that people mapped it to or that were created for it."""
        return tuple(link.customer_id for link in self.links_of_people(realm))

    def by_itself_in(self, realm: str | None) -> str | None:
        """Return the customer in a realm, in any if it is None, that it was linked to without a person."""
        return next((link.customer_id for link in self.links_by_itself(realm)), None)

    def links_in(self, realm: str | None) -> tuple[Link, ...]:
        """Return the links to customers in a realm, in any if it is None: a person's, or else those of the worker itself."""
        return self.links_of_people(realm) or self.links_by_itself(realm)

    def links_of_people(self, realm: str | None) -> tuple[Link, ...]:
        """Return the links to customers in a realm, in any if it is None, that people made."""
        return self._present(link for link in self.links if realm in (None, link.realm))

    def links_by_itself(self, realm: str | None) -> tuple[Link, ...]:
        """Return the links to customers in a realm, in any if it is None, that no person made, and none overruled."""
        if self.is_overruled(realm):
            return ()
        found = (
            link
            for link in self.automatic
            if realm in (None, link.realm) and (link.realm, link.customer_id) not in self.rejected
        )
        return tuple(
            link for link in self._present(found) if (link.realm, link.customer_id) not in self.rejected
        )

    def present(self, realm: str | None, customer_id: str) -> str:
        """Return the customer that a link to a customer is of now: merges may have moved it."""
        into = {each.merged: each.customer_id for each in self.moved if each.realm == realm}
        for _ in into:
            customer_id = into.get(customer_id, customer_id)
        return customer_id

    def _present(self, links: Iterable[Link]) -> tuple[Link, ...]:
        moved = (replace(link, customer_id=self.present(link.realm, link.customer_id)) for link in links)
        return tuple(dict.fromkeys(moved))

    def link_in(self, realm: str | None, currency: str | None) -> Link | None:
        """Return the link to a customer in a realm, for deals in a currency; in any realm if `realm` is None.

        A link for another currency is better than none: the gate can then name the wrong currency.
        """
        links = self.links_in(realm)
        fits = [(link.currency == currency, link.currency is None) for link in links]
        return links[fits.index(max(fits))] if links else None
