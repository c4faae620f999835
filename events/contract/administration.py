"""Events from the actions of people: settings, mappings, connections, invoices requested by hand."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from events.contract.matching import MappingEvidence
from events.contract.values import Currency, Fact, Identifier, Instant, Name

Actor = Annotated[str, Meta(max_length=200, description="Who did it")]


class SettingsChanged(Fact, frozen=True):
    """Settings of a workspace were changed; `changes` has the new value of each, as validated text."""

    changes: dict[str, str]
    by: Actor
    why: str | None = None


class AccountMapped(Fact, frozen=True):
    """A person mapped an account to a QuickBooks customer, for deals in one currency or in all.

    `realm` is the company of the customer; without it, the connected company. `evidence` is what the matcher said of the
    customer, if it was a candidate. `also` is true if the customer is another account's, and this one is linked for
    invoices only.
    """

    account_id: Identifier
    customer_id: Identifier
    by: Actor
    currency: Currency | None = None
    realm: Identifier | None = None
    evidence: MappingEvidence | None = None
    also: bool = False


class CustomerRequested(Fact, frozen=True):
    """A person requested a new QuickBooks customer for an account.

    Without `currency`, it gets that of the deals that wait for it; without `name`, it gets the account's. `instead_of`
    is the customer that the account is mapped to and that can't be used.
    """

    account_id: Identifier
    by: Actor
    currency: Currency | None = None
    name: Name | None = None
    instead_of: Identifier | None = None


class ProductMapped(Fact, frozen=True):
    """A person mapped a product to a QuickBooks item; `realm` and `evidence` have the meaning of `AccountMapped`'s."""

    product_id: Identifier
    item_id: Identifier
    by: Actor
    realm: Identifier | None = None
    evidence: MappingEvidence | None = None


class ItemRequested(Fact, frozen=True):
    """A person requested a new QuickBooks item for a product.

    `name` and `instead_of` have the meaning of `CustomerRequested`'s.
    """

    product_id: Identifier
    by: Actor
    name: Name | None = None
    instead_of: Identifier | None = None


class InvoiceRequested(Fact, frozen=True):
    """A person requested a deal's invoice by hand.

    This opens the gates that a person may open (`auto_invoice_off`, `won_before_cut_over`), and retries an invoice
    that QuickBooks definitely rejected as the next generation.
    """

    deal_id: Identifier
    by: Actor
    part: int = 0


class InvoiceNamed(Fact, frozen=True):
    """A person named a deal's invoice in QuickBooks, whose look-up failed; the invoice has to carry the deal's mark."""

    deal_id: Identifier
    invoice_id: Identifier
    by: Actor
    part: int = 0


class DeadLettersDiscarded(Fact, frozen=True):
    """A person discarded `count` dead letters: all, those of one reason, or those with certain numbers."""

    count: int
    by: Actor
    reason: Name | None = None
    numbers: tuple[int, ...] = ()
    why: str | None = None


AccessChange = Literal[
    "token_added", "token_revoked", "docusign_key_added", "docusign_key_removed", "docusign_refusals_seen"
]


class AccessChanged(Fact, frozen=True):
    """A person added or removed a token or a DocuSign key; `number` and `hint` (last characters) identify it."""

    change: AccessChange
    by: Actor
    number: int | None = None
    hint: str | None = None


class DayBegan(Fact, frozen=True):
    """A day began in a workspace: `date`, in the time zone `zone`."""

    date: date
    zone: str


class SyncDue(Fact, frozen=True):
    """A sync was due in a workspace at the instant `due`, by its `sync_frequency`: `hourly` or `daily HH:MM`."""

    frequency: Name
    due: Instant


ConsentProblem = Literal[
    "another_company",
    "code_refused",
    "insufficient_rights",
    "key_missing",
    "newer_consent",
    "not_answered",
    "realm_taken",
    "refused_by_quickbooks",
    "subscription_lapsed",
    "tokens_refused",
    "wrong_environment",
]


# What a company's plan may lack, and its sentence.
PlanLimit = Literal["multicurrency"]
LACKS: dict[PlanLimit, str] = {
    "multicurrency": "Its plan has one currency, so deals in other currencies wait",
}


class ConnectionAuthorized(Fact, frozen=True):
    """A person connected the workspace to a QuickBooks company.

    `company` is its name, `plan` its QuickBooks plan as QuickBooks tells it, `by` the person who began the consent,
    `instead_of` the company that the workspace was connected to before, if that is another one, and `lacks` what the
    plan lacks.
    """

    realm: Identifier
    at: Instant
    company: Name | None = None
    plan: Name | None = None
    by: Actor | None = None
    instead_of: Identifier | None = None
    lacks: tuple[PlanLimit, ...] = ()


class ConnectionAwaited(Fact, frozen=True):
    """A person consented, and QuickBooks has not answered yet; the request is retried until `until`."""

    realm: Identifier
    at: Instant
    until: Instant


class ConnectionRefused(Fact, frozen=True):
    """A consent did not lead to a connection.

    `reason` is a sentence, and `problem` its code; `unreadable` are the entities, such as Invoice, that the user who
    consented may not read.
    """

    realm: Identifier
    at: Instant
    reason: Name
    problem: ConsentProblem | None = None
    unreadable: tuple[Name, ...] = ()


class ConnectionDisconnected(Fact, frozen=True):
    """A person disconnected the workspace from its QuickBooks company; `company` is its name."""

    realm: Identifier
    at: Instant
    by: Actor
    company: Name | None = None
    why: str | None = None


# What ends a connection: its refresh token was not refreshed for too long, or the consent is too old to be refreshed.
ConnectionEnd = Literal["refresh_expires", "hard_expires"]


class ConnectionAlarmRaised(Fact, frozen=True):
    """A connection ends soon, at `expires_at`, unless a person or a refresh prevents it."""

    realm: Identifier
    at: Instant
    alarm: ConnectionEnd
    expires_at: Instant


class ConnectionAlarmCleared(Fact, frozen=True):
    """A connection no longer ends soon: it was refreshed or authorised again, or its company was left."""

    realm: Identifier
    at: Instant
    alarm: ConnectionEnd


class ConnectionExpired(Fact, frozen=True):
    """QuickBooks no longer accepts our tokens; a person has to connect again."""

    realm: Identifier
    at: Instant
    reason: Name
