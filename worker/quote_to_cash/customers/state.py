"""What is remembered of an account: what the CRM says, which customers it is, what a person asked for."""

from typing import ClassVar

from msgspec import Struct

from events.contract.administration import CustomerRequested
from events.contract.crm import AccountUpdated
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.view import State


class Link(Struct, frozen=True):
    """Which customer an account is, for deals of one currency, or of all that have no customer of their own.

    A customer's id means something in its realm only; there is none while no company was ever connected.
    """

    customer_id: str
    realm: str | None
    currency: str | None = None


class Account(State, frozen=True):
    """An account: the facts, then what we did about them.

    `withdrawn` is how many wishes for a customer a person has withdrawn, by saying which one it is.
    """

    kind: ClassVar[str] = "account"

    latest: AccountUpdated | None = None
    links: tuple[Link, ...] = ()
    requests: int = 0
    withdrawn: int = 0
    wish: CustomerRequested | None = None

    attempt: Attempt | None = None

    @property
    def is_unanswered(self) -> bool:
        """Whether a person asked for one that neither a mapping nor a command answers."""
        return self.requests > max(self.withdrawn, self.attempt.asked if self.attempt else 0)

    def link_in(self, realm: str | None, currency: str | None) -> Link | None:
        """Return which customer of a realm it is for deals of a currency; of whichever realm, where there is none.

        One that is of another currency is better than none: what is wrong with it can be said.
        """
        links = [link for link in self.links if realm in (None, link.realm)]
        fits = [(link.currency == currency, link.currency is None) for link in links]
        return links[fits.index(max(fits))] if links else None
