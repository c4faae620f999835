"""The state of an account: its snapshot from the CRM, its customers, and a person's requests."""

from typing import ClassVar

from msgspec import Struct

from events.contract.administration import CustomerRequested
from events.contract.crm import AccountUpdated
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.view import State


class Link(Struct, frozen=True):
    """The mapping of an account to a customer, for deals in one currency, or in all without a link of their own.

    A customer's ID is valid only in its realm; `realm` is None if no company was ever connected.
    """

    customer_id: str
    realm: str | None
    currency: str | None = None


class Account(State, frozen=True):
    """The state of an account: first the facts, then our own commands.

    `withdrawn` is how many requests for a customer were withdrawn, because a person mapped the account.
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
        """Whether a person's request for a customer is answered neither by a mapping nor by a command."""
        return self.requests > max(self.withdrawn, self.attempt.asked if self.attempt else 0)

    def link_in(self, realm: str | None, currency: str | None) -> Link | None:
        """Return the link to a customer in a realm, for deals in a currency; in any realm if `realm` is None.

        A link for another currency is better than none: the gate can then name the wrong currency.
        """
        links = [link for link in self.links if realm in (None, link.realm)]
        fits = [(link.currency == currency, link.currency is None) for link in links]
        return links[fits.index(max(fits))] if links else None
