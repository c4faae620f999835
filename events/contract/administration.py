"""What people decided: settings, mappings, connections, invoices asked for by hand."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from events.contract.values import Currency, Fact, Identifier, Instant, Name

Actor = Annotated[str, Meta(max_length=200, description="Who did it")]


class SettingsChanged(Fact, frozen=True):
    """Settings of a workspace were changed; `changes` holds the new value of each, as validated text."""

    changes: dict[str, str]
    by: Actor
    why: str | None = None


class AccountMapped(Fact, frozen=True):
    """A person said which QuickBooks customer an account is, for deals of one currency or of all.

    `realm` is the company whose list they chose from; without it, the company that is connected.
    """

    account_id: Identifier
    customer_id: Identifier
    by: Actor
    currency: Currency | None = None
    realm: Identifier | None = None


class CustomerRequested(Fact, frozen=True):
    """A person asked to create a QuickBooks customer for an account.

    In the currency that they said, else in that of the deals that wait for one; named as the account is unless
    they said otherwise. `instead_of` is the customer that the account is and that can't be used.
    """

    account_id: Identifier
    by: Actor
    currency: Currency | None = None
    name: Name | None = None
    instead_of: Identifier | None = None


class ProductMapped(Fact, frozen=True):
    """A person said which QuickBooks item a product is; `realm` is as of an account."""

    product_id: Identifier
    item_id: Identifier
    by: Actor
    realm: Identifier | None = None


class ItemRequested(Fact, frozen=True):
    """A person asked to create a QuickBooks item for a product.

    `name` and `instead_of` are as of a customer.
    """

    product_id: Identifier
    by: Actor
    name: Name | None = None
    instead_of: Identifier | None = None


class InvoiceOrdered(Fact, frozen=True):
    """A person asked for a deal's invoice by hand.

    It opens the gates that a person may open (`auto_invoice_off`, `won_before_cut_over`), and lets an
    invoice that QuickBooks definitely refused be tried again as the next generation.
    """

    deal_id: Identifier
    by: Actor
    part: int = 0


class InvoiceNamed(Fact, frozen=True):
    """A person said which invoice in QuickBooks is a deal's, where that could not be looked up; it carries its mark."""

    deal_id: Identifier
    invoice_id: Identifier
    by: Actor
    part: int = 0


class DeadLettersDiscarded(Fact, frozen=True):
    """A person had dead letters deleted: so many, of one reason or some by their numbers, or all."""

    count: int
    by: Actor
    reason: Name | None = None
    numbers: tuple[int, ...] = ()
    why: str | None = None


AccessChange = Literal[
    "token_added", "token_revoked", "docusign_key_added", "docusign_key_removed", "docusign_refusals_seen"
]


class AccessChanged(Fact, frozen=True):
    """A person changed who may come in: a token or a key of DocuSign's, by its number and last characters."""

    change: AccessChange
    by: Actor
    number: int | None = None
    hint: str | None = None


class DayBegan(Fact, frozen=True):
    """A day began in a workspace: `date`, in the time zone `zone`."""

    date: date
    zone: str


class ConnectionAuthorized(Fact, frozen=True):
    """A person connected the workspace to a QuickBooks company."""

    realm: Identifier
    at: Instant


class ConnectionAwaited(Fact, frozen=True):
    """A person consented, and QuickBooks has not answered yet; until then it is asked again."""

    realm: Identifier
    at: Instant
    until: Instant


class ConnectionRefused(Fact, frozen=True):
    """A consent did not lead to a connection; `reason` is a sentence."""

    realm: Identifier
    at: Instant
    reason: Name


class ConnectionExpired(Fact, frozen=True):
    """QuickBooks no longer accepts our tokens; a person has to connect again."""

    realm: Identifier
    at: Instant
    reason: Name
