"""Facts about QuickBooks' objects as they were read: one event for each version whose kept fields differ."""

from datetime import date
from typing import Literal

from events.contract.values import Amount, Currency, Fact, Identifier, Instant, Name

SyncMode = Literal["first", "changes", "batch", "full"]


class VersionOf(Fact, frozen=True, kw_only=True):
    """A version of an object in QuickBooks.

    `sync_token` is QuickBooks' number of the version. It rises with each edit, and need not rise with a balance.
    """

    realm: Identifier
    sync_token: int = 0


class VendorObserved(VersionOf, frozen=True, kw_only=True):
    """A vendor: its name can't be a customer's."""

    vendor_id: Identifier
    display_name: Name
    active: bool = True


class EmployeeObserved(VersionOf, frozen=True, kw_only=True):
    """An employee: its name can't be a customer's."""

    employee_id: Identifier
    display_name: Name
    active: bool = True


class LedgerAccountObserved(VersionOf, frozen=True, kw_only=True):
    """An account of the ledger; `type` is QuickBooks' AccountType, such as Income."""

    ledger_account_id: Identifier
    name: Name
    type: Identifier
    active: bool = True


class TermObserved(VersionOf, frozen=True, kw_only=True):
    """A term of payment: due after days, or on a day of the month."""

    term_id: Identifier
    name: Name
    active: bool = True
    due_days: int | None = None
    day_of_month: int | None = None


class TaxCodeObserved(VersionOf, frozen=True, kw_only=True):
    """A tax code, with the IDs of its rates on sales."""

    tax_code_id: Identifier
    name: Name
    active: bool = True
    tax_rates: tuple[Identifier, ...] = ()


class TaxRateObserved(VersionOf, frozen=True, kw_only=True):
    """A tax rate, in percent."""

    tax_rate_id: Identifier
    name: Name
    active: bool = True
    percent: Amount | None = None


class SaleObserved(VersionOf, frozen=True, kw_only=True):
    """The fields of every transaction with a customer. `total` is with tax, in `currency`.

    `exchange_rate` is the price of one unit of `currency` in the company's own; None if that is the same currency.
    """

    currency: Currency
    txn_date: date
    total: Amount
    customer_id: Identifier | None = None
    exchange_rate: Amount | None = None
    voided: bool = False


class InvoiceObserved(SaleObserved, frozen=True, kw_only=True):
    """An invoice; `balance` is the amount that is still open."""

    invoice_id: Identifier
    tax: Amount
    balance: Amount
    doc_number: str | None = None
    due_date: date | None = None


class CreditMemoObserved(SaleObserved, frozen=True, kw_only=True):
    """A credit memo; `remaining` is the amount that is still to be used."""

    credit_memo_id: Identifier
    tax: Amount
    remaining: Amount
    doc_number: str | None = None


class SalesReceiptObserved(SaleObserved, frozen=True, kw_only=True):
    """A sale that was paid at once."""

    sales_receipt_id: Identifier
    tax: Amount
    doc_number: str | None = None


class RefundReceiptObserved(SaleObserved, frozen=True, kw_only=True):
    """A refund that was paid at once."""

    refund_receipt_id: Identifier
    tax: Amount
    doc_number: str | None = None


class Applied(Fact, frozen=True):
    """The part of a payment that is applied to a transaction; `entity` is such as Invoice or CreditMemo."""

    entity: Identifier
    entity_id: Identifier
    amount: Amount


class PaymentObserved(SaleObserved, frozen=True, kw_only=True):
    """A payment, and the transactions that it is applied to; `unapplied` is the rest of it."""

    payment_id: Identifier
    unapplied: Amount
    applied: tuple[Applied, ...] = ()


class ObjectDeleted(Fact, frozen=True):
    """An object is gone from QuickBooks. `entity` is QuickBooks' name of its kind, such as Invoice."""

    realm: Identifier
    entity: Identifier
    entity_id: Identifier


class ObjectVoided(Fact, frozen=True):
    """A transaction was voided: it is still there, and its amounts are 0."""

    realm: Identifier
    entity: Identifier
    entity_id: Identifier


class ObjectMerged(Fact, frozen=True):
    """An entry of a list was merged into another one and is gone; `survivor` is the other one's ID, if it is known."""

    realm: Identifier
    entity: Identifier
    entity_id: Identifier
    survivor: Identifier | None = None


class ObjectUnreadable(Fact, frozen=True):
    """QuickBooks has an object with a value that this version can't read; its last observed version stays."""

    realm: Identifier
    entity: Identifier
    entity_id: Identifier
    problem: str


class SyncRequested(Fact, frozen=True):
    """A person asked to read the changes in QuickBooks now; `full` compares every object."""

    by: Name
    full: bool = False


class EntityCount(Fact, frozen=True):
    """The objects of one kind in a sync: how many QuickBooks has, if they were counted, were read, and had changed."""

    entity: Identifier
    read: int = 0
    changed: int = 0
    total: int | None = None


class SyncBegan(Fact, frozen=True):
    """A sync that reads every object has begun; `counts` are those that QuickBooks has."""

    realm: Identifier
    mode: SyncMode
    began_at: Instant
    counts: tuple[EntityCount, ...] = ()


class SyncCompleted(Fact, frozen=True):
    """Everything that had changed in QuickBooks until `began_at` is observed."""

    realm: Identifier
    mode: SyncMode
    began_at: Instant
    counts: tuple[EntityCount, ...] = ()
